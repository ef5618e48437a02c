//! Notices that a node is down, so that requests need not wait for it to find out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Opens after some failures in a row; lets one call try its luck now and then; closes when one succeeds.
pub(crate) struct Breaker {
    /// Failures in a row that open it.
    failures: u32,
    /// How long it stays open before a call is let through.
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: u32,
    /// Set while it is open: when the next call may try.
    retry_at: Option<Instant>,
    probing: bool,
}

/// What changed by the outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Closed,
    Nothing,
}

impl Breaker {
    pub(crate) fn new(failures: u32, pause: Duration) -> Self {
        Self { failures, pause, state: Mutex::default() }
    }

    /// Whether a call may go ahead. One that may has to report its outcome.
    pub(crate) fn admit(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.retry_at {
            None => true,
            Some(retry_at) if now < retry_at || state.probing => false,
            Some(_) => {
                state.probing = true;
                true
            }
        }
    }

    /// The node has answered.
    pub(crate) fn succeeded(&self) -> Change {
        let was_open = std::mem::take(&mut *self.state()).retry_at.is_some();
        if was_open { Change::Closed } else { Change::Nothing }
    }

    /// The node can't be reached, or did not answer in time.
    pub(crate) fn failed(&self, now: Instant) -> Change {
        let mut state = self.state();
        state.failed = state.failed.saturating_add(1);
        state.probing = false;
        if state.failed < self.failures {
            return Change::Nothing;
        }
        let was_open = state.retry_at.replace(now + self.pause).is_some();
        if was_open { Change::Nothing } else { Change::Opened }
    }

    /// The call was given up before anything could be learnt of it.
    pub(crate) fn abandoned(&self) {
        self.state().probing = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(200);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        assert_eq!([(); 3].map(|()| breaker.failed(now)), [Change::Nothing, Change::Nothing, Change::Opened]);
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..10 {
            breaker.failed(now);
            breaker.failed(now);
            assert_eq!(breaker.succeeded(), Change::Nothing);
        }
        assert!(breaker.admit(now));
        assert!(!opened(now).admit(now));
    }

    #[test]
    fn one_call_after_each_pause_tries_its_luck() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(!breaker.admit(now + PAUSE - Duration::from_millis(1)));
        assert!(breaker.admit(now + PAUSE));
        assert!(!breaker.admit(now + PAUSE), "one at a time");
        assert_eq!(breaker.failed(now + PAUSE), Change::Nothing);
        assert!(!breaker.admit(now + PAUSE));
        assert!(breaker.admit(now + PAUSE * 2));
        assert_eq!(breaker.succeeded(), Change::Closed);
        assert!(breaker.admit(now + PAUSE * 2) && breaker.admit(now + PAUSE * 2));
    }

    #[test]
    fn a_try_that_was_given_up_makes_room_for_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(breaker.admit(now + PAUSE));
        breaker.abandoned();
        assert!(breaker.admit(now + PAUSE));
    }
}
