//! A memory store with three methods.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use session_core::{BackendError, Clock, ISessionBackend, SessionMap, SystemClock, async_trait};

/// A memory store with three methods, for tests of a manager on a store without compare-and-set.
///
/// Clones share the sessions.
///
/// ```
/// use session_core::SessionConfigBuilder;
/// use session_testkit::SimpleMemory;
///
/// let config = SessionConfigBuilder::development("session").backend(SimpleMemory::new());
/// ```
#[derive(Clone)]
pub struct SimpleMemory {
    sessions: Arc<Mutex<HashMap<String, (SessionMap, SystemTime)>>>,
    clock: Arc<dyn Clock>,
}

impl SimpleMemory {
    /// Makes an empty store whose sessions expire by the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// Makes an empty store whose sessions expire by this clock.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self { sessions: Arc::default(), clock: Arc::new(clock) }
    }

    /// Returns the number of stored sessions, including expired ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with_sessions(|sessions| sessions.len())
    }

    /// Returns `true` if no session is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with_sessions<T>(&self, work: impl FnOnce(&mut HashMap<String, (SessionMap, SystemTime)>) -> T) -> T {
        work(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for SimpleMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimpleMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleMemory").finish_non_exhaustive()
    }
}

#[async_trait]
impl ISessionBackend for SimpleMemory {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        let now = self.clock.now();
        Ok(self.with_sessions(|sessions| {
            sessions.get(key).filter(|(_, end)| now < *end).map(|(session, _)| session.clone())
        }))
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        let end = self.clock.now() + ttl;
        self.with_sessions(|sessions| sessions.insert(key.to_owned(), (session.clone(), end)));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.with_sessions(|sessions| sessions.remove(key));
        Ok(())
    }
}
