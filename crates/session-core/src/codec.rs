//! The conversion between sessions and the bytes that a store keeps.

use crate::backend::{Applied, BackendError, BackendErrorKind};
use crate::map::{MapError, SessionMap};

/// Converts sessions to the bytes that a store keeps, and back. Backends that store bytes take a codec; the default is
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
    /// Encodes a session.
    ///
    /// # Errors
    ///
    /// If the codec can't represent the session.
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError>;

    /// Decodes a session.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`] if the bytes are not a session in this encoding.
    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError>;

    /// Encodes a session into a vector with room for `room` more bytes, to which a backend can append. By default calls
    /// [`Self::encode`].
    ///
    /// # Errors
    ///
    /// If the codec can't represent the session.
    fn encode_with_room(&self, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let mut bytes = self.encode(session)?;
        bytes.reserve_exact(room);
        Ok(bytes)
    }

    /// Encodes a session that is stored under `key`; by default calls [`Self::encode_with_room`] and ignores the key.
    ///
    /// It is meant for formats whose stored values contain the session's id, which is the end of the key. Backends must
    /// call this method, not the other two `encode` methods.
    ///
    /// # Errors
    ///
    /// If the codec can't represent the session.
    fn encode_under(&self, key: &str, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let _ = key;
        self.encode_with_room(session, room)
    }

    /// Decodes a session that was stored under `key`; by default calls [`Self::decode`] and ignores the key.
    ///
    /// Backends call this method for a session that a request loads. They may call [`Self::decode`] where the key is
    /// known to be the session's own.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`] if the bytes are not a session in this encoding, or contain the id of another
    /// session.
    fn decode_under(&self, key: &str, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let _ = key;
        self.decode(bytes)
    }

    /// Returns `true` if the encoded bytes are exactly the session's JSON text; by default `false`. Backends may then
    /// compare and hash that text without encoding it.
    fn is_json(&self) -> bool {
        false
    }

    /// Returns the memcached client flags of encoded values, by which other clients recognise their format; by default
    /// 0.
    fn client_flags(&self) -> u32 {
        0
    }

    /// Returns a prefix that makes other readers of the store take a value for a missing session; by default empty.
    ///
    /// The backend of memcached keeps the marker of a removed session under the session's own key, and writes this
    /// prefix before it.
    fn absent_prefix(&self) -> &'static [u8] {
        b""
    }
}

/// The reason why a backend does not take the codec of a [`Format`](crate::format::Format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecRefusal {
    /// The backend keeps sessions in its own form.
    OwnForm,
    /// The application has already set a codec on the backend.
    AlreadySet,
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

    /// Returns 2, which means JSON for starlette-session and pymemcache.
    fn client_flags(&self) -> u32 {
        2
    }
}

/// A text that is not a session becomes an error of the kind [`BackendErrorKind::Corrupt`].
impl From<MapError> for BackendError {
    fn from(error: MapError) -> Self {
        Self::new(BackendErrorKind::Corrupt, Applied::No).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A codec that writes JSON, and refuses some sessions.
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
            // An edit of a long text leaves its entries scattered.
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
