//! The time by which a call has to end.

use std::time::Duration;

use tokio::time::Instant;

/// The time by which a call has to end.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    until: Instant,
    timeout: Duration,
}

impl Deadline {
    /// A call that begins now may take so long.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { until: Instant::now() + timeout, timeout }
    }

    pub(crate) fn timeout(self) -> Duration {
        self.timeout
    }

    pub(crate) fn until(self) -> Instant {
        self.until
    }

    /// Returns the time that is left.
    pub(crate) fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Returns `true` if less than a tenth of the timeout is left.
    pub(crate) fn is_nearly_over(self) -> bool {
        self.left() <= self.timeout / 10
    }
}
