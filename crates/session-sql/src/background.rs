//! Work that goes on beside the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether some work of one kind is under way.
///
/// It is done on the runtime of the call that began it. If that runtime ends, the work ends too, and the next call begins
/// it anew.
#[derive(Default)]
pub(crate) struct Background(Arc<AtomicBool>);

impl Background {
    /// Takes the work on, unless somebody does it already. It is under way as long as the returned value lives.
    pub(crate) fn begin(&self) -> Option<UnderWay> {
        // Reading alone leaves the cache line shared.
        let taken = self.0.load(Ordering::Relaxed) || self.0.swap(true, Ordering::AcqRel);
        (!taken).then(|| UnderWay(self.0.clone()))
    }
}

/// Held by whoever does the work.
#[must_use = "the work is over when this is dropped"]
pub(crate) struct UnderWay(Arc<AtomicBool>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
