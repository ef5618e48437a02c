//! A circuit breaker: fails calls fast while a server does not answer.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::deadline::Deadline;

/// Counts the calls in a row that a server left unanswered. From the threshold on it is open and admits no call, until
/// an answer closes it.
///
/// It keeps no time: the caller that finds it open has the server probed.
#[derive(Debug)]
pub(crate) struct Breaker {
    unanswered: AtomicU32,
    threshold: u32,
}

/// The right to make a call, and the duty to say what came of it.
///
/// A permit that is dropped belongs to a call that was cancelled. A call that waited for about the whole timeout counts as
/// unanswered; one that was cancelled earlier says nothing about the server.
#[must_use = "dropping it means that the call was cancelled"]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    deadline: Deadline,
    settled: bool,
}

impl Breaker {
    /// Opens with this many calls in a row without an answer, at least one.
    pub(crate) fn new(threshold: u32) -> Self {
        Self { unanswered: AtomicU32::new(0), threshold: threshold.max(1) }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= self.threshold
    }

    /// Returns `None` if the breaker is open.
    pub(crate) fn admit(&self, deadline: Deadline) -> Option<Permit<'_>> {
        (!self.is_open()).then_some(Permit { breaker: self, deadline, settled: false })
    }

    /// Closes the breaker, because the server has answered.
    pub(crate) fn close(&self) {
        // Reading alone leaves the cache line shared, and nearly always there is nothing to reset.
        if self.unanswered.load(Ordering::Relaxed) != 0 {
            self.unanswered.store(0, Ordering::Relaxed);
        }
    }

    fn count_unanswered(&self) {
        let add = |count: u32| Some(count.saturating_add(1));
        let _before = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl Permit<'_> {
    /// Records that the server answered.
    pub(crate) fn answered(mut self) {
        self.settled = true;
        self.breaker.close();
    }

    /// Records that the server did not answer.
    pub(crate) fn unanswered(mut self) {
        self.settled = true;
        self.breaker.count_unanswered();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.settled && self.deadline.is_nearly_over() {
            self.breaker.count_unanswered();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn permit(breaker: &Breaker) -> Permit<'_> {
        breaker.admit(Deadline::after(Duration::from_secs(60))).expect("the breaker is closed")
    }

    #[test]
    fn it_opens_with_the_last_of_the_unanswered_calls_in_a_row() {
        let breaker = Breaker::new(3);
        for _ in 0..3 {
            assert!(!breaker.is_open());
            permit(&breaker).unanswered();
        }
        assert!(breaker.is_open());
        assert!(breaker.admit(Deadline::after(Duration::from_secs(60))).is_none());
    }

    #[test]
    fn an_answer_closes_it_and_resets_the_count() {
        let breaker = Breaker::new(2);
        permit(&breaker).unanswered();
        permit(&breaker).answered();
        permit(&breaker).unanswered();
        assert!(!breaker.is_open());
        permit(&breaker).unanswered();
        breaker.close();
        permit(&breaker).unanswered();
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_threshold_of_zero_is_one() {
        let breaker = Breaker::new(0);
        assert!(!breaker.is_open());
        permit(&breaker).unanswered();
        assert!(breaker.is_open());
    }

    #[test]
    fn a_cancelled_call_counts_if_it_has_waited_for_about_the_whole_timeout() {
        let breaker = Breaker::new(1);
        drop(permit(&breaker));
        assert!(!breaker.is_open());
        drop(breaker.admit(Deadline::after(Duration::ZERO)));
        assert!(breaker.is_open());
    }
}
