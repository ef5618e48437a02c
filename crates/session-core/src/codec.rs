//! The bytes that a store keeps of a session.

use crate::backend::{Applied, BackendError, BackendErrorKind};
use crate::map::{MapError, SessionMap};

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

    /// [`Self::encode`], with room for so many more bytes: for backends that append to it what they send along.
    ///
    /// # Errors
    ///
    /// As of [`Self::encode`].
    fn encode_with_room(&self, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let mut bytes = self.encode(session)?;
        bytes.reserve_exact(room);
        Ok(bytes)
    }

    /// [`Self::encode_with_room`], for the store's key of the session; by default without regard to it.
    ///
    /// This is for formats whose values name their session. The key ends with the session's id. Backends call this method,
    /// never those that it calls.
    ///
    /// # Errors
    ///
    /// As of [`Self::encode`].
    fn encode_under(&self, key: &str, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let _ = key;
        self.encode_with_room(session, room)
    }

    /// [`Self::decode`], for the store's key that the bytes stood under; by default without regard to it.
    ///
    /// Backends call this method for a session that a request loads, and [`Self::decode`] where the key is known to be the
    /// session's own.
    ///
    /// # Errors
    ///
    /// As of [`Self::decode`], and [`BackendErrorKind::Corrupt`] if the bytes name another session.
    fn decode_under(&self, key: &str, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let _ = key;
        self.decode(bytes)
    }

    /// Returns `true` if the bytes are just the session's JSON text; by default `false`.
    fn is_json(&self) -> bool {
        false
    }

    /// Returns bytes that other readers of the store take for a missing session, whatever follows them; default empty.
    ///
    /// memcached keeps the note that a session was removed under the session's own key, behind these bytes.
    fn absent_prefix(&self) -> &'static [u8] {
        b""
    }
}

/// The session's JSON text, readable by any language.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonCodec;

impl SessionCodec for JsonCodec {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        self.encode_with_room(session, 0)
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        Ok(SessionMap::from_slice(bytes)?)
    }

    fn encode_with_room(&self, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let mut text = String::with_capacity(session.json_len() + room);
        session.write_json(&mut text);
        Ok(text.into_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON, but not of every session.
    struct Reluctant;

    impl SessionCodec for Reluctant {
        fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
            if session.contains_key("secret") {
                return Err(BackendError::new(BackendErrorKind::Other, Applied::No));
            }
            JsonCodec.encode(session)
        }

        fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
            JsonCodec.decode(bytes)
        }

        fn is_json(&self) -> bool {
            true
        }
    }

    #[test]
    fn bytes_with_room_are_those_without() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(5000));
        for text in ["{}", r#"{"a":1}"#, &long] {
            let mut session = SessionMap::from_json(text).unwrap();
            // Of a long text, an edit leaves no object's text behind.
            session.insert("b", 2).unwrap();
            for codec in [&JsonCodec as &dyn SessionCodec, &Reluctant] {
                let bytes = codec.encode_with_room(&session, 100).unwrap();
                assert!(bytes.capacity() >= bytes.len() + 100);
                assert_eq!(bytes, codec.encode(&session).unwrap());
                assert_eq!(bytes, session.as_json().as_bytes());
            }
        }
        let refused = SessionMap::from_json(r#"{"secret":1}"#).unwrap();
        assert!(Reluctant.encode_with_room(&refused, 100).is_err());
    }
}
