//! The delays of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Watches how much longer than asked for a thread sleeps. A busy machine adds about that to all that is timed.
pub(crate) struct Lag {
    worst: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Lag {
    pub(crate) fn watch() -> Self {
        let lag = Self { worst: Arc::default(), done: Arc::default() };
        let (worst, done) = (lag.worst.clone(), lag.done.clone());
        std::thread::spawn(move || {
            const NAP: Duration = Duration::from_millis(1);
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                std::thread::sleep(NAP);
                let late = start.elapsed().saturating_sub(NAP).as_micros();
                worst.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        lag
    }

    /// The longest delay so far, several times over: a call passes through several tasks, and each may be late.
    pub(crate) fn allowance(&self) -> Duration {
        5 * Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
