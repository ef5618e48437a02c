//! The cache that Django's engine `cached_db` keeps beside its table.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, Backend, BackendError, Create, Marker, Remove, Replace, Rotate, StoreFuture, Stored, Touch,
    WriteOutcome,
};

/// The backend for Django's engine `cached_db`: the rows of `django_session`, of which Django has copies in a cache on
/// Redis.
///
/// It wraps the backend of the table. The format is [`DjangoDb`](crate::DjangoDb), whose page describes the rest.
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::{DjangoCachedDb, DjangoDb};
/// use session_core::SessionConfig;
///
/// # let (secret_key, secret) = ("0d6c1a7be2f94c53a8b1d0e7f6253948", "7f0e1c93b5a24d68a1c2e3f405162738");
/// # let (rows, cache) = (MemoryBackend::new(), MemoryBackend::new());
/// let django = DjangoDb::new(secret_key);
/// // let rows = SqlBackend::builder().django(django.clone()).connect("postgres://localhost/shop")?;
/// // let cache = RedisBackend::connect("redis://localhost")?;
/// let backend = DjangoCachedDb::new(rows, cache);
/// let config = SessionConfig::builder(secret, DjangoDb::COOKIE_NAME).format(django).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// Rust reads the rows, which are never older than their copies. Each write of a row removes its copy, before and after,
/// so that Django reads the row next. This costs two calls of the cache for each write. If the cache does not answer,
/// the write fails, because Django would go on with the copy, even after a logout.
///
/// # What is lost
///
/// A request of Django that finds no copy reads the row and makes one. If Rust writes the row in between, and removes
/// the copy before it is made, Django uses the old data until the session changes or the copy expires. Requests of
/// Django have this race among themselves as well.
#[derive(Clone)]
pub struct DjangoCachedDb {
    rows: Arc<dyn AtomicBackend>,
    cache: Arc<dyn AtomicBackend>,
    key_prefix: Cow<'static, str>,
}

impl DjangoCachedDb {
    /// Wraps the backend of the table. `cache` is a `RedisBackend` of session-redis on the Redis of Django's cache.
    #[must_use]
    pub fn new(rows: impl AtomicBackend, cache: impl AtomicBackend) -> Self {
        let key_prefix = ":1:django.contrib.sessions.cached_db".into();
        Self { rows: Arc::new(rows), cache: Arc::new(cache), key_prefix }
    }

    /// Sets `KEY_PREFIX` and `VERSION` of the cache; by default empty and 1.
    #[must_use]
    pub fn key_prefix(mut self, prefix: &str, version: u64) -> Self {
        self.key_prefix = format!("{prefix}:{version}:django.contrib.sessions.cached_db").into();
        self
    }

    /// Makes a write of a row, and removes the row's copy before and after it.
    fn write<'a, T: Send + 'a>(
        &'a self,
        key: &'a str,
        write: impl FnOnce(&'a dyn AtomicBackend) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        StoreFuture::pending(async move {
            let copy = [&*self.key_prefix, key].concat();
            // The row is not written yet.
            self.forget(&copy)
                .await
                .map_err(|error| BackendError::new(error.kind(), Applied::No).with_source(error))?;
            let outcome = write(&*self.rows).await?;
            self.forget(&copy)
                .await
                .map_err(|error| BackendError::new(error.kind(), Applied::Maybe).with_source(error))?;
            Ok(outcome)
        })
    }

    async fn forget(&self, copy: &str) -> Result<(), BackendError> {
        self.cache.remove(Remove::new(copy)).await.map(drop)
    }
}

impl fmt::Debug for DjangoCachedDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoCachedDb").field("key_prefix", &self.key_prefix).finish_non_exhaustive()
    }
}

impl From<DjangoCachedDb> for Backend {
    fn from(backend: DjangoCachedDb) -> Self {
        Self::atomic(Arc::new(backend))
    }
}

impl AtomicBackend for DjangoCachedDb {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        self.rows.fetch(key)
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.rows.create(create)
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.write(replace.key, move |rows| rows.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        self.write(remove.key, move |rows| rows.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        self.rows.touch(touch)
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.write(rotate.old, move |rows| rows.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.rows.marker(key)
    }

    fn name(&self) -> &'static str {
        self.rows.name()
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.rows.call_timeout()? + 2 * self.cache.call_timeout()?)
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.rows.follow_deadline(deadline);
        self.cache.follow_deadline(deadline);
    }
}
