//! Tasks that run beside the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A kind of task of which at most one runs at a time.
///
/// The task runs on the runtime of the call that began it. If that runtime ends, the task ends too, and the next call
/// begins a new one.
#[derive(Debug, Default)]
pub struct Background(Arc<AtomicBool>);

impl Background {
    /// Returns the mark of a task that begins now, or `None` if the task runs already. The task runs until the mark is dropped.
    #[must_use]
    pub fn begin(&self) -> Option<UnderWay> {
        // Reading alone leaves the cache line shared.
        let taken = self.0.load(Ordering::Relaxed) || self.0.swap(true, Ordering::AcqRel);
        (!taken).then(|| UnderWay(self.0.clone()))
    }
}

/// The mark of a task that runs, which the task holds.
#[must_use = "the task has ended when this is dropped"]
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicBool>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_task_runs_at_a_time() {
        let probing = Background::default();
        let task = probing.begin();
        assert!(task.is_some() && probing.begin().is_none());
        drop(task);
        assert!(probing.begin().is_some());
    }
}
