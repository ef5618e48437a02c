//! Versions of stored sessions.

use std::fmt;

/// Tells whether a stored session is still the one that was read: opaque bytes that a backend makes and compares.
///
/// Make it of what the store itself keeps: a compare-and-set token, or a digest of the stored bytes, since other writers
/// store no version. At most 32 bytes, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Version {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl Version {
    /// The longest version: a SHA-256.
    pub const MAX_LEN: usize = 32;

    /// A version of these bytes; `None` if there are more than [`Self::MAX_LEN`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut version = Self { bytes: [0; Self::MAX_LEN], len: u8::try_from(bytes.len()).ok()? };
        version.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(version)
    }

    /// The bytes it was made of.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        let mut version = Self { bytes: [0; Self::MAX_LEN], len: 8 };
        version.bytes[..8].copy_from_slice(&number.to_be_bytes());
        version
    }
}

impl From<[u8; 32]> for Version {
    fn from(bytes: [u8; 32]) -> Self {
        Self { bytes, len: 32 }
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
        assert_eq!(Version::from_bytes(b"abc").unwrap().as_bytes(), b"abc");
        assert_eq!(Version::from_bytes(&[7; 32]).unwrap(), Version::from([7; 32]));
        assert_eq!(Version::from(258).as_bytes(), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Version::from_bytes(&[0; 33]), None);
        assert_eq!(Version::from_bytes(&[0; 300]), None);
    }
}
