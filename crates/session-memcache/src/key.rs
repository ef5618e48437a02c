//! Keys that memcached takes for one word.

use session_core::{Applied, BackendError, BackendErrorKind};

/// The longest key that memcached takes, in bytes.
const MAX_BYTES: usize = 250;

/// A key that was checked. No other ever reaches the wire: an empty one would make the server take the value for its next
/// command, and one with a space or a line break would be two words or two commands.
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

    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

/// The key itself is not printed: it holds a session id.
#[derive(Debug, thiserror::Error)]
#[error("a memcached key has 1 to {MAX_BYTES} visible ASCII characters")]
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
