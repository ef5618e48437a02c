//! The scripts, each of which is one atomic step on the server.
//!
//! The version that a script compares is the value that was read, or its SHA-1 in 40 hexadecimal digits. A value of
//! exactly 40 bytes is therefore always passed as its SHA-1.
//!
//! A script that writes returns 1 if it has written, 0 if the new key is in use, and the stored value if its version
//! differs. If there is no session to write, it returns an array with the marker of that session, or with nil. If the
//! new key has a marker, it returns an array with this marker.

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

/// The text of a script that runs `$then` after it has written. The macros below have the same form.
macro_rules! create {
    ($then:literal) => {
        concat!(
            "local marker = redis.call('GET', KEYS[2])
if marker then return {marker} end
if not redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX') then return 0 end
",
            $then,
            "return 1"
        )
    };
}

macro_rules! replace {
    ($then:literal) => {
        concat!(
            "local current = redis.call('GET', KEYS[1])
if not current then return {false} end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
",
            $then,
            "return 1"
        )
    };
}

macro_rules! remove {
    ($then:literal) => {
        concat!(
            "if ARGV[1] ~= '' then
  local current = redis.call('GET', KEYS[1])
  if not current then return {redis.call('GET', KEYS[2])} end
  local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
  if seen ~= ARGV[1] then return current end
end
local found = redis.call('DEL', KEYS[1]) == 1
",
            $then,
            "local marker = not found and redis.call('GET', KEYS[2])
if not marker then redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3]) end
return found and 1 or {marker}"
        )
    };
}

macro_rules! rotate {
    ($then:literal) => {
        concat!(
            "local current = redis.call('GET', KEYS[1])
if not current then return {redis.call('GET', KEYS[3])} end
local seen = #ARGV[1] == 40 and redis.sha1hex(current) or current
if seen ~= ARGV[1] then return current end
local marker = redis.call('GET', KEYS[4])
if marker then return {marker} end
if not redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3], 'NX') then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
",
            $then,
            "return 1"
        )
    };
}

/// A function that adds an entry to a user's index, and drops those that have expired. The whole part of a score is the
/// time at which the entry expires, in Unix seconds of the server. The fraction is the TTL of the entry in minutes,
/// divided by 2^20. Together they tell when the entry was made. The index expires with its last entry.
macro_rules! enter {
    () => {
        "local function enter(index, member, seconds)
  local now = tonumber(redis.call('TIME')[1])
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  local minutes = math.min(math.floor(seconds / 60), 1048575)
  redis.call('ZADD', index, now + seconds + minutes / 1048576, member)
  redis.call('EXPIREAT', index, math.floor(redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]))
end
"
    };
}

/// Keys: session, marker. Arguments: value, seconds.
pub(crate) static CREATE: LazyLock<Script> = LazyLock::new(|| Script::new(create!("")));

/// Keys: those of [`CREATE`], index. Arguments: those of [`CREATE`], seconds of the entry.
pub(crate) static CREATE_OF_USER: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(enter!(), create!("enter(KEYS[3], KEYS[1], ARGV[3])\n"))));

/// Keys: session. Arguments: version, value, seconds.
pub(crate) static REPLACE: LazyLock<Script> = LazyLock::new(|| Script::new(replace!("")));

/// Keys: session, index. Arguments: those of [`REPLACE`], seconds of the entry.
pub(crate) static REPLACE_OF_USER: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(enter!(), replace!("enter(KEYS[2], KEYS[1], ARGV[4])\n"))));

/// Keys: session, index. Arguments: seconds, seconds of the entry. Returns 1 or 0, like EXPIRE.
pub(crate) static TOUCH_OF_USER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        enter!(),
        "if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 0 then return 0 end
enter(KEYS[2], KEYS[1], ARGV[2])
return 1"
    ))
});

/// Keys: session, marker. Arguments: version or nothing, marker, seconds of the marker.
///
/// Deletes first, because a server that is out of memory checks only the first write of a script, and refuses it if it
/// needs memory.
pub(crate) static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(remove!("")));

/// Keys: those of [`REMOVE`], index. Arguments: those of [`REMOVE`].
pub(crate) static REMOVE_OF_USER: LazyLock<Script> =
    LazyLock::new(|| Script::new(remove!("redis.call('ZREM', KEYS[3], KEYS[1])\n")));

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
/// Writes the new session first, so that nothing has changed if this write is refused.
pub(crate) static ROTATE: LazyLock<Script> = LazyLock::new(|| Script::new(rotate!("")));

/// Keys: those of [`ROTATE`], index, index of the old key if there is one. Arguments: those of [`ROTATE`], seconds of the
/// entry.
pub(crate) static ROTATE_OF_USER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        enter!(),
        rotate!("enter(KEYS[5], KEYS[2], ARGV[6])\nif KEYS[6] then redis.call('ZREM', KEYS[6], KEYS[1]) end\n")
    ))
});

/// Keys: index. Arguments: member, seconds of the entry. Returns 1.
pub(crate) static ENTER: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(enter!(), "enter(KEYS[1], ARGV[1], ARGV[2])\nreturn 1")));

/// Keys: index. Arguments: member. Returns a number.
pub(crate) static LEAVE: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('ZREM', KEYS[1], ARGV[1])"));

/// Keys: index. Returns the members that have not expired.
pub(crate) static MEMBERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)",
    )
});

/// Keys: sessions. Returns the value, or nil, and the remaining TTL in milliseconds of each session.
pub(crate) static FIND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = {}
for at = 1, #KEYS do
  found[2 * at - 1] = redis.call('GET', KEYS[at])
  found[2 * at] = redis.call('PTTL', KEYS[at])
end
return found",
    )
});

/// Keys: sessions, then the index. Returns the same as [`FIND`], and removes the entries of sessions that are gone.
pub(crate) static FIND_AND_HEAL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = {}
for at = 1, #KEYS - 1 do
  found[2 * at - 1] = redis.call('GET', KEYS[at])
  found[2 * at] = redis.call('PTTL', KEYS[at])
  if not found[2 * at - 1] then redis.call('ZREM', KEYS[#KEYS], KEYS[at]) end
end
return found",
    )
});

/// Keys: index. Arguments: seconds, members. Removes the members that were entered longer ago than this. Returns 1.
pub(crate) static HEAL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now = tonumber(redis.call('TIME')[1])
for at = 2, #ARGV do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[at]) or nil)
  local expires = score and math.floor(score)
  if score and expires - (score - expires) * 1048576 * 60 + ARGV[1] < now then
    redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
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
