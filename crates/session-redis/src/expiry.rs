//! The TTLs of stored values, as Redis takes them.

use std::time::Duration;

use crate::command::Word;

/// Returns whole seconds, at least one. A TTL beyond 100 years becomes 100 years.
pub(crate) fn seconds(ttl: Duration) -> i64 {
    const LONGEST: u64 = 100 * 365 * 24 * 3600;
    ttl.as_secs().clamp(1, LONGEST) as i64
}

/// Returns the TTL of an index entry: the session's, plus a tenth of it, plus a minute. A write that is not a refresh
/// extends the session but not its entry. A session in use is refreshed once a tenth of its TTL has passed.
pub(crate) fn entry_seconds(ttl: Duration) -> Word<'static> {
    Word::Number(seconds(ttl.saturating_add(ttl / 10)).saturating_add(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_whole_seconds_that_redis_takes() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1999)), 1);
        assert_eq!(seconds(Duration::from_secs(1_209_600)), 1_209_600);
        assert_eq!(seconds(Duration::MAX), 3_153_600_000);
    }
}
