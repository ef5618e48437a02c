//! What must happen in one step on the server.
//!
//! The version that a script compares is the value that was read itself, or its SHA-1 in 40 hexadecimal digits. So a value
//! of just 40 bytes is never given as it is.

use std::sync::LazyLock;

use fred::bytes::Bytes;
use fred::bytes_utils::Str;
use fred::util::static_str;
use sha1::{Digest, Sha1};

/// A script, which servers know by its digest once they have seen it.
pub(crate) struct Script {
    pub(crate) text: Str,
    pub(crate) digest: Str,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let digest = Str::from_inner(Bytes::from(hex(&Sha1::digest(text)))).expect("digits are text");
        Self { text: static_str(text), digest }
    }
}

/// Keys: session. Arguments: version, value, seconds.
///
/// Answers 1, or the value that is there instead, or nil.
pub(crate) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return false end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1",
    )
});

/// Keys: session, marker. Arguments: version or nothing, marker or nothing, seconds of the marker.
///
/// Answers 1, or the value that is there instead, or an array with the marker that is there or nil. Deletes first: a
/// server that is out of memory refuses the first write of a script if that needs memory, and none after it.
pub(crate) static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] ~= '' then
  local current = redis.call('GET', KEYS[1])
  local seen = current and #ARGV[1] == 40 and redis.sha1hex(current) or current
  if seen and seen ~= ARGV[1] then return current end
end
if redis.call('DEL', KEYS[1]) == 0 then return {redis.call('GET', KEYS[2])} end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3]) end
return 1",
    )
});

/// Keys: session. Arguments: version. Like [`REMOVE`], without the marker.
pub(crate) static REMOVE_UNMARKED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return {false} end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if ARGV[1] ~= '' and seen ~= ARGV[1] then return current end
redis.call('DEL', KEYS[1])
return 1",
    )
});

/// Keys: session, its new key, marker. Arguments: version, value, seconds, marker, seconds of the marker.
///
/// Answers like [`REPLACE`]. Writes the new session first: if that is refused, nothing has happened.
pub(crate) static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return false end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
return 1",
    )
});

/// Bytes in lower-case hexadecimal digits, as `redis.sha1hex` writes them.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        digits.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_redis_writes_them() {
        assert_eq!(hex(&Sha1::digest("abc")), b"a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
