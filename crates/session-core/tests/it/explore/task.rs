//! A request that is being served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled when it was woken, and dropped when its request is.
pub(super) struct Task<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    woken: Arc<Flag>,
    waker: Waker,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Task<'a> {
    pub(super) fn new(future: impl Future<Output = ()> + 'a) -> Self {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        Self { future: Some(Box::pin(future)), waker: woken.clone().into(), woken }
    }

    /// Goes on if it was woken. Returns `None` if it was not.
    pub(super) fn poll(&mut self) -> Option<Poll<()>> {
        let future = self.future.as_mut()?;
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        let outcome = future.as_mut().poll(&mut Context::from_waker(&self.waker));
        if outcome.is_ready() {
            self.future = None;
        }
        Some(outcome)
    }

    pub(super) fn wake(&self) {
        self.waker.wake_by_ref();
    }

    pub(super) fn drop_request(&mut self) {
        self.future = None;
    }

    /// Returns `true` if the request was neither served nor dropped.
    pub(super) fn is_open(&self) -> bool {
        self.future.is_some()
    }
}
