//! Keys that memcached reads as one word.

use session_core::{Applied, BackendError, BackendErrorKind};

/// The longest key that memcached takes, in bytes.
const MAX_BYTES: usize = 250;

/// A checked key. No other key is ever sent. memcached would take the value of an empty key for its next command, and
/// would read a key with a space or a line break as two words or two commands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key<'a>(&'a str);

impl<'a> Key<'a> {
    pub(crate) fn check(text: &'a str) -> Result<Self, BackendError> {
        let sound = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound {
            Ok(Self(text))
        } else {
            Err(BackendError::new(BackendErrorKind::Other, Applied::No).with_source(UnsoundKey))
        }
    }

    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

/// Does not print the key, which holds a session id.
#[derive(Debug, thiserror::Error)]
#[error("memcached: a key must have 1 to {MAX_BYTES} visible ASCII characters")]
struct UnsoundKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_up_to_250_bytes_passes() {
        for sound in ["!", "~", "session:0A-z_", &"k".repeat(250)] {
            assert!(Key::check(sound).is_ok(), "{sound}");
        }
        let long = "k".repeat(251);
        for unsound in ["", " ", "a b", "a\r\nget b", "a\n", "a\0", "a\t", "\u{7f}", "é", "get other", &long] {
            let error = Key::check(unsound).err().expect(unsound);
            assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Other, Applied::No));
        }
    }
}
