//! A circuit breaker: fails calls fast while a server does not answer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::Deadline;

/// A circuit breaker. It opens after a number of calls in a row without an answer, and an answer closes it.
///
/// An open breaker admits no calls, or [one after each pause](Self::half_open).
#[derive(Debug)]
pub struct Breaker {
    threshold: u32,
    pause: Option<Duration>,
    /// Changes only under the lock.
    unanswered: AtomicU32,
    /// The time of the next call, while the breaker is open.
    retry_at: Mutex<Option<Instant>>,
}

/// The permission to make one call. The caller must report the outcome to it.
///
/// If a permit is dropped without a report, its call was cancelled or its time was over. The call then counts as
/// unanswered if the server had at least half of the timeout to answer, because requests may give up earlier than the
/// store. A call that was [dropped long after its deadline](Deadline::is_long_over) is not counted.
#[must_use = "dropping it means that the call was cancelled"]
#[derive(Debug)]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    deadline: Deadline,
    /// The time at which the request was sent to the server.
    asked_at: Option<Instant>,
    settled: bool,
}

impl Breaker {
    /// Makes a breaker that opens after this many calls in a row without an answer. 0 counts as 1.
    ///
    /// While it is open, it admits no calls. The store must probe the server, and [close](Self::close) the breaker when
    /// the server answers.
    #[must_use]
    pub fn new(threshold: u32) -> Self {
        Self { threshold: threshold.max(1), pause: None, unanswered: AtomicU32::new(0), retry_at: Mutex::default() }
    }

    /// Makes a breaker that admits one call after each pause while it is open.
    #[must_use]
    pub fn half_open(threshold: u32, pause: Duration) -> Self {
        Self { pause: Some(pause), ..Self::new(threshold) }
    }

    /// Returns `true` if the breaker is open, because the last calls had no answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= self.threshold
    }

    /// Returns the permission to make one call, or `None` if the breaker is open.
    #[must_use]
    pub fn admit(&self, deadline: Deadline) -> Option<Permit<'_>> {
        if self.is_open() && !self.admits_one(deadline) {
            return None;
        }
        Some(Permit { breaker: self, deadline, asked_at: None, settled: false })
    }

    fn admits_one(&self, deadline: Deadline) -> bool {
        let mut retry_at = self.retry_at();
        let now = Instant::now();
        if retry_at.is_none_or(|retry_at| now < retry_at) {
            // An answer to another call may have closed the breaker since.
            return !self.is_open();
        }
        // If this call makes no progress, because its runtime is blocked, another call is admitted later.
        *retry_at = Some(now + deadline.timeout());
        true
    }

    /// Closes the breaker, because the server has answered.
    pub fn close(&self) {
        // Reading alone leaves the cache line shared, and nearly always there is nothing to reset.
        if self.unanswered.load(Ordering::Relaxed) != 0 {
            let mut retry_at = self.retry_at();
            self.unanswered.store(0, Ordering::Relaxed);
            *retry_at = None;
        }
    }

    fn count_unanswered(&self) {
        let mut retry_at = self.retry_at();
        let unanswered = self.unanswered.load(Ordering::Relaxed).saturating_add(1);
        self.unanswered.store(unanswered, Ordering::Relaxed);
        if unanswered >= self.threshold {
            *retry_at = self.pause.map(|pause| Deadline::after(pause).until());
        }
    }

    fn admit_next(&self) {
        if let Some(retry_at) = &mut *self.retry_at() {
            *retry_at = Instant::now();
        }
    }

    fn retry_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.retry_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records that the request is being sent to the server now. Time before this, such as a wait for a connection, is
    /// not counted.
    pub fn asked(&mut self) {
        self.asked_at = Some(Instant::now());
    }

    /// Returns `true` if the server has had at least half of the timeout to answer.
    #[must_use]
    pub fn has_asked_long(&self) -> bool {
        self.asked_at.is_some_and(|asked_at| asked_at.elapsed() * 2 >= self.deadline.timeout())
    }

    /// Records that the server answered.
    pub fn answered(mut self) {
        self.settled = true;
        self.breaker.close();
    }

    /// Records that the server did not answer.
    pub fn unanswered(mut self) {
        self.settled = true;
        self.breaker.count_unanswered();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // If the runtime was blocked, the call says nothing about the server.
        if self.has_asked_long() && !self.deadline.is_long_over() {
            self.breaker.count_unanswered();
        } else {
            self.breaker.admit_next();
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
        let breaker = Breaker::half_open(3, PAUSE);
        for _ in 0..3 {
            permit(&breaker).unanswered();
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_unanswered_calls_in_a_row_only() {
        let breaker = Breaker::half_open(3, PAUSE);
        for _ in 0..10 {
            permit(&breaker).unanswered();
            permit(&breaker).unanswered();
            permit(&breaker).answered();
        }
        assert!(admit(&breaker).is_some());
        assert!(admit(&opened()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pause_only_an_answer_closes_it() {
        let breaker = Breaker::new(0);
        assert!(!breaker.is_open());
        permit(&breaker).unanswered();
        advance(1000 * PAUSE).await;
        assert!(breaker.is_open() && admit(&breaker).is_none());
        breaker.close();
        assert!(!breaker.is_open() && admit(&breaker).is_some());
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
    async fn a_cancelled_call_counts_if_the_server_was_asked_for_half_of_the_timeout() {
        for (waited, asked, counts) in [
            (Duration::ZERO, TIMEOUT / 2, true),
            (Duration::ZERO, TIMEOUT / 2 - MOMENT, false),
            (TIMEOUT * 3 / 4, TIMEOUT / 4, false),
            // The runtime was blocked.
            (Duration::ZERO, TIMEOUT * 6, false),
        ] {
            let breaker = Breaker::half_open(1, PAUSE);
            let mut permit = permit(&breaker);
            advance(waited).await;
            permit.asked();
            advance(asked).await;
            drop(permit);
            assert_eq!(admit(&breaker).is_none(), counts, "{waited:?} {asked:?}");
        }
    }
}
