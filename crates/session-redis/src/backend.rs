//! The backend: sessions for the manager, bytes for the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::bytes::Bytes;
use fred::clients::{Client, Pool};
use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, Removed, Replaced,
    Rotation, SessionCodec, SessionMap, Stored, Version, async_trait,
};
use sha1::{Digest, Sha1};
use tokio::time::timeout;

use crate::builder::RedisBackendBuilder;
use crate::error::RedisConfigError;
use crate::script::hex;
use crate::store::{Compared, RemovedAs, Store, Write};

/// How often an unconditional write is tried anew because somebody else wrote meanwhile.
const ATTEMPTS: usize = 16;

/// Keeps sessions in Redis or Valkey. Clones share the connections.
#[derive(Clone)]
pub struct RedisBackend {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) codec: Box<dyn SessionCodec>,
    pub(crate) max_value_bytes: usize,
    pub(crate) deadline: Duration,
}

impl RedisBackend {
    /// The backend at this URL, with the defaults of the [builder](Self::builder). Returns at once: the connection is made
    /// meanwhile, and made again whenever it is lost.
    ///
    /// # Errors
    ///
    /// [`RedisConfigError`] if the URL is not usable. That no server answers is no error.
    pub fn connect(url: &str) -> Result<Self, RedisConfigError> {
        Self::builder().connect(url)
    }

    /// Sets what differs from the defaults.
    pub fn builder() -> RedisBackendBuilder {
        RedisBackendBuilder::default()
    }

    /// A backend on a client that the application has; see [`RedisBackendBuilder::from_pool`].
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self::builder().from_client(client)
    }

    /// A backend on a pool that the application has; see [`RedisBackendBuilder::from_pool`].
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self::builder().from_pool(pool)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    async fn bytes(&self, key: &str) -> Result<Option<Bytes>, BackendError> {
        Ok(self.inner.store.get(key, self.inner.deadline).await?)
    }

    async fn create_bytes(&self, key: &str, value: Bytes, exp: Duration) -> Result<bool, BackendError> {
        let key = key.to_owned();
        self.carry_out(|inner| async move { Ok(inner.store.create(&key, value, exp).await?) }).await
    }

    async fn replace_bytes(&self, key: &str, write: Write) -> Result<Compared, BackendError> {
        let key = key.to_owned();
        self.carry_out(|inner| async move { Ok(inner.store.replace(&key, &write).await?) }).await
    }

    async fn remove_bytes(
        &self,
        key: &str,
        version: String,
        marker: Option<Marker>,
    ) -> Result<RemovedAs, BackendError> {
        let key = key.to_owned();
        self.carry_out(|inner| async move { Ok(inner.store.remove(&key, &version, marker.as_ref()).await?) }).await
    }

    /// Carries work out to its end, whether or not anybody waits for it.
    ///
    /// A request may be dropped at any moment; a command that is then left to itself would be sent whenever the server
    /// is back, and nobody would count its failure.
    async fn carry_out<T, W>(&self, work: impl FnOnce(Arc<Inner>) -> W) -> Result<T, BackendError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, BackendError>> + Send + 'static,
    {
        // Boxed: the runtime moves the future of a task, and later the place that it had, several times.
        match timeout(self.inner.patience(), tokio::spawn(Box::pin(work(self.inner.clone())))).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(BackendError::new(BackendErrorKind::Other, Applied::Unknown)),
            Err(_) => Err(BackendError::new(BackendErrorKind::Timeout, Applied::Unknown)),
        }
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend")
            .field("max_value_bytes", &self.inner.max_value_bytes)
            .field("deadline", &self.inner.deadline)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Each step has the deadline, and knows better what has happened when it ends by itself.
    fn patience(&self) -> Duration {
        self.deadline + Duration::from_millis(10)
    }

    fn encode(&self, value: &SessionMap) -> Result<Bytes, BackendError> {
        self.within_limit(self.codec.encode(value)?.into())
    }

    fn decode(&self, bytes: Bytes) -> Result<Stored, BackendError> {
        let bytes = self.within_limit(bytes)?;
        let map = self.codec.decode(&bytes)?;
        Ok(Stored { version: self.version(&bytes, &map), map })
    }

    fn within_limit(&self, bytes: Bytes) -> Result<Bytes, BackendError> {
        if bytes.len() > self.max_value_bytes {
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No));
        }
        Ok(bytes)
    }

    /// The version of a stored session: the SHA-1 of its bytes, which is what scripts can compute.
    ///
    /// Two different values of the same digest would pass for one. Nobody has found such two but by making both, and
    /// whoever writes both values of a session may write a third as well.
    fn version(&self, bytes: &[u8], map: &SessionMap) -> Version {
        if self.codec.is_json() {
            return Version::sha1_of_json(map);
        }
        Version::from_bytes(&Sha1::digest(bytes)).expect("a SHA-1 is shorter than the longest version")
    }

    /// Makes the answer to a comparison, where `map` was to be written, as `value`.
    fn replaced(&self, outcome: Compared, value: &[u8], map: &SessionMap) -> Result<Replaced, BackendError> {
        Ok(match outcome {
            Compared::Done => Replaced::Replaced(self.version(value, map)),
            Compared::Conflict(current) => Replaced::Conflict(self.decode(current)?),
            Compared::Gone => Replaced::Gone,
        })
    }
}

fn digest(value: &[u8]) -> String {
    hex(&Sha1::digest(value))
}

#[async_trait]
impl ISessionBackend for RedisBackend {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        Ok(self.fetch(key).await?.map(|stored| stored.map))
    }

    /// Compares and sets until it fits: a plain SET whose caller is gone could land on top of something newer.
    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        let value = self.inner.encode(value)?;
        for _ in 0..ATTEMPTS {
            let done = match self.bytes(key).await? {
                None => self.create_bytes(key, value.clone(), exp).await?,
                Some(current) => {
                    let write = Write { version: digest(&current), value: value.clone(), exp };
                    matches!(self.replace_bytes(key, write).await?, Compared::Done)
                }
            };
            if done {
                return Ok(());
            }
        }
        Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No))
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        for _ in 0..ATTEMPTS {
            let Some(current) = self.bytes(key).await? else { return Ok(()) };
            if !matches!(
                self.remove_bytes(key, digest(&current), Some(Marker::Destroyed)).await?,
                RemovedAs::Conflict(_)
            ) {
                return Ok(());
            }
        }
        Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No))
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        Some(self)
    }
}

#[async_trait]
impl AtomicBackend for RedisBackend {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.bytes(key).await?.map(|bytes| self.inner.decode(bytes)).transpose()
    }

    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        let bytes = self.inner.encode(value)?;
        let version = self.inner.version(&bytes, value);
        Ok(if self.create_bytes(key, bytes, exp).await? { Created::Created(version) } else { Created::Exists })
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        let bytes = self.inner.encode(value)?;
        let write = Write { version: hex(&version.as_bytes()), value: bytes.clone(), exp };
        self.inner.replaced(self.replace_bytes(key, write).await?, &bytes, value)
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        let version = version.map(|version| hex(&version.as_bytes())).unwrap_or_default();
        // A session that was emptied is not destroyed: a late write may make a new one.
        let marker = version.is_empty().then_some(Marker::Destroyed);
        Ok(match self.remove_bytes(key, version, marker).await? {
            RemovedAs::Removed => Removed::Removed,
            RemovedAs::Conflict(current) => Removed::Conflict(self.inner.decode(current)?),
            RemovedAs::Gone(marker) => Removed::Gone(marker),
        })
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        let key = key.to_owned();
        self.carry_out(|inner| async move { Ok(inner.store.touch(&key, exp).await?) }).await
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        let value = self.inner.encode(rotation.value)?;
        let write = Write { version: hex(&rotation.version.as_bytes()), value: value.clone(), exp: rotation.exp };
        let (old, new) = (rotation.old.to_owned(), rotation.new.to_owned());
        let outcome = self.carry_out(|inner| async move { Ok(inner.store.rotate(&old, &new, &write).await?) }).await?;
        self.inner.replaced(outcome, &value, rotation.value)
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        Ok(self.inner.store.marker(key, self.inner.deadline).await?)
    }

    fn longest_wait(&self) -> Option<Duration> {
        Some(self.inner.patience())
    }
}
