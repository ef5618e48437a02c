//! Work that continues when its caller is cancelled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is polled in place, and continues in its own task if it is dropped before its end.
///
/// A request may be dropped at any moment. Its command could then stay in a queue and be sent late, work of several
/// steps could stop between two of them, and a failure would not be counted. If the future is dropped outside of a
/// Tokio runtime, the work stops.
#[must_use = "futures do nothing unless polled"]
pub struct Detached<W>
where
    W: Future<Output: Send> + Send + 'static,
{
    work: Option<Pin<Box<W>>>,
}

impl<W> Detached<W>
where
    W: Future<Output: Send> + Send + 'static,
{
    /// Wraps a future. It is boxed, because it may have to move to a task while it runs.
    pub fn new(work: W) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<W> Future for Detached<W>
where
    W: Future<Output: Send> + Send + 'static,
{
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        // Taken out, because work that has panicked or ended must not be polled again.
        let mut work = self.work.take().expect("a future is not polled after it was ready");
        let outcome = work.as_mut().poll(context);
        if outcome.is_pending() {
            self.work = Some(work);
        }
        outcome
    }
}

impl<W> fmt::Debug for Detached<W>
where
    W: Future<Output: Send> + Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached").finish_non_exhaustive()
    }
}

impl<W> Drop for Detached<W>
where
    W: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test]
    async fn a_caller_that_waits_gets_the_outcome_without_a_task() {
        let detached = Detached::new(async { tokio::task::try_id() });
        assert_eq!(detached.await, tokio::task::try_id());
    }

    #[tokio::test]
    async fn work_goes_on_when_its_caller_is_dropped() {
        let (question, asked) = oneshot::channel::<()>();
        let (answer, mut answered) = mpsc::channel(1);
        let mut detached = Detached::new(async move {
            asked.await.ok();
            answer.send(()).await
        });
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut detached).poll(context))).await;
        assert!(first.is_pending());
        drop(detached);
        question.send(()).unwrap();
        assert_eq!(answered.recv().await, Some(()));
    }

    #[tokio::test]
    async fn work_that_panicked_is_not_polled_again() {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        let detached = Detached::new(poll_fn::<(), _>(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("it fails")
        }));
        assert!(tokio::spawn(detached).await.unwrap_err().is_panic());
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn outside_of_a_runtime_work_ends_with_its_caller() {
        drop(Detached::new(pending::<()>()));
    }
}
