//! Knows when a server is not worth asking.

use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the calls in a row that a server left unanswered. From a number of them on it is open: calls fail at once,
/// until somebody hears from the server.
///
/// It keeps no time. Whoever opens it starts to probe the server and closes it with the first answer.
#[derive(Debug)]
pub(crate) struct Breaker {
    unanswered: AtomicU32,
    threshold: u32,
}

impl Breaker {
    /// Opens with this many calls in a row without an answer, at least one.
    pub(crate) fn new(threshold: u32) -> Self {
        Self { unanswered: AtomicU32::new(0), threshold: threshold.max(1) }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= self.threshold
    }

    /// The server answered. Returns whether this closed the breaker.
    pub(crate) fn answered(&self) -> bool {
        // Nearly always there is nothing to forget: reading alone leaves the cache line shared.
        if self.unanswered.load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.unanswered.swap(0, Ordering::Relaxed) >= self.threshold
    }

    /// The server did not answer. Returns whether this opened the breaker.
    pub(crate) fn unanswered(&self) -> bool {
        let counted = |before: u32| Some(before.saturating_add(1));
        let before = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
        before == Ok(self.threshold - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_once_with_the_last_of_the_failures_in_a_row() {
        let breaker = Breaker::new(3);
        assert!(!breaker.unanswered());
        assert!(!breaker.unanswered());
        assert!(!breaker.is_open());
        assert!(breaker.unanswered());
        assert!(breaker.is_open());
        assert!(!breaker.unanswered(), "it is open already");
        assert!(breaker.is_open());
    }

    #[test]
    fn an_answer_closes_it_and_forgets_all_failures() {
        let breaker = Breaker::new(2);
        assert!(!breaker.unanswered());
        assert!(!breaker.answered(), "it was not open");
        assert!(!breaker.unanswered());
        assert!(breaker.unanswered());
        assert!(breaker.answered());
        assert!(!breaker.is_open());
        assert!(!breaker.unanswered());
    }

    #[test]
    fn one_failure_is_the_least_that_opens_it() {
        let breaker = Breaker::new(0);
        assert!(!breaker.is_open());
        assert!(breaker.unanswered());
    }
}
