//! The backend under test.

use std::sync::Arc;
use std::time::Duration;

use session_core::{AtomicBackend, Backend, Create, ISessionBackend, Remove, Replace, SessionMap, WriteOutcome};

use super::failure::Failure;
use crate::Probe;

/// A backend of either kind. Clones share it.
#[derive(Clone)]
pub(super) enum Store {
    Atomic(Arc<dyn AtomicBackend>),
    Simple(Arc<dyn ISessionBackend>),
}

impl Store {
    pub(super) fn atomic(&self) -> Option<&dyn AtomicBackend> {
        match self {
            Self::Atomic(backend) => Some(&**backend),
            Self::Simple(_) => None,
        }
    }

    /// Returns the backend for a configuration, with the probe before it.
    pub(super) fn watched_by(&self, probe: &Probe) -> Backend {
        match self.clone() {
            Self::Atomic(backend) => probe.watch(backend).into(),
            Self::Simple(backend) => probe.watch_simple(backend).into(),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<SessionMap>, Failure> {
        Ok(match self {
            Self::Atomic(backend) => backend.fetch(key).await?.map(|stored| stored.session),
            Self::Simple(backend) => backend.get(key).await?,
        })
    }

    /// Stores a session, in place of any other.
    pub(super) async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), Failure> {
        match self {
            Self::Atomic(backend) => create_or_replace(&**backend, key, session, ttl).await,
            Self::Simple(backend) => Ok(backend.set(key, session, ttl).await?),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Failure> {
        match self {
            Self::Atomic(backend) => drop(backend.remove(Remove::new(key)).await?),
            Self::Simple(backend) => backend.delete(key).await?,
        }
        Ok(())
    }
}

impl From<Store> for Backend {
    fn from(store: Store) -> Self {
        match store {
            Store::Atomic(backend) => Self::atomic(backend),
            Store::Simple(backend) => Self::simple(backend),
        }
    }
}

async fn create_or_replace(
    backend: &dyn AtomicBackend,
    key: &str,
    session: &SessionMap,
    ttl: Duration,
) -> Result<(), Failure> {
    let outcome = match backend.create(Create::new(key, session, ttl)).await? {
        WriteOutcome::Conflict(_) => {
            let Some(stored) = backend.fetch(key).await? else {
                return Err(Failure::Wrong("a key in use holds no session".to_owned()));
            };
            backend.replace(Replace::new(key, session, ttl, &stored.version)).await?
        }
        outcome => outcome,
    };
    match outcome {
        WriteOutcome::Done(_) => Ok(()),
        other => Err(Failure::Wrong(format!("a session can't be stored: {other:?}"))),
    }
}
