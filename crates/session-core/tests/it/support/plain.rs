//! The simplest store that works.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use session_core::{BackendError, ISessionBackend, SessionMap, async_trait};
use tokio::task::yield_now;

/// Three methods and no comparison. Every call lets others go first, as a network would.
#[derive(Default)]
pub(crate) struct Plain {
    sessions: Mutex<HashMap<String, SessionMap>>,
}

#[async_trait]
impl ISessionBackend for Plain {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        yield_now().await;
        let found = self.sessions.lock().expect("no test panics in here").get(key).cloned();
        yield_now().await;
        Ok(found)
    }

    async fn set(&self, key: &str, session: &SessionMap, _ttl: Duration) -> Result<(), BackendError> {
        yield_now().await;
        self.sessions.lock().expect("no test panics in here").insert(key.to_owned(), session.clone());
        yield_now().await;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        yield_now().await;
        self.sessions.lock().expect("no test panics in here").remove(key);
        yield_now().await;
        Ok(())
    }
}
