//! Pickles of plain data, read and written.

mod hostile;
mod python;
mod vectors;

use std::error::Error;

use session_compat::{PickleError, StarlettePickle};
use session_core::{BackendErrorKind, SessionCodec, SessionMap};

/// The session of a pickle.
fn read(pickle: &[u8]) -> Result<SessionMap, PickleError> {
    StarlettePickle.decode(pickle).map_err(|error| {
        assert_eq!(error.kind(), BackendErrorKind::Corrupt);
        let source = error.source().and_then(|source| source.downcast_ref::<PickleError>());
        source.expect("the source tells why").clone()
    })
}

/// The pickle of a session.
fn write(json: &str) -> Vec<u8> {
    StarlettePickle.encode(&SessionMap::from_json(json).expect("tests write JSON")).expect("Python holds it")
}
