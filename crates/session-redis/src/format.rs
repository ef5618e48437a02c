//! The stored form of a session: the bytes of a codec, and the version that scripts compare.

use std::sync::Arc;

use fred::bytes::Bytes;
use session_core::{
    Applied, BackendError, BackendErrorKind, CodecRefusal, JsonCodec, SessionCodec, SessionMap, Stored, Version,
};
use sha1::{Digest, Sha1};

use crate::script::hex;

/// The length from which values are compared by their digest. Two shorter values and the rest of the command fit into
/// one TCP segment.
pub(crate) const LONG: usize = 512;

/// The length of a SHA-1 in hexadecimal digits.
const DIGEST_LEN: usize = 40;

/// A codec and the longest value.
pub(crate) struct Format {
    codec: Arc<dyn SessionCodec>,
    /// `true` if the application has set the codec.
    is_set: bool,
    pub(crate) max_value_bytes: usize,
}

impl Format {
    pub(crate) fn new(codec: Option<Arc<dyn SessionCodec>>, max_value_bytes: usize) -> Self {
        Self { is_set: codec.is_some(), codec: codec.unwrap_or_else(|| Arc::new(JsonCodec)), max_value_bytes }
    }

    /// Returns the format with another codec, unless the application has set one.
    pub(crate) fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Self, CodecRefusal> {
        if self.is_set { Err(CodecRefusal::AlreadySet) } else { Ok(Self::new(Some(codec), self.max_value_bytes)) }
    }

    /// Encodes the session of a key into a buffer with room for `room` more bytes.
    pub(crate) fn encode(&self, key: &str, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let bytes = self.codec.encode_under(key, session, room)?;
        self.check_size(&bytes)?;
        Ok(bytes)
    }

    /// Decodes the session that was found under a key.
    pub(crate) fn decode_under(&self, key: &str, bytes: &[u8]) -> Result<Stored, BackendError> {
        self.check_size(bytes)?;
        Ok(self.stored(bytes, self.codec.decode_under(key, bytes)?))
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Stored, BackendError> {
        self.check_size(bytes)?;
        Ok(self.stored(bytes, self.codec.decode(bytes)?))
    }

    fn stored(&self, bytes: &[u8], session: SessionMap) -> Stored {
        let version = self.version(bytes, &session);
        Stored::new(session, version)
    }

    fn check_size(&self, bytes: &[u8]) -> Result<(), BackendError> {
        if bytes.len() > self.max_value_bytes {
            let cause =
                format!("redis: a session of {} bytes, and `max_value_bytes` is {}", bytes.len(), self.max_value_bytes);
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No).with_source(cause));
        }
        Ok(())
    }

    /// Returns the version of a stored session: the SHA-1 of its bytes, which scripts can compute. If the [text
    /// itself](push_expected) is compared, the SHA-1 is never computed.
    ///
    /// Two values with the same digest would count as equal. Only a program that writes both values is known to be able
    /// to make them, and it could write any other value as well.
    pub(crate) fn version(&self, bytes: &[u8], session: &SessionMap) -> Version {
        if self.codec.is_json() {
            return Version::sha1_of_json(session);
        }
        Version::from_bytes(&Sha1::digest(bytes)).expect("a SHA-1 is shorter than the longest version")
    }
}

/// Appends a version in the form that scripts compare: a short value itself, and a longer one as its digest. A value
/// that is exactly as long as a digest is also compared by its digest, because a script would mistake it for one.
///
/// An empty version, which this backend never returns, becomes a digest that no known value has, because a script takes
/// an empty argument for "any version".
pub(crate) fn push_expected(out: &mut Vec<u8>, version: &Version) {
    // Hashing a short value, here and on the server, costs more than sending it.
    let short = |session: &&SessionMap| !matches!(session.json_len(), DIGEST_LEN | LONG..);
    match version.json().filter(short) {
        Some(session) => out.extend_from_slice(session.as_json().as_bytes()),
        None => {
            let bytes = version.as_bytes();
            out.extend(if bytes.is_empty() { hex(&[0; DIGEST_LEN / 2]) } else { hex(&bytes) });
        }
    }
}

/// Returns a version as scripts compare it.
pub(crate) fn expected(version: &Version) -> Bytes {
    let mut expected = Vec::new();
    push_expected(&mut expected, version);
    expected.into()
}
