//! The delays of a busy machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Measures how much longer a thread sleeps than it asked to. A busy machine adds this delay to everything that a test
/// times.
#[derive(Debug)]
pub struct Lag {
    worst: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Lag {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Self {
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

    /// Returns five times the longest delay so far, because a call passes through several tasks.
    #[must_use]
    pub fn allowance(&self) -> Duration {
        5 * Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
