//! The time by which a call must end.

use std::time::Duration;

use tokio::time::Instant;

/// The longest timeout. A much longer one could overflow the clock.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The delay of timers that is normal on a busy machine.
const LEAST_DELAY: Duration = Duration::from_millis(20);

/// The time by which a call must end, with all its steps.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    until: Instant,
    timeout: Duration,
    is_first_step: bool,
}

impl Deadline {
    /// Returns the deadline of a call that begins now. A timeout of more than a year counts as a year.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        let timeout = timeout.min(FOREVER);
        Self { until: Instant::now() + timeout, timeout, is_first_step: true }
    }

    /// Returns the deadline of a further step of the same call.
    #[must_use]
    pub fn next_step(self) -> Self {
        Self { is_first_step: false, ..self }
    }

    /// Returns `true` for the first step of a call, which may take the whole timeout.
    #[must_use]
    pub fn is_first_step(self) -> bool {
        self.is_first_step
    }

    /// Returns the time that the whole call may take.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.timeout
    }

    /// Returns the time by which the call must end.
    #[must_use]
    pub fn until(self) -> Instant {
        self.until
    }

    /// Returns the time that is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Returns `true` if some time is left.
    #[must_use]
    pub fn is_ahead(self) -> bool {
        Instant::now() < self.until
    }

    /// Returns `true` if the deadline passed more than a quarter of the timeout ago (and more than 20 ms). A timer
    /// would have fired in time, so the runtime was blocked.
    #[must_use]
    pub fn is_long_over(self) -> bool {
        self.until.elapsed() > (self.timeout / 4).max(LEAST_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_at_most_a_year() {
        let deadline = Deadline::after(Duration::MAX);
        tokio::time::advance(FOREVER - Duration::from_secs(1)).await;
        assert_eq!(deadline.left(), Duration::from_secs(1));
        assert!(deadline.is_ahead());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_long_over_a_quarter_of_the_timeout_later() {
        for (timeout, delay) in
            [(1000, 250), (10, 20)].map(|(a, b)| (Duration::from_millis(a), Duration::from_millis(b)))
        {
            let deadline = Deadline::after(timeout);
            tokio::time::advance(timeout + delay).await;
            assert!(!deadline.is_ahead() && !deadline.is_long_over());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(deadline.is_long_over());
        }
    }
}
