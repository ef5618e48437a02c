//! A circuit breaker: fails calls fast while a node does not answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::Deadline;

/// Counts the calls in a row that a node left unanswered. From the threshold on it is open: it admits one call after each
/// pause, until an answer closes it.
pub(crate) struct Breaker {
    threshold: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unanswered: u32,
    /// The time of the next call, while the breaker is open.
    retry_at: Option<Instant>,
}

/// The right to make a call, and the duty to say what came of it.
///
/// A permit that is dropped belongs to a call that was cancelled, or whose time is over. It counts as unanswered if the node
/// was asked for at least half of the timeout, because requests may give up earlier than the store.
#[must_use = "dropping it means that the call was cancelled"]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    deadline: Deadline,
    /// The time since which the call has its turn.
    asked_at: Option<Instant>,
    settled: bool,
}

impl Breaker {
    /// Opens with this many calls in a row without an answer, at least one.
    pub(crate) fn new(threshold: u32, pause: Duration) -> Self {
        Self { threshold: threshold.max(1), pause, state: Mutex::default() }
    }

    /// Returns `None` if the breaker is open.
    pub(crate) fn admit(&self, deadline: Deadline) -> Option<Permit<'_>> {
        let mut state = self.state();
        if let Some(retry_at) = state.retry_at {
            let now = Instant::now();
            if now < retry_at {
                return None;
            }
            // Half-open. If this call gets no further, because its runtime is blocked, another one is admitted later.
            state.retry_at = Some(now + deadline.timeout());
        }
        Some(Permit { breaker: self, deadline, asked_at: None, settled: false })
    }

    fn count_unanswered(&self) {
        let mut state = self.state();
        state.unanswered = state.unanswered.saturating_add(1);
        if state.unanswered >= self.threshold {
            state.retry_at = Some(Instant::now() + self.pause);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records that the node is asked from now on. Until then the call waited for its turn.
    pub(crate) fn asked(&mut self) {
        self.asked_at = Some(Instant::now());
    }

    /// Returns `true` if the node was asked for at least half of the timeout.
    pub(crate) fn has_asked_long(&self) -> bool {
        self.asked_at.is_some_and(|asked_at| asked_at.elapsed() * 2 >= self.deadline.timeout())
    }

    /// Records that the node answered.
    pub(crate) fn answered(mut self) {
        self.settled = true;
        *self.breaker.state() = State::default();
    }

    /// Records that the node did not answer.
    pub(crate) fn unanswered(mut self) {
        self.settled = true;
        self.breaker.count_unanswered();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // A call of a blocked runtime says nothing of the node.
        if self.has_asked_long() && !self.deadline.is_long_over() {
            return self.breaker.count_unanswered();
        }
        let mut state = self.breaker.state();
        if state.retry_at.is_some() {
            state.retry_at = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(250);
    const PAUSE: Duration = Duration::from_millis(200);
    const MOMENT: Duration = Duration::from_millis(1);

    fn admit(breaker: &Breaker) -> Option<Permit<'_>> {
        breaker.admit(Deadline::after(TIMEOUT))
    }

    fn permit(breaker: &Breaker) -> Permit<'_> {
        admit(breaker).expect("the breaker is closed")
    }

    fn opened() -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..3 {
            permit(&breaker).unanswered();
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_unanswered_calls_in_a_row_only() {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..10 {
            permit(&breaker).unanswered();
            permit(&breaker).unanswered();
            permit(&breaker).answered();
        }
        assert!(admit(&breaker).is_some());
        assert!(admit(&opened()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_is_admitted_after_each_pause() {
        let breaker = opened();
        advance(PAUSE - MOMENT).await;
        assert!(admit(&breaker).is_none());
        advance(MOMENT).await;
        let probe = permit(&breaker);
        assert!(admit(&breaker).is_none(), "one at a time");
        probe.unanswered();
        assert!(admit(&breaker).is_none());
        advance(PAUSE).await;
        permit(&breaker).answered();
        assert!(admit(&breaker).is_some() && admit(&breaker).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_probe_makes_room_for_the_next() {
        let breaker = opened();
        advance(PAUSE).await;
        drop(permit(&breaker));
        assert!(admit(&breaker).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_of_a_blocked_runtime_is_waited_for_no_longer_than_the_timeout() {
        let breaker = opened();
        advance(PAUSE).await;
        let _probe = permit(&breaker);
        advance(TIMEOUT).await;
        assert!(admit(&breaker).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_call_counts_if_the_node_was_asked_for_half_of_the_timeout() {
        for (waited, asked, counts) in [
            (Duration::ZERO, TIMEOUT / 2, true),
            (Duration::ZERO, TIMEOUT / 2 - MOMENT, false),
            (TIMEOUT * 3 / 4, TIMEOUT / 4, false),
            // The runtime was blocked.
            (Duration::ZERO, TIMEOUT * 6, false),
        ] {
            let breaker = Breaker::new(1, PAUSE);
            let mut permit = permit(&breaker);
            advance(waited).await;
            permit.asked();
            advance(asked).await;
            drop(permit);
            assert_eq!(admit(&breaker).is_none(), counts, "{waited:?} {asked:?}");
        }
    }
}
