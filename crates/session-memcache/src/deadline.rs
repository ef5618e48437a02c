//! The time by which a call has to end.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait. A clock can't count much further.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The time by which a call has to end.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    until: Instant,
}

impl Deadline {
    /// A call that begins now may take so long.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { until: Instant::now() + timeout.min(FOREVER) }
    }

    pub(crate) fn until(self) -> Instant {
        self.until
    }
}
