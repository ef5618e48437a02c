//! Background tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A guard for a kind of background task of which at most one runs at a time.
///
/// The caller spawns the task on its own runtime. If that runtime ends, the task ends too, and the next call can begin
/// a new one.
#[derive(Debug, Default)]
pub struct Background(Arc<AtomicBool>);

impl Background {
    /// Marks the task as running, or returns `None` if it runs already. The task counts as running until the mark is
    /// dropped.
    #[must_use]
    pub fn begin(&self) -> Option<UnderWay> {
        // Reading alone leaves the cache line shared.
        let taken = self.0.load(Ordering::Relaxed) || self.0.swap(true, Ordering::AcqRel);
        (!taken).then(|| UnderWay(self.0.clone()))
    }
}

/// The mark of a running task. The task must hold it until it ends.
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
