//! Promises for backends that can't compare and set, kept within this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, MemoryBackend, Removed,
    Replaced, Rotation, Stored, Version,
};
use crate::sync::Stripes;
use crate::{Clock, SessionMap};

/// Makes [`AtomicBackend`]'s operations of `get`, `set` and `delete`, under a lock for each key.
///
/// Two processes on one store can still overwrite each other's writes between one's `get` and its `set`.
pub(crate) struct SingleProcess {
    backend: Arc<dyn ISessionBackend>,
    stripes: Stripes,
    /// What became of the sessions that this process removed.
    removed: MemoryBackend,
}

impl SingleProcess {
    pub(crate) fn new(backend: Arc<dyn ISessionBackend>, clock: Arc<dyn Clock>) -> Self {
        let removed = MemoryBackend::builder().clock(move || clock.now()).build();
        Self { backend, stripes: Stripes::default(), removed }
    }

    /// What is stored, if it is what the caller knows.
    async fn compare(&self, key: &str, version: Option<&Version>) -> Result<Compared, BackendError> {
        Ok(match self.fetch(key).await? {
            None => Compared::Gone,
            Some(current) if version.is_some_and(|version| *version != current.version) => Compared::Conflict(current),
            Some(_) => Compared::Same,
        })
    }
}

enum Compared {
    Same,
    Conflict(Stored),
    Gone,
}

/// Equal text, equal version: the store itself keeps none.
fn version(map: &SessionMap) -> Version {
    Version::from(<[u8; 32]>::from(Sha256::digest(map.to_json())))
}

#[async_trait]
impl AtomicBackend for SingleProcess {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        let found = self.backend.get(key).await?;
        Ok(found.map(|map| Stored { version: version(&map), map }))
    }

    /// New keys are random: nothing can be there.
    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        self.backend.set(key, value, exp).await?;
        Ok(Created::Created(version(value)))
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        expected: &Version,
    ) -> Result<Replaced, BackendError> {
        let _locked = self.stripes.lock(key).await;
        Ok(match self.compare(key, Some(expected)).await? {
            Compared::Same => {
                self.backend.set(key, value, exp).await?;
                Replaced::Replaced(version(value))
            }
            Compared::Conflict(current) => Replaced::Conflict(current),
            Compared::Gone => Replaced::Gone,
        })
    }

    async fn remove(&self, key: &str, expected: Option<&Version>) -> Result<Removed, BackendError> {
        let _locked = self.stripes.lock(key).await;
        match self.compare(key, expected).await {
            Ok(Compared::Conflict(current)) => return Ok(Removed::Conflict(current)),
            Ok(Compared::Gone) => return Ok(Removed::Gone(self.marker(key).await?)),
            Err(error) if expected.is_some() || error.kind() != BackendErrorKind::Corrupt => return Err(error),
            Ok(Compared::Same) | Err(_) => {}
        }
        // Before: it may be carried out without an answer. A marker beside a session is not looked at.
        if expected.is_none() {
            self.removed.mark(key, Marker::Destroyed);
        }
        self.backend.delete(key).await?;
        Ok(Removed::Removed)
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        let _locked = self.stripes.lock(key).await;
        let Some(map) = self.backend.get(key).await? else { return Ok(false) };
        self.backend.set(key, &map, exp).await?;
        Ok(true)
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        let _locked = self.stripes.lock(rotation.old).await;
        Ok(match self.compare(rotation.old, Some(rotation.version)).await? {
            Compared::Same => {
                self.backend.set(rotation.new, rotation.value, rotation.exp).await?;
                self.removed.mark(rotation.old, Marker::Renewed { successor: rotation.new.into() });
                if let Err(error) = self.backend.delete(rotation.old).await {
                    let gone = error.applied() == Applied::Unknown
                        && self.backend.get(rotation.old).await.is_ok_and(|found| found.is_none());
                    // Else the session stays where it is: nobody knows the new key, which expires.
                    if !gone {
                        return Err(error);
                    }
                }
                Replaced::Replaced(version(rotation.value))
            }
            Compared::Conflict(current) => Replaced::Conflict(current),
            Compared::Gone => Replaced::Gone,
        })
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        self.removed.marker(key).await
    }
}
