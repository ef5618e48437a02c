//! Where the time comes from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time. Implemented by [`SystemClock`] and by every `Fn() -> SystemTime`, which is how tests set the time.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use session_core::Clock;
///
/// let stopped = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// assert_eq!(stopped.unix_seconds(), 1_700_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;

    /// The time now since 1970; zero for any time before.
    fn since_epoch(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// The time now in whole Unix seconds.
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
