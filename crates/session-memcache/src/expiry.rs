//! The expiry of an item, in the form that memcached takes.

use std::time::Duration;

use session_core::Clock;

/// The longest expiry that memcached takes as relative. One second more is a date in 1970.
const LONGEST_RELATIVE: u64 = 30 * 24 * 60 * 60;

/// Returns the number to send for a TTL: relative up to 30 days, else the Unix time.
///
/// A relative expiry does not depend on the clocks of two machines. It is one second longer than the TTL, because
/// memcached reads its clock once a second and may drop an item a second early. memcached takes at most 31 bits.
pub(crate) fn expiry(ttl: Duration, clock: &dyn Clock) -> u64 {
    let seconds = ttl.as_secs().saturating_add(1);
    if seconds <= LONGEST_RELATIVE {
        return seconds;
    }
    clock.unix_seconds().saturating_add(seconds).min(i32::MAX.unsigned_abs().into())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn an_expiry_beyond_30_days_is_sent_as_a_date() {
        let clock = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (seconds, sent) in [
            (0, 1),
            (1, 2),
            (1_209_600, 1_209_601),
            (2_591_999, 2_592_000),
            (2_592_000, 1_702_592_001),
            (400 * 86_400, 1_734_560_001),
            (u64::MAX, 2_147_483_647),
        ] {
            assert_eq!(expiry(Duration::from_secs(seconds), &clock), sent);
        }
    }
}
