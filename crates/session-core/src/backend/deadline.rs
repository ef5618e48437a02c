//! One deadline for all store calls of a request.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::backend::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Marker, Remove, StoreFuture, Stored, WriteOutcome,
};

/// The time that a request may wait for its store. It starts at the first wait, so a call that is answered at once
/// needs no clock reading and no timer.
pub(crate) struct Deadline {
    left: Duration,
    started: Option<Instant>,
    /// The longest time that a call of the store takes, if the store limits it itself.
    call_timeout: Option<Duration>,
}

/// A store, and the deadline of the request that asks it.
pub(crate) struct TimedStore<'a> {
    pub(crate) store: &'a dyn AtomicBackend,
    pub(crate) deadline: &'a mut Deadline,
}

impl TimedStore<'_> {
    pub(crate) async fn fetch(&mut self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.deadline.run(self.store.fetch(key)).await
    }

    pub(crate) async fn remove(&mut self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        self.deadline.run(self.store.remove(remove)).await
    }

    pub(crate) async fn marker(&mut self, key: &str) -> Result<Option<Marker>, BackendError> {
        self.deadline.run(self.store.marker(key)).await
    }
}

/// Does the work of [`Deadline::run`] in place: a call would make and poll a future even for a reply that is ready.
macro_rules! reply_within {
    ($deadline:expr, $reply:expr) => {
        match $reply.into_ready() {
            Ok(reply) => reply,
            Err(pending) => $deadline.wait_for_reply(pending).await,
        }
    };
}

pub(crate) use reply_within;

/// The longest deadline. A much longer one could overflow the clock.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Deadline {
    pub(crate) fn new(left: Duration, call_timeout: Option<Duration>) -> Self {
        Self { left: left.min(FOREVER), started: None, call_timeout }
    }

    /// Returns the time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.left.saturating_sub(self.started.map(|started| started.elapsed()).unwrap_or_default())
    }

    /// Starts the deadline, for work that never waits but may be repeated many times.
    pub(crate) fn start(&mut self) -> Instant {
        *self.started.get_or_insert_with(Instant::now)
    }

    /// Waits for a reply of the store, up to the deadline. A reply that is ready is never late.
    pub(crate) async fn run<T>(&mut self, reply: StoreFuture<'_, T>) -> Result<T, BackendError> {
        reply_within!(self, reply)
    }

    pub(crate) async fn wait_for_reply<T>(&mut self, operation: StoreFuture<'_, T>) -> Result<T, BackendError> {
        // A call that ends by itself, at most a tenth after the deadline, gets no timer: a timer costs more than it
        // saves.
        let ends_in_time = self.call_timeout.is_some_and(|wait| wait <= self.left() + self.left / 10);
        self.wait_for(operation, ends_in_time).await.unwrap_or_else(|error| Err(error))
    }

    /// Waits for an operation, up to the deadline.
    pub(crate) async fn wait<T>(&mut self, operation: impl Future<Output = T>) -> Result<T, BackendError> {
        self.wait_for(operation, false).await
    }

    async fn wait_for<T>(&mut self, operation: impl Future<Output = T>, ends_in_time: bool) -> Result<T, BackendError> {
        if self.left().is_zero() {
            return Err(BackendError::new(BackendErrorKind::Timeout, Applied::No));
        }
        let mut operation = pin!(operation);
        let at_once = std::future::poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await;
        if let Poll::Ready(outcome) = at_once {
            return Ok(outcome);
        }
        // Without a runtime a request waits only for locks, and each is held for a bounded time.
        if !ends_in_time && tokio::runtime::Handle::try_current().is_err() {
            return Ok(operation.await);
        }
        let started = self.start();
        if ends_in_time {
            return Ok(operation.await);
        }
        // Boxed, because a timer is large and most calls need none.
        Box::pin(timeout_at(started + self.left, operation))
            .await
            .map_err(|_| BackendError::new(BackendErrorKind::Timeout, Applied::Maybe))
    }
}

/// Returns the output of a future that is ready when it is first polled.
#[inline]
pub(crate) fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn operations_share_the_time() {
        let mut deadline = Deadline::new(Duration::from_millis(250), None);
        deadline.wait(tokio::time::sleep(Duration::from_millis(200))).await.unwrap();
        assert_eq!(deadline.left(), Duration::from_millis(50));
        let error = deadline.wait(tokio::time::sleep(Duration::from_millis(200))).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::Maybe));
        let error = deadline.wait(async {}).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::No));
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_ends_by_itself_in_time_or_a_tenth_later_is_left_to_do_so() {
        let millis = Duration::from_millis;
        let run = async |call_timeout, time| {
            let mut deadline = Deadline::new(millis(200), Some(call_timeout));
            let operation = async {
                tokio::time::sleep(time).await;
                Ok(())
            };
            let outcome = deadline.run(StoreFuture::pending(operation)).await;
            (outcome.is_ok(), deadline.left())
        };
        assert_eq!(run(millis(220), millis(220)).await, (true, Duration::ZERO));
        assert_eq!(run(millis(220), millis(150)).await, (true, millis(50)));
        assert_eq!(run(millis(221), millis(220)).await, (false, Duration::ZERO));
    }

    #[test]
    fn a_reply_that_is_ready_needs_no_runtime() {
        let mut deadline = Deadline::new(Duration::from_millis(1), None);
        assert!(matches!(poll_once(pin!(deadline.wait(async { 7 }))), Some(Ok(7))));
    }
}
