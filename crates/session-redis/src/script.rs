//! What must happen in one step on the server.

use std::sync::LazyLock;

use fred::types::Value;
use sha1::{Digest, Sha1};

/// A script, which servers know by its digest once they have seen it.
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) digest: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, digest: hex(&Sha1::digest(text)) }
    }
}

/// Keys: session. Arguments: version, value, seconds.
///
/// Answers 1, or the value that is there instead, or nil.
pub(crate) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local current = redis.call('GET', KEYS[1])
if not current then return false end
if redis.sha1hex(current) ~= ARGV[1] then return current end
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
  if current and redis.sha1hex(current) ~= ARGV[1] then return current end
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
if ARGV[1] ~= '' and redis.sha1hex(current) ~= ARGV[1] then return current end
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
if redis.sha1hex(current) ~= ARGV[1] then return current end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
return 1",
    )
});

/// The arguments of EVALSHA or EVAL.
pub(crate) fn arguments(script: String, keys: &[&str], arguments: &[Value]) -> Vec<Value> {
    let mut all = Vec::with_capacity(2 + keys.len() + arguments.len());
    all.push(Value::from(script));
    all.push(Value::Integer(keys.len() as i64));
    all.extend(keys.iter().map(|key| Value::from(*key)));
    all.extend_from_slice(arguments);
    all
}

/// Bytes in lower-case hexadecimal digits, as `redis.sha1hex` writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_redis_writes_them() {
        assert_eq!(hex(&Sha1::digest("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
