//! Versions of stored sessions.

use std::borrow::Cow;
use std::fmt;

use sha1::{Digest, Sha1};

use crate::map::SessionMap;

/// The version of a stored session: at most 32 opaque bytes, which a backend makes and compares. It tells whether the
/// session has changed since it was read.
///
/// Make it from something that the store itself keeps, such as a compare-and-set token or a digest of the stored bytes.
/// Don't use a counter beside the session, because other programs that write to the store would not increment it.
#[derive(Clone)]
pub struct Version(Content);

#[derive(Clone)]
enum Content {
    Bytes {
        bytes: [u8; Version::MAX_LEN],
        len: u8,
    },
    /// The session whose JSON text is digested.
    Sha1OfJson(SessionMap),
}

impl Version {
    /// The largest number of bytes of a version: 32, as many as a SHA-256 has.
    pub const MAX_LEN: usize = 32;

    /// Makes a version of these bytes; `None` if there are more than [`Self::MAX_LEN`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut copy = [0; Self::MAX_LEN];
        copy.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(Content::Bytes { bytes: copy, len: u8::try_from(bytes.len()).ok()? }))
    }

    /// Returns the SHA-1 of a session's JSON text as a version, for stores that keep just that text.
    ///
    /// The digest is computed when [`as_bytes`](Self::as_bytes) is called, so that a session that is only read needs
    /// none.
    #[must_use]
    pub fn sha1_of_json(session: &SessionMap) -> Self {
        Self(Content::Sha1OfJson(session.clone()))
    }

    /// Returns the session that the version is a [digest](Self::sha1_of_json) of; `None` for a version of other bytes.
    ///
    /// It is meant for stores that can also compare text, because comparing a short text is cheaper than hashing it on
    /// both sides. [`SessionMap::as_json`] of that session is the text that was read or written, byte for byte.
    #[must_use]
    pub fn json(&self) -> Option<&SessionMap> {
        match &self.0 {
            Content::Sha1OfJson(session) => Some(session),
            Content::Bytes { .. } => None,
        }
    }

    /// Returns `true` if the version was made of this number.
    #[inline]
    pub(super) fn is_number(&self, number: u64) -> bool {
        matches!(&self.0, Content::Bytes { bytes, len: 8 } if bytes[..8] == number.to_be_bytes())
    }

    /// Returns the bytes of the version.
    #[must_use]
    pub fn as_bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Content::Bytes { bytes, len } => Cow::Borrowed(&bytes[..usize::from(*len)]),
            Content::Sha1OfJson(session) => Cow::Owned(Sha1::digest(session.as_json().as_bytes()).to_vec()),
        }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Content::Sha1OfJson(own), Content::Sha1OfJson(others)) if own.is_clone_of(others) => true,
            _ => self.as_bytes() == other.as_bytes(),
        }
    }
}

impl Eq for Version {}

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Self(Content::Bytes { bytes, len: 8 })
    }
}

impl From<[u8; 32]> for Version {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Content::Bytes { bytes, len: 32 })
    }
}

/// A digest of session data is not printed.
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_its_bytes() {
        assert_eq!(Version::from_bytes(b"abc").unwrap().as_bytes(), &b"abc"[..]);
        assert_eq!(Version::from_bytes(&[7; 32]).unwrap(), Version::from([7; 32]));
        assert_eq!(Version::from(258).as_bytes(), &[0, 0, 0, 0, 0, 0, 1, 2][..]);
        assert_eq!(Version::from_bytes(&[0; 33]), None);
        assert_eq!(Version::from_bytes(&[0; 300]), None);
    }

    #[test]
    fn a_digest_is_that_of_the_text_as_it_is_stored() {
        let session = SessionMap::from_json(r#"{"a": 1}"#).unwrap();
        let version = Version::sha1_of_json(&session);
        assert_eq!(version.as_bytes(), Sha1::digest(r#"{"a": 1}"#).to_vec());
        assert_eq!(version, Version::from_bytes(&version.as_bytes()).unwrap());
        let mut changed = session.clone();
        changed.insert("a", 2).unwrap();
        assert_ne!(version, Version::sha1_of_json(&changed));
        assert_eq!(version, Version::sha1_of_json(&SessionMap::from_json(r#"{"a": 1}"#).unwrap()));
    }

    #[test]
    fn a_digest_knows_its_text_and_no_other_version_does() {
        let mut session = SessionMap::from_json(r#"{"a": 1,  "b": 2}"#).unwrap();
        let version = Version::sha1_of_json(&session);
        assert_eq!(version.json().unwrap().as_json(), r#"{"a": 1,  "b": 2}"#);
        session.insert("a", 3).unwrap();
        assert_eq!(version.json().unwrap().as_json(), r#"{"a": 1,  "b": 2}"#, "it was not written to");
        assert_eq!(Version::sha1_of_json(&session).json().unwrap().as_json(), r#"{"a": 3,  "b": 2}"#);
        for other in [Version::from(7), Version::from_bytes(&version.as_bytes()).unwrap()] {
            assert!(other.json().is_none());
        }
    }
}
