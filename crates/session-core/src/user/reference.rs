//! References to sign-ins.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use crate::encoding::{URL_SAFE, encode_short};

/// A reference to a sign-in, which pages and logs may show: 16 characters of `A–Z a–z 0–9 - _`.
///
/// It is random, and a renewed session keeps it. It is not the session's id, so it grants no access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionRef(ArrayString<{ Self::LEN }>);

impl SessionRef {
    const LEN: usize = 16;

    /// Makes a new reference; `None` if the operating system has no random numbers to give.
    pub(crate) fn random() -> Option<Self> {
        let mut bits = [0; 12];
        getrandom::fill(&mut bits).ok()?;
        let mut text = [0; Self::LEN];
        encode_short(&bits, &mut text);
        std::str::from_utf8(&text).ok()?.parse().ok()
    }

    /// Returns the text, from which it can be parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The error for a text that is not a [`SessionRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session reference has 16 characters of base64url")]
#[non_exhaustive]
pub struct ParseSessionRefError;

impl FromStr for SessionRef {
    type Err = ParseSessionRefError;

    fn from_str(text: &str) -> Result<Self, ParseSessionRefError> {
        if text.len() != Self::LEN || !URL_SAFE.has_all(text.as_bytes()) {
            return Err(ParseSessionRefError);
        }
        ArrayString::from(text).map(Self).map_err(|_| ParseSessionRefError)
    }
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRef({})", self.0)
    }
}

impl Serialize for SessionRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    #[test]
    fn a_reference_is_read_back_and_is_no_session_id() {
        let reference = SessionRef::random().unwrap();
        assert_ne!(Some(reference), SessionRef::random());
        assert_eq!(reference.to_string().parse(), Ok(reference));
        assert_eq!(serde_json::from_str::<SessionRef>(&format!("\"{reference}\"")).unwrap(), reference);
        assert_eq!(SessionId::parse(reference.as_str()), None);
        for wrong in ["", "0123456789abcde", "0123456789abcdefg", "0123456789abcde/", "0123456789abcdé"] {
            assert_eq!(wrong.parse::<SessionRef>(), Err(ParseSessionRefError), "{wrong}");
        }
    }
}
