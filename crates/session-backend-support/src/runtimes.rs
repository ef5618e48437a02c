//! Values that belong to one Tokio runtime.

use std::future::pending;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::{Handle, Id};
use tokio::task::JoinHandle;

/// One value for each Tokio runtime that asks for it, until the runtime ends.
///
/// A task that drives a connection runs only while its runtime runs: it ends with the runtime of a test, and it stops
/// while a handler blocks the only thread of its runtime. So no other runtime may depend on it.
#[derive(Debug)]
pub struct PerRuntime<T> {
    entries: RwLock<Vec<Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    runtime: Id,
    /// A task that ends with the runtime, because ids of runtimes are reused.
    life: AbortOnDrop<()>,
    value: Arc<T>,
}

impl<T> PerRuntime<T> {
    /// Makes an empty set of values.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: RwLock::default() }
    }

    /// Returns the value of the current runtime, and calls `make` to make it if there is none.
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let runtime = Handle::current();
        let id = runtime.id();
        let found = find(&self.entries.read().unwrap_or_else(PoisonError::into_inner), id);
        found.unwrap_or_else(|| self.insert(&runtime, make))
    }

    #[cold]
    fn insert(&self, runtime: &Handle, make: impl FnOnce() -> T) -> Arc<T> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(Entry::is_alive);
        // Another thread of the runtime may have been faster.
        if let Some(value) = find(&entries, runtime.id()) {
            return value;
        }
        let value = Arc::new(make());
        let life = AbortOnDrop(runtime.spawn(pending()));
        entries.push(Entry { runtime: runtime.id(), life, value: value.clone() });
        value
    }
}

fn find<T>(entries: &[Entry<T>], runtime: Id) -> Option<Arc<T>> {
    let entry = entries.iter().find(|entry| entry.runtime == runtime)?;
    entry.is_alive().then(|| entry.value.clone())
}

impl<T> Entry<T> {
    fn is_alive(&self) -> bool {
        !self.life.0.is_finished()
    }
}

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A task that is aborted when this value is dropped.
#[derive(Debug)]
pub struct AbortOnDrop<T>(pub JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().expect("a runtime can be made")
    }

    /// Returns the number of a runtime. Each new runtime gets the next one.
    fn get(numbers: &PerRuntime<u32>, runtime: &Runtime) -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let _entered = runtime.enter();
        *numbers.get(|| NEXT.fetch_add(1, Ordering::Relaxed))
    }

    #[test]
    fn each_runtime_has_its_own_value() {
        let (numbers, runtimes) = (PerRuntime::new(), [runtime(), runtime()]);
        let first = runtimes.each_ref().map(|runtime| get(&numbers, runtime));
        let again = runtimes.each_ref().map(|runtime| get(&numbers, runtime));
        assert_eq!(first, again);
        assert_ne!(first[0], first[1]);
    }

    #[test]
    fn the_value_of_a_runtime_that_has_ended_is_dropped() {
        let numbers = PerRuntime::new();
        for n in 0..10 {
            let runtime = runtime();
            get(&numbers, &runtime);
            assert_eq!(numbers.entries.read().unwrap().len(), 1, "{n}");
        }
    }

    #[test]
    fn a_value_is_not_found_by_the_id_of_a_runtime_that_has_ended() {
        let (numbers, old) = (PerRuntime::new(), runtime());
        get(&numbers, &old);
        let id = old.handle().id();
        assert!(find(&numbers.entries.read().unwrap(), id).is_some());
        drop(old);
        assert!(find(&numbers.entries.read().unwrap(), id).is_none());
    }
}
