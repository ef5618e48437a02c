//! The scripts: each is one step on the server.
//!
//! The version that a script compares is the value that was read, or its SHA-1 in 40 hexadecimal digits. A value of just
//! 40 bytes is therefore never given as it is.
//!
//! All scripts answer alike: 1 if they have written, 0 if the new key is in use, the stored value if its version is
//! another one, or an array if there is no session to write or the new key has a marker. The array holds that marker or
//! that of the missing session, or nil.

use std::sync::LazyLock;

use fred::bytes::Bytes;
use fred::bytes_utils::Str;
use fred::util::static_str;
use sha1::{Digest, Sha1};

/// A script. Servers know it by its digest once they have seen its text.
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

/// Keys: session, marker. Arguments: value, seconds.
pub(crate) static CREATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local marker = redis.call('GET', KEYS[2])
if marker then return {marker} end
if not redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX') then return 0 end
return 1",
    )
});

/// Keys: session. Arguments: version, value, seconds.
pub(crate) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return {false} end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1",
    )
});

/// Keys: session, marker. Arguments: version or nothing, marker, seconds of the marker.
///
/// Deletes first: a server that is out of memory refuses the first write of a script if that needs memory, and none after
/// it.
pub(crate) static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] ~= '' then
  local current = redis.call('GET', KEYS[1])
  if not current then return {redis.call('GET', KEYS[2])} end
  local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
  if seen ~= ARGV[1] then return current end
end
local found = redis.call('DEL', KEYS[1]) == 1
local marker = not found and redis.call('GET', KEYS[2])
if not marker then redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3]) end
return found and 1 or {marker}",
    )
});

/// Keys: session. Arguments: version or nothing.
pub(crate) static REMOVE_UNMARKED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] ~= '' then
  local current = redis.call('GET', KEYS[1])
  if not current then return {false} end
  local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
  if seen ~= ARGV[1] then return current end
end
return redis.call('DEL', KEYS[1]) == 1 and 1 or {false}",
    )
});

/// Keys: session, its new key, the marker of each. Arguments: version, value, seconds, marker, seconds of the marker.
///
/// Writes the new session first: if that is refused, nothing has happened.
pub(crate) static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return {redis.call('GET', KEYS[3])} end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
local marker = redis.call('GET', KEYS[4])
if marker then return {marker} end
if not redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3], 'NX') then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
return 1",
    )
});

/// Writes bytes in lower-case hexadecimal digits, as `redis.sha1hex` does.
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
