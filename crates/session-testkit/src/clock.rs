//! A clock for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::Clock;

/// A clock that stands still until the test moves it. It counts its readings. Clones share the clock.
///
/// ```
/// use std::time::Duration;
/// use session_core::Clock;
/// use session_testkit::TestClock;
///
/// let clock = TestClock::at(1_700_000_000);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.unix_seconds(), 1_700_000_060);
/// assert_eq!(clock.readings(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct TestClock {
    millis: Arc<AtomicU64>,
    readings: Arc<AtomicUsize>,
}

impl TestClock {
    /// Makes a clock that stands still at this time, in Unix seconds.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        Self { millis: Arc::new(AtomicU64::new(unix_seconds * 1000)), readings: Arc::default() }
    }

    /// Moves the clock on by this time.
    pub fn advance(&self, time: Duration) {
        self.millis.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock, forward or back, to a time in Unix seconds.
    pub fn set(&self, unix_seconds: u64) {
        self.millis.store(unix_seconds * 1000, Ordering::SeqCst);
    }

    /// Returns the number of times that the clock was read.
    #[must_use]
    pub fn readings(&self) -> usize {
        self.readings.load(Ordering::SeqCst)
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.readings.fetch_add(1, Ordering::SeqCst);
        UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
