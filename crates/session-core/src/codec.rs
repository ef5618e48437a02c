//! What a store keeps of a session: bytes.

use crate::backend::{Applied, BackendError, BackendErrorKind};
use crate::{MapError, SessionMap};

/// Turns sessions into the bytes that a store keeps, and back. Backends that keep bytes take one; the default is
/// [`JsonCodec`].
///
/// ```
/// use session_core::{JsonCodec, SessionCodec, SessionMap};
///
/// let session = SessionMap::from_json(r#"{"user":"ann"}"#)?;
/// let bytes = JsonCodec.encode(&session)?;
/// assert_eq!(bytes, br#"{"user":"ann"}"#);
/// assert_eq!(JsonCodec.decode(&bytes)?, session);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SessionCodec: Send + Sync + 'static {
    /// The bytes of a session.
    ///
    /// # Errors
    ///
    /// If the codec can't carry this session.
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError>;

    /// The session of these bytes.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`] if they are not what [`encode`](Self::encode) makes.
    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError>;

    /// Whether the bytes are just the session's JSON text, so that one tells the other; default `false`.
    fn is_json(&self) -> bool {
        false
    }
}

/// The session's JSON text, readable by any language.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonCodec;

impl SessionCodec for JsonCodec {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Ok(session.to_json().into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        Ok(SessionMap::from_slice(bytes)?)
    }

    fn is_json(&self) -> bool {
        true
    }
}

/// Stored text that is not a session.
impl From<MapError> for BackendError {
    fn from(error: MapError) -> Self {
        Self::new(BackendErrorKind::Corrupt, Applied::No).with_source(error)
    }
}
