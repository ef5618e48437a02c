//! The backend, which the session manager calls.

mod builder;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use fred::bytes::Bytes;
#[cfg(feature = "fred-10")]
use fred::clients::{Client, Pool};
use session_backend_support::{CallTimeout, Deadline, Detached};
use session_core::{
    Applied, AtomicBackend, Backend, BackendError, BackendErrorKind, CodecRefusal, Create, IndexedSession, Marker,
    Remove, Replace, Rotate, ScanCursor, ScanPage, SessionCodec, SessionScan, StoreFuture, Stored, Touch, UserIndex,
    Version, WriteOutcome,
};
use tokio::time::timeout;

pub use builder::RedisBackendBuilder;

use crate::config_error::RedisConfigError;
use crate::error::{CallError, no_reply_within};
use crate::format::{LONG, expected, push_expected};
use crate::keys::push_marker_key;
use crate::node::TIMEOUT_MARGIN;
use crate::store::{Store, Write, copy};

/// Keeps sessions in Redis or Valkey. Clones share the connections.
#[derive(Clone)]
pub struct RedisBackend {
    store: Arc<Store>,
    timeout: CallTimeout,
}

impl RedisBackend {
    /// Makes a backend for a [URL](crate#urls), with the defaults of the [builder](Self::builder). Does not wait for
    /// the server.
    ///
    /// # Errors
    ///
    /// [`RedisConfigError`] if the URL can't be used, for the reasons that [`RedisBackendBuilder::connect`] lists. A
    /// server that does not answer is not an error here.
    pub fn connect(url: &str) -> Result<Self, RedisConfigError> {
        Self::builder().connect(url)
    }

    /// Returns a builder for settings that differ from the defaults.
    pub fn builder() -> RedisBackendBuilder {
        RedisBackendBuilder::default()
    }

    /// Makes a backend on a client of the application; see [`RedisBackendBuilder::build_with_pool`].
    #[cfg(feature = "fred-10")]
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self::builder().build_with_client(client)
    }

    /// Makes a backend on a pool of the application; see [`RedisBackendBuilder::build_with_pool`].
    #[cfg(feature = "fred-10")]
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self::builder().build_with_pool(pool)
    }

    /// Returns the time by the server's clock, in a Cluster by that of one server. It is meant for tools that compare clocks.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or refuses the command `TIME`.
    pub async fn server_time(&self) -> Result<SystemTime, BackendError> {
        Ok(self.store.server_time().await?)
    }

    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        Ok(self.store.fetch(key, self.deadline()).await?)
    }

    async fn create(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        // All in one allocation.
        let mut bytes = self.store.format.encode(create.key, create.session, 3 * create.key.len())?;
        let version = self.store.format.version(&bytes, create.session);
        let value_end = bytes.len();
        bytes.extend_from_slice(create.key.as_bytes());
        let key_end = bytes.len();
        push_marker_key(&mut bytes, create.key);
        let mut value = Bytes::from(bytes);
        let marker_key = value.split_off(key_end);
        let (keys, ttl) = ([value.split_off(value_end), marker_key], create.ttl);
        let user = create.user.map(|user| Bytes::copy_from_slice(user.as_bytes()));
        if user.is_some() {
            self.check_eviction();
        }
        let outcome = self.run_to_end(|store| async move {
            match user {
                Some(user) => Box::pin(store.create_of_user(&keys, &value, ttl, &user)).await,
                None => store.create(&keys, &value, ttl).await,
            }
        });
        Ok(at_version(outcome.await?, version))
    }

    async fn replace(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        // All in one allocation: each alone would cost two.
        let mut bytes = self.store.format.encode(replace.key, replace.session, LONG + replace.key.len())?;
        let version = self.store.format.version(&bytes, replace.session);
        let value_end = bytes.len();
        push_expected(&mut bytes, replace.version);
        let expected_end = bytes.len();
        bytes.extend_from_slice(replace.key.as_bytes());
        let mut value = Bytes::from(bytes);
        let key = value.split_off(expected_end);
        let expected = value.split_off(value_end);
        let write = Write { version: expected, value, ttl: replace.ttl };
        let user = replace.user.map(|user| Bytes::copy_from_slice(user.as_bytes()));
        let outcome = self.run_to_end(|store| async move {
            match user {
                Some(user) => Box::pin(store.replace_of_user(&key, &write, &user)).await,
                None => store.replace(&key, &write).await,
            }
        });
        Ok(at_version(outcome.await?, version))
    }

    async fn remove(&self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        let version = remove.version.map(expected).unwrap_or_default();
        let (key, marker) = (remove.key.to_owned(), remove.marker);
        let user = remove.user.map(|user| Bytes::copy_from_slice(user.as_bytes()));
        self.run_to_end(|store| async move {
            match user {
                Some(user) => Box::pin(store.remove_of_user(&key, &version, &marker, &user)).await,
                None => store.remove(&key, &version, &marker).await,
            }
        })
        .await
    }

    async fn touch(&self, touch: Touch<'_>) -> Result<bool, BackendError> {
        let (key, ttl) = (copy(touch.key), touch.ttl);
        let user = touch.user.map(|user| Bytes::copy_from_slice(user.as_bytes()));
        self.run_to_end(|store| async move {
            match user {
                Some(user) => Box::pin(store.touch_of_user(&key, ttl, &user)).await,
                None => store.touch(&key, ttl).await,
            }
        })
        .await
    }

    async fn rotate(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        let bytes = self.store.format.encode(rotate.new, rotate.session, 0)?;
        let version = self.store.format.version(&bytes, rotate.session);
        let write = Write { version: expected(rotate.version), value: bytes.into(), ttl: rotate.ttl };
        let (old, new) = (rotate.old.to_owned(), rotate.new.to_owned());
        let users = [rotate.user, rotate.old_user].map(|user| user.map(|user| Bytes::copy_from_slice(user.as_bytes())));
        if rotate.user.is_some() {
            self.check_eviction();
        }
        let outcome = self.run_to_end(|store| async move { store.rotate(&old, &new, write, users).await });
        Ok(at_version(outcome.await?, version))
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        Ok(self.store.marker(key, self.deadline()).await?)
    }

    /// Warns once, in a task of its own, if the server may evict the index of users.
    fn check_eviction(&self) {
        if !self.store.eviction_checked.swap(true, Ordering::Relaxed) {
            let store = self.store.clone();
            tokio::spawn(async move { store.warn_of_eviction().await });
        }
    }

    /// Runs work to its end, even if the caller is dropped.
    async fn run_to_end<T, W>(&self, work: impl FnOnce(Arc<Store>) -> W) -> Result<T, BackendError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, CallError>> + Send + 'static,
    {
        let detached = Detached::new(work(self.store.clone()));
        if !self.store.servers.is_clustered() {
            return Ok(detached.await?);
        }
        // Each of several steps has the whole timeout.
        let late = |_| CallError::new(BackendErrorKind::Timeout, Applied::Maybe, no_reply_within(self.timeout.get()));
        Ok(timeout(self.call_limit(), detached).await.map_err(late)??)
    }

    /// Returns the longest time that a call takes.
    fn call_limit(&self) -> Duration {
        self.timeout.get() + TIMEOUT_MARGIN
    }

    /// Returns the deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout.get())
    }
}

/// Adds the version that the session has after the write.
fn at_version(outcome: WriteOutcome<()>, version: Version) -> WriteOutcome {
    match outcome {
        WriteOutcome::Done(()) => WriteOutcome::Done(version),
        WriteOutcome::Conflict(current) => WriteOutcome::Conflict(current),
        WriteOutcome::Gone(marker) => WriteOutcome::Gone(marker),
    }
}

impl AtomicBackend for RedisBackend {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        // `Box::pin` would make the future elsewhere, and move its five kilobytes.
        let place = Box::new_uninit();
        Box::into_pin(Box::write(place, self.fetch(key))).into()
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::pending(self.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::pending(self.touch(touch))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::pending(self.marker(key))
    }

    fn name(&self) -> &'static str {
        "redis"
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.call_limit())
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.timeout.follow(deadline);
    }

    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Arc<dyn AtomicBackend>, CodecRefusal> {
        Ok(Arc::new(Self { store: Arc::new(self.store.with_codec(codec)?), timeout: self.timeout.clone() }))
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        Some(self)
    }

    /// Returns `None` for a Cluster with a client of the application, because such a client does not tell its servers.
    fn session_scan(&self) -> Option<&dyn SessionScan> {
        self.store.servers.are_known().then_some(self as &dyn SessionScan)
    }
}

impl UserIndex for RedisBackend {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        let user = Bytes::copy_from_slice(user.as_bytes());
        StoreFuture::pending(self.run_to_end(|store| async move { store.sessions_of(&user).await }))
    }

    /// Uses `SCAN` on each server. A session whose slot moves may be missed or counted twice. Fails for a Cluster with
    /// a client of the application.
    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        // It only reads and may take long, so no task continues it.
        StoreFuture::pending(async move { Ok(self.store.count(key_prefix).await?) })
    }
}

/// A page holds the sessions among about 1,000 keys, one step of `SCAN`.
impl SessionScan for RedisBackend {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        StoreFuture::pending(async move { Ok(self.store.page(key_prefix, after).await?) })
    }
}

impl From<RedisBackend> for Backend {
    fn from(backend: RedisBackend) -> Self {
        Self::atomic(backend)
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend")
            .field("max_value_bytes", &self.store.format.max_value_bytes)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
