//! A memory store with epochs of users.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use session_core::{AtomicBackend, Backend, Clock, MemoryBackend, StoreFuture, UserEpochs};

use crate::forward;

/// Keeps sessions in memory, with epochs of users instead of an index, as a store that can't list sessions does.
///
/// It is meant for tests of applications that use such a store. Clones share the store.
#[derive(Clone)]
pub struct EpochMemory {
    sessions: MemoryBackend,
    epochs: Arc<Mutex<HashMap<String, Epoch>>>,
    clock: Arc<dyn Clock>,
}

struct Epoch {
    number: u64,
    expires: SystemTime,
}

impl EpochMemory {
    /// Makes an empty store whose sessions and epochs expire by this clock.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let of_sessions = clock.clone();
        let sessions = MemoryBackend::builder().clock(move || of_sessions.now()).build();
        Self { sessions, epochs: Arc::default(), clock }
    }

    /// Drops all epochs, as a store does when it evicts them or restarts.
    pub fn lose_epochs(&self) {
        self.epochs().clear();
    }

    fn epochs(&self) -> MutexGuard<'_, HashMap<String, Epoch>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtomicBackend for EpochMemory {
    forward!(sessions: fetch, create, replace, remove, touch, rotate, marker);

    fn name(&self) -> &'static str {
        "memory"
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        Some(self)
    }
}

impl UserEpochs for EpochMemory {
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64> {
        let now = self.clock.now();
        let mut epochs = self.epochs();
        let expires = now + ttl;
        let epoch = epochs.entry(user.to_owned()).or_insert(Epoch { number: candidate, expires });
        if epoch.expires <= now {
            epoch.number = candidate;
        }
        epoch.expires = expires;
        StoreFuture::ready(Ok(epoch.number))
    }

    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>> {
        let now = self.clock.now();
        let mut epochs = self.epochs();
        let epoch = epochs.get_mut(user).filter(|epoch| epoch.expires > now);
        StoreFuture::ready(Ok(epoch.map(|epoch| {
            epoch.expires = now + ttl;
            epoch.number
        })))
    }

    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()> {
        self.epochs().remove(user);
        StoreFuture::ready(Ok(()))
    }
}

impl From<EpochMemory> for Backend {
    fn from(memory: EpochMemory) -> Self {
        Self::atomic(memory)
    }
}

impl fmt::Debug for EpochMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochMemory").finish_non_exhaustive()
    }
}
