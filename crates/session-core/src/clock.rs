//! The source of the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of the time. [`SystemClock`] implements it, and so does every `Fn() -> SystemTime`, with which tests set
/// the time.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use session_core::Clock;
///
/// let stopped = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// assert_eq!(stopped.unix_seconds(), 1_700_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> SystemTime;

    /// Returns the time since 1970; zero for earlier times.
    fn since_epoch(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Returns the current time in whole Unix seconds.
    fn unix_seconds(&self) -> u64 {
        self.since_epoch().as_secs()
    }
}

impl<F: Fn() -> SystemTime + Send + Sync + 'static> Clock for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
