//! Session ids.

use std::fmt;

use arrayvec::ArrayString;
use sha2::{Digest, Sha256};

use crate::encoding::{URL_SAFE, encode_short};

/// The id of a stored session: 22 to 64 characters of `A–Z a–z 0–9 - _`.
///
/// New ids are 128 random bits from the operating system, as 22 characters of base64url. Ids of other programs, such as
/// the UUIDs of starlette-session, are accepted if the store has a session under them. Formats of other frameworks may
/// accept [shorter ids and other characters](Self::parse_foreign).
///
/// An id is as good as a password: `Debug` prints its [fingerprint](Self::fingerprint), and there is no `Display`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(ArrayString<{ Self::MAX_LEN }>);

impl SessionId {
    const MIN_LEN: usize = 22;
    pub(crate) const MAX_LEN: usize = 64;

    /// Makes a new id from the operating system's random numbers; `None` if there are none.
    pub(crate) fn random() -> Option<Self> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).ok()?;
        let mut text = [0; Self::MIN_LEN];
        encode_short(&bits, &mut text);
        Self::from_bytes(&text)
    }

    /// Makes the id with these bits, which no client must be able to guess.
    pub(crate) fn of_bits(bits: &[u8; 16]) -> Self {
        let mut text = [0; Self::MIN_LEN];
        encode_short(bits, &mut text);
        Self::from_bytes(&text).expect("base64url has the form of an id")
    }

    /// Parses an id; `None` if the text does not have the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    /// Parses an id of a [`TokenFormat`](crate::format::TokenFormat) whose framework lets applications choose ids: 8 to
    /// 64 printable ASCII characters. Use it only for an id from a signed token, so that no client can choose one.
    #[must_use]
    pub fn parse_foreign(text: &[u8]) -> Option<Self> {
        const MIN_LEN: usize = 8;
        if !(MIN_LEN..=Self::MAX_LEN).contains(&text.len()) || !text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        Some(Self(ArrayString::from(std::str::from_utf8(text).ok()?).ok()?))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&bytes.len()) || !URL_SAFE.has_all(bytes) {
            return None;
        }
        Some(Self(ArrayString::from(std::str::from_utf8(bytes).ok()?).ok()?))
    }

    /// Returns the id itself. Don't log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first eight hexadecimal digits of the id's SHA-256. They identify a session in logs, and the id
    /// can't be computed from them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Sha256::digest(self.0.as_bytes())[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn new_ids_are_128_bits_and_all_different() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| SessionId::random().unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(URL_SAFE_NO_PAD.decode(id.as_str()).unwrap().len(), 16);
            assert_eq!(SessionId::parse(id.as_str()), Some(id));
        }
    }

    #[test]
    fn only_plain_texts_of_fitting_length_are_ids() {
        assert!(SessionId::parse("697a5ae2-203d-4c23-8e51-cb1b5c8a89a6").is_some());
        let too_long = "a".repeat(65);
        for text in [
            "",
            "short",
            "a23456789012345678901",
            "session:1234567890123456789012",
            "é234567890123456789012",
            &too_long,
        ] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_does_not_print_the_id() {
        let id = SessionId::random().unwrap();
        assert!(!format!("{id:?}").contains(id.as_str()));
    }
}
