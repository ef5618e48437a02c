//! The backend: core's operations in terms of what the store can do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, Removed, Replaced,
    Rotation, SessionMap, Stored, Version, async_trait,
};

use crate::builder::{ConfigError, MemcacheBackendBuilder};
use crate::cluster::At;
use crate::key::Key;
use crate::rotate::Move;
use crate::store::{Condition, Found, Store, Written};

/// How often a session may be written while it is being destroyed.
const MOST_OVERTAKINGS: usize = 64;

/// Keeps sessions in memcached, on one node or several.
///
/// Cheap to clone; clones share the connections. Connects when it is first used, and again when it has to. Needs a Tokio
/// runtime with I/O and time enabled.
///
/// ```
/// use session_core::SessionConfig;
/// use session_memcache::MemcacheBackend;
///
/// let backend = MemcacheBackend::new(["cache-1.internal:11211", "cache-2.internal:11211"])?;
/// let config = SessionConfig::builder("at least 32 bytes from a secret store", "session").backend(backend).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemcacheBackend {
    pub(crate) store: Arc<Store>,
}

impl MemcacheBackend {
    /// A backend on these nodes: `host:port`, `host` (port 11211) or the absolute path of a Unix socket.
    ///
    /// The order does not matter, the spelling does: it is what the ring hashes. Use the same for all services.
    ///
    /// # Errors
    ///
    /// If there is no node, one is named twice, or an address can't be used.
    pub fn new<A: AsRef<str>>(nodes: impl IntoIterator<Item = A>) -> Result<Self, ConfigError> {
        Self::builder(nodes).build()
    }

    /// Sets what differs from [`MemcacheBackend::new`].
    pub fn builder<A: AsRef<str>>(nodes: impl IntoIterator<Item = A>) -> MemcacheBackendBuilder {
        MemcacheBackendBuilder::new(nodes.into_iter().map(|node| node.as_ref().to_owned()).collect())
    }
}

impl fmt::Debug for MemcacheBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.store.cluster.nodes().iter().map(|node| node.address().to_string()).collect();
        f.debug_struct("MemcacheBackend").field("nodes", &nodes).finish_non_exhaustive()
    }
}

#[async_trait]
impl ISessionBackend for MemcacheBackend {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        Ok(self.fetch(key).await?.map(|stored| stored.map))
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        let key = Key::check(key)?;
        let value = self.store.encode(key, value)?;
        self.store.put(key, &value, exp, Condition::None).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.remove(key, None).await.map(drop)
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        Some(self)
    }
}

#[async_trait]
impl AtomicBackend for MemcacheBackend {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.store.current(Key::check(key)?).await
    }

    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        let key = Key::check(key)?;
        let value = self.store.encode(key, value)?;
        let mut written = self.store.put(key, &value, exp, Condition::Absent).await?;
        // The key of a removed session may be used again, though no random id ever will be.
        if let Written::Exists = written
            && let Found::Tombstone(_, at) = self.store.look(key).await?
        {
            written = self.store.put(key, &value, exp, Condition::At(at)).await?;
        }
        Ok(match written {
            Written::Done(at) => Created::Created(at.into()),
            _ => Created::Exists,
        })
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        let key = Key::check(key)?;
        let value = self.store.encode(key, value)?;
        let written = match At::of(version) {
            Some(at) => self.store.put(key, &value, exp, Condition::At(at)).await?,
            None => Written::Changed,
        };
        Ok(match written {
            Written::Done(at) => Replaced::Replaced(at.into()),
            Written::Gone => Replaced::Gone,
            _ => match self.store.current(key).await? {
                Some(current) => Replaced::Conflict(current),
                None => Replaced::Gone,
            },
        })
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        let key = Key::check(key)?;
        match version {
            Some(version) => self.store.remove_at(key, At::of(version)).await,
            None => self.store.remove(key).await,
        }
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        self.store.touch(Key::check(key)?, exp).await
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        let (old, new) = (Key::check(rotation.old)?, Key::check(rotation.new)?);
        let value = self.store.encode(new, rotation.value)?;
        let Some(at) = At::of(rotation.version) else {
            let current = self.store.current(old).await?;
            return Ok(current.map_or(Replaced::Gone, Replaced::Conflict));
        };
        let (old, new) = (rotation.old.to_owned(), rotation.new.to_owned());
        let work = Move { old, new, value, exp: rotation.exp, at }.carry_out(self.store.clone());
        // On a task of its own: a client that goes away must not leave the session under both keys.
        tokio::spawn(work).await.unwrap_or_else(|error| {
            Err(BackendError::new(BackendErrorKind::Other, Applied::Unknown).with_source(error))
        })
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        Ok(match self.store.look(Key::check(key)?).await? {
            Found::Tombstone(marker, _) => Some(marker),
            _ => None,
        })
    }
}

impl Store {
    /// The session that is there.
    pub(crate) async fn current(&self, key: Key<'_>) -> Result<Option<Stored>, BackendError> {
        match self.look(key).await? {
            Found::Session(bytes, at) => self.decode(&bytes, at).map(Some),
            _ => Ok(None),
        }
    }

    /// Removes a session that was emptied, at its version; none is that of another store, and of no session here.
    ///
    /// Leaves no marker: whoever comes too late is to be told that changes could not be kept.
    async fn remove_at(&self, key: Key<'_>, at: Option<At>) -> Result<Removed, BackendError> {
        let deleted = match at {
            Some(at) => self.delete(key, at).await?,
            None => Written::Changed,
        };
        Ok(match deleted {
            Written::Done(_) => Removed::Removed,
            Written::Gone => Removed::Gone(None),
            _ => match self.look(key).await? {
                Found::Session(bytes, at) => Removed::Conflict(self.decode(&bytes, at)?),
                Found::Tombstone(marker, _) => Removed::Gone(Some(marker)),
                Found::Nothing => Removed::Gone(None),
            },
        })
    }

    /// Destroys a session, whatever it holds: it need not even be readable.
    ///
    /// At the version that is there: what an unconditional write might hit is the tombstone of a session that was just
    /// renewed, and a logout has to find the successor.
    async fn remove(&self, key: Key<'_>) -> Result<Removed, BackendError> {
        for _ in 0..MOST_OVERTAKINGS {
            let at = match self.look(key).await? {
                Found::Session(_, at) => at,
                Found::Tombstone(marker, _) => return Ok(Removed::Gone(Some(marker))),
                Found::Nothing => return Ok(Removed::Gone(None)),
            };
            match self.bury(key, at, &Marker::Destroyed).await? {
                Written::Done(_) => return Ok(Removed::Removed),
                Written::Gone => return Ok(Removed::Gone(None)),
                _ => {}
            }
        }
        Err(BackendError::new(BackendErrorKind::Timeout, Applied::No))
    }
}
