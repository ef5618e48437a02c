//! Locks.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, and ignores that it was poisoned. No code of the application runs under the mutex, so a panic can't
/// leave its content half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fixed number of locks for any number of keys. Keys that share a lock wait for each other.
pub(crate) struct StripedLock {
    locks: Box<[tokio::sync::Mutex<()>]>,
    hasher: RandomState,
}

impl StripedLock {
    const COUNT: usize = 64;

    pub(crate) async fn lock(&self, key: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(key);
        self.locks[usize::try_from(hash % Self::COUNT as u64).unwrap_or(0)].lock().await
    }
}

impl Default for StripedLock {
    fn default() -> Self {
        Self { locks: (0..Self::COUNT).map(|_| tokio::sync::Mutex::default()).collect(), hasher: RandomState::new() }
    }
}
