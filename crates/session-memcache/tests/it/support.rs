//! Helpers of several modules of tests.

mod app;
mod fake;
mod python;

use std::time::Duration;

use session_core::{AtomicBackend, BackendError, Create, Remove, Replace, SessionMap, Version, WriteOutcome};
use session_memcache::{MemcacheBackend, MemcacheBackendBuilder};

pub(crate) use app::{App, Request, SECRET, respond_together};
pub(crate) use fake::Fake;
pub(crate) use python::Python;
pub(crate) use session_test_support::{Browser, Log, MemcachedServer as Server, races};

/// Long enough for everything that a test does.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A backend on these servers, with a long timeout, because a busy machine must not decide a test.
pub(crate) fn patient(servers: &[&Server]) -> MemcacheBackendBuilder {
    MemcacheBackend::builder(servers.iter().map(|server| server.address())).timeout(Duration::from_secs(20))
}

pub(crate) fn backend(server: &Server) -> MemcacheBackend {
    patient(&[server]).build().expect("the address is good")
}

pub(crate) fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("the test's own JSON")
}

/// The version of a session that was to be written.
pub(crate) fn version(outcome: WriteOutcome) -> Version {
    match outcome {
        WriteOutcome::Done(version) => version,
        other => panic!("the session was not written: {other:?}"),
    }
}

/// A store without versions, made of the calls of one with versions.
pub(crate) trait PlainCalls {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError>;

    /// Stores a session in place of any other. A key with a marker stays as it is.
    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError>;

    async fn delete(&self, key: &str) -> Result<(), BackendError>;
}

impl PlainCalls for MemcacheBackend {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        Ok(self.fetch(key).await?.map(|stored| stored.session))
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        loop {
            match self.create(Create::new(key, session, ttl)).await? {
                WriteOutcome::Conflict(_) => {}
                _ => return Ok(()),
            }
            if let Some(stored) = self.fetch(key).await? {
                let replace = Replace::new(key, session, ttl, &stored.version);
                if let WriteOutcome::Done(_) = self.replace(replace).await? {
                    return Ok(());
                }
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.remove(Remove::new(key)).await.map(drop)
    }
}
