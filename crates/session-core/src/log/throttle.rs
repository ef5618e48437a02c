//! Limits the log lines about a failing store.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of seconds between two lines of a store that keeps failing.
const INTERVAL: u64 = 10;

/// Limits the lines of a failing store, so that an outage does not log one for each request.
#[derive(Default)]
pub(crate) struct Throttle {
    /// The time of the last line, in Unix seconds.
    logged_at: AtomicU64,
    /// The number of failures since the last line.
    failures: AtomicU64,
}

impl Throttle {
    /// Counts a failure. Returns the number of failures to log now, if a line is due.
    pub(crate) fn count(&self, now: u64) -> Option<u64> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let logged_at = self.logged_at.load(Ordering::Relaxed);
        let is_due = logged_at == 0 || now.abs_diff(logged_at) >= INTERVAL;
        let claims =
            is_due && self.logged_at.compare_exchange(logged_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        claims.then(|| {
            self.failures.fetch_sub(failures, Ordering::Relaxed);
            failures
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_keeps_failing_is_logged_at_first_and_every_ten_seconds() {
        let throttle = Throttle::default();
        let start = 1_700_000_000;
        assert_eq!(throttle.count(start), Some(1));
        for second in 0..10 {
            assert_eq!(throttle.count(start + second), None);
        }
        assert_eq!(throttle.count(start + 10), Some(11));
        assert_eq!(throttle.count(start + 3600), Some(1));
    }
}
