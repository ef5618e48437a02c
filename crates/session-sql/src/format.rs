//! The stored form of a session, and its version.

use session_core::{Applied, BackendError, BackendErrorKind, SessionCodec, SessionMap, Stored, Version};
use sha2::{Digest, Sha256};

use crate::request::Value;

/// A codec and the longest value.
pub(crate) struct Format {
    pub(crate) codec: Box<dyn SessionCodec>,
    /// `true` if values are text, in a column of text.
    pub(crate) is_text: bool,
    pub(crate) max_value_bytes: usize,
}

impl Format {
    /// Returns the stored form of a session, and the version that it has after the write.
    pub(crate) fn encode(&self, key: &str, session: &SessionMap) -> Result<(Value, Version), BackendError> {
        let bytes = self.codec.encode_under(key, session, 0)?;
        self.check_size(&bytes)?;
        let version = self.version(&bytes, session);
        if !self.is_text {
            return Ok((Value::Bytes(bytes), version));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| BackendError::new(BackendErrorKind::Other, Applied::No).with_source(error.utf8_error()))?;
        Ok((Value::Text(text), version))
    }

    /// Decodes the session that was found under a key.
    pub(crate) fn decode_under(&self, key: &str, bytes: &[u8]) -> Result<Stored, BackendError> {
        self.check_size(bytes)?;
        let session = self.codec.decode_under(key, bytes)?;
        let version = self.version(bytes, &session);
        Ok(Stored::new(session, version))
    }

    fn check_size(&self, bytes: &[u8]) -> Result<(), BackendError> {
        if bytes.len() > self.max_value_bytes {
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No));
        }
        Ok(())
    }

    /// Returns the version of a stored value: the text itself, which is hashed only if needed, or a SHA-256.
    ///
    /// It is computed from the value, because other programs that write to the table don't maintain a version.
    fn version(&self, bytes: &[u8], session: &SessionMap) -> Version {
        if self.codec.is_json() { Version::sha1_of_json(session) } else { Version::from(sha256(bytes)) }
    }
}

/// Returns the SHA-256 of a version's value, with which servers compare.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn digest(version: &Version) -> Vec<u8> {
    match version.json() {
        Some(session) => sha256(session.as_json().as_bytes()).to_vec(),
        None => version.as_bytes().into_owned(),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
