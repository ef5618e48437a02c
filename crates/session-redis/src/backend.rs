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
use crate::errand::Errand;
use crate::error::{Failure, RedisConfigError};
use crate::node::{GRACE, TimeLimit};
use crate::script::hex;
use crate::store::{Compared, RemovedAs, Store, Write, copy};

/// From this length on, values are compared by their digest. Two shorter ones and the rest of the command fit into one
/// segment of TCP.
const LONG: usize = 512;

/// The length of a SHA-1 in hexadecimal digits.
const DIGEST_LEN: usize = 40;

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
        Ok(self.inner.store.get(key, self.inner.time_limit()).await?)
    }

    async fn create_bytes(&self, key: &str, value: Bytes, exp: Duration) -> Result<bool, BackendError> {
        let key = copy(key);
        self.carry_out(|inner| async move { inner.store.create(&key, &value, exp).await }).await
    }

    async fn replace_bytes(&self, key: Bytes, write: Write) -> Result<Compared, BackendError> {
        self.carry_out(|inner| async move { inner.store.replace(&key, &write).await }).await
    }

    async fn remove_bytes(&self, key: &str, version: Bytes, marker: Option<Marker>) -> Result<RemovedAs, BackendError> {
        let key = key.to_owned();
        self.carry_out(|inner| async move { inner.store.remove(&key, &version, marker.as_ref()).await }).await
    }

    /// Carries work out to its end, whether or not anybody waits for it.
    async fn carry_out<T, W>(&self, work: impl FnOnce(Arc<Inner>) -> W) -> Result<T, BackendError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let errand = Errand::new(work(self.inner.clone()));
        if !self.inner.store.is_clustered() {
            return Ok(errand.await?);
        }
        // Each of several steps has the deadline.
        self.inner.with_patience(async { Ok(errand.await?) }).await
    }

    /// Reads and writes at what was read, until it fits: a plain write whose caller is gone could land on top of something
    /// newer.
    async fn until_it_fits<W>(&self, key: &str, write: impl Fn(Option<Bytes>) -> W) -> Result<(), BackendError>
    where
        W: Future<Output = Result<bool, BackendError>>,
    {
        let attempts = async {
            for _ in 0..ATTEMPTS {
                if write(self.bytes(key).await?).await? {
                    return Ok(());
                }
            }
            Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No))
        };
        self.inner.with_patience(attempts).await
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
    /// A call ends by itself at the deadline, and knows better what has happened.
    fn patience(&self) -> Duration {
        self.deadline + GRACE
    }

    /// Waits for work of several steps as long as for any. What was begun goes on.
    async fn with_patience<T>(&self, work: impl Future<Output = Result<T, BackendError>>) -> Result<T, BackendError> {
        let late = |_| BackendError::new(BackendErrorKind::Timeout, Applied::Unknown);
        timeout(self.patience(), work).await.map_err(late)?
    }

    /// That of a call which begins now.
    fn time_limit(&self) -> TimeLimit {
        TimeLimit::new(self.deadline)
    }

    fn encode(&self, value: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        let bytes = self.codec.encode_with_room(value, room)?;
        self.check_size(&bytes)?;
        Ok(bytes)
    }

    fn decode(&self, bytes: Bytes) -> Result<Stored, BackendError> {
        self.check_size(&bytes)?;
        let map = self.codec.decode(&bytes)?;
        Ok(Stored { version: self.version(&bytes, &map), map })
    }

    fn check_size(&self, bytes: &[u8]) -> Result<(), BackendError> {
        if bytes.len() > self.max_value_bytes {
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No));
        }
        Ok(())
    }

    /// The version of a stored session: the SHA-1 of its bytes, which scripts can compute, and which is not computed here
    /// where the [text itself](push_expected) does.
    ///
    /// Two different values of the same digest would pass for one. Nobody has found such two but by making both, and
    /// whoever writes both values of a session may write a third as well.
    fn version(&self, bytes: &[u8], map: &SessionMap) -> Version {
        if self.codec.is_json() {
            return Version::sha1_of_json(map);
        }
        Version::from_bytes(&Sha1::digest(bytes)).expect("a SHA-1 is shorter than the longest version")
    }

    /// Makes the answer to a comparison, where what was written would have this version.
    fn replaced(&self, outcome: Compared, version: Version) -> Result<Replaced, BackendError> {
        Ok(match outcome {
            Compared::Done => Replaced::Replaced(version),
            Compared::Conflict(current) => Replaced::Conflict(self.decode(current)?),
            Compared::Gone => Replaced::Gone,
        })
    }
}

/// Appends a version as scripts compare it: the value that was read, as long as it is short, since hashing it, here and on
/// the server, would cost more than to send it; else its digest. A value of a digest's length would be taken for one.
///
/// An empty one, which no backend of this kind gives out, becomes a digest that nobody knows a value of: a script takes
/// nothing for any version.
fn push_expected(out: &mut Vec<u8>, version: &Version) {
    let short = |session: &&SessionMap| !matches!(session.json_len(), DIGEST_LEN | LONG..);
    match version.json().filter(short) {
        Some(session) => out.extend_from_slice(session.json().as_bytes()),
        None => {
            let bytes = version.as_bytes();
            out.extend(if bytes.is_empty() { hex(&[0; DIGEST_LEN / 2]) } else { hex(&bytes) });
        }
    }
}

fn expected(version: &Version) -> Bytes {
    let mut expected = Vec::new();
    push_expected(&mut expected, version);
    expected.into()
}

fn digest(value: &[u8]) -> Bytes {
    hex(&Sha1::digest(value)).into()
}

#[async_trait]
impl ISessionBackend for RedisBackend {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        Ok(self.fetch(key).await?.map(|stored| stored.map))
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        let value = Bytes::from(self.inner.encode(value, 0)?);
        let write = async |current: Option<Bytes>| {
            let Some(current) = current else { return self.create_bytes(key, value.clone(), exp).await };
            let write = Write { version: digest(&current), value: value.clone(), exp };
            Ok(matches!(self.replace_bytes(copy(key), write).await?, Compared::Done))
        };
        self.until_it_fits(key, write).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let write = async |current: Option<Bytes>| {
            let Some(current) = current else { return Ok(true) };
            let outcome = self.remove_bytes(key, digest(&current), Some(Marker::Destroyed)).await?;
            Ok(!matches!(outcome, RemovedAs::Conflict(_)))
        };
        self.until_it_fits(key, write).await
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
        let bytes = self.inner.encode(value, 0)?;
        let version = self.inner.version(&bytes, value);
        Ok(if self.create_bytes(key, bytes.into(), exp).await? { Created::Created(version) } else { Created::Exists })
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        // All in one allocation: each alone would cost two.
        let mut bytes = self.inner.encode(value, LONG + key.len())?;
        let next = self.inner.version(&bytes, value);
        let value_end = bytes.len();
        push_expected(&mut bytes, version);
        let version_end = bytes.len();
        bytes.extend_from_slice(key.as_bytes());
        let mut value = Bytes::from(bytes);
        let key = value.split_off(version_end);
        let version = value.split_off(value_end);
        let write = Write { version, value, exp };
        self.inner.replaced(self.replace_bytes(key, write).await?, next)
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        // A session that was emptied is not destroyed: a late write may make a new one.
        let marker = version.is_none().then_some(Marker::Destroyed);
        let version = version.map(expected).unwrap_or_default();
        Ok(match self.remove_bytes(key, version, marker).await? {
            RemovedAs::Removed => Removed::Removed,
            RemovedAs::Conflict(current) => Removed::Conflict(self.inner.decode(current)?),
            RemovedAs::Gone(marker) => Removed::Gone(marker),
        })
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        let key = copy(key);
        self.carry_out(|inner| async move { inner.store.touch(&key, exp).await }).await
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        let bytes = self.inner.encode(rotation.value, 0)?;
        let next = self.inner.version(&bytes, rotation.value);
        let write = Write { version: expected(rotation.version), value: bytes.into(), exp: rotation.exp };
        let (old, new) = (rotation.old.to_owned(), rotation.new.to_owned());
        let outcome = self.carry_out(|inner| async move { inner.store.rotate(&old, &new, write).await }).await?;
        self.inner.replaced(outcome, next)
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        Ok(self.inner.store.marker(key, self.inner.time_limit()).await?)
    }

    fn longest_wait(&self) -> Option<Duration> {
        Some(self.inner.patience())
    }
}
