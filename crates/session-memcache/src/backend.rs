//! The backend, which the session manager calls.

pub(crate) mod builder;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_backend_support::{CallTimeout, Deadline, Detached};
use session_core::{
    Applied, AtomicBackend, Backend, BackendError, BackendErrorKind, CodecRefusal, Create, Marker, Remove, Replace,
    Rotate, SessionCodec, StoreFuture, Stored, Touch, UserEpochs, WriteOutcome,
};
use tokio::time::timeout;

use crate::cluster::NodeVersion;
use crate::key::Key;
use crate::rotate::Rotation;
use crate::store::{Found, Store};

/// The time by which a call may exceed its timeout. The call's own timer must fire first, because only the call knows
/// whether the command was sent.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(10);

/// Keeps sessions in memcached, on one node or several.
///
/// Clones share the connections. A connection is opened when a call needs it, on the call's Tokio runtime, which must
/// have I/O and time enabled.
///
/// ```no_run
/// use session_core::SessionConfig;
/// use session_memcache::MemcacheBackend;
///
/// let backend = MemcacheBackend::new(["cache-1.internal:11211", "cache-2.internal:11211"])?;
/// let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session").backend(backend).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemcacheBackend {
    store: Arc<Store>,
    timeout: CallTimeout,
    has_epochs: bool,
}

impl MemcacheBackend {
    /// Returns the time by the clock of the first node, in whole seconds. It is meant for tools that compare clocks.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or refuses the command `stats`.
    pub async fn server_time(&self) -> Result<SystemTime, BackendError> {
        self.store.cluster.nodes()[0].time(self.deadline()).await
    }

    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        let key = Key::check(key)?;
        match self.store.look(key, self.deadline()).await? {
            Found::Session(bytes, at) => self.store.decode(key, &bytes, at).map(Some),
            _ => Ok(None),
        }
    }

    async fn create(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        let key = Key::check(create.key)?;
        let value = self.store.encode(create.key, create.session)?;
        Ok(with_version(self.store.create(key, &value, create.ttl, self.deadline()).await?))
    }

    async fn replace(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        let (key, deadline) = (Key::check(replace.key)?, self.deadline());
        let value = self.store.encode(replace.key, replace.session)?;
        let replaced = match NodeVersion::parse(replace.version) {
            Some(at) => {
                let replaced = self.store.compare_and_set(key, &value, replace.ttl, at, deadline).await;
                replaced.map_err(|unconfirmed| unconfirmed.error)?
            }
            None => WriteOutcome::Conflict(None),
        };
        match replaced {
            WriteOutcome::Conflict(_) => self.store.mismatch(key, deadline).await,
            outcome => Ok(with_version(outcome)),
        }
    }

    async fn remove(&self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        let (key, deadline) = (Key::check(remove.key)?, self.deadline());
        match remove.version {
            Some(version) => self.store.remove_at(key, NodeVersion::parse(version), &remove.marker, deadline).await,
            None => self.store.remove(key, &remove.marker, deadline).await,
        }
    }

    async fn touch(&self, touch: Touch<'_>) -> Result<bool, BackendError> {
        self.store.touch(Key::check(touch.key)?, touch.ttl, self.deadline()).await
    }

    async fn rotate(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        let old = Key::check(rotate.old)?;
        Key::check(rotate.new)?;
        let value = self.store.encode(rotate.new, rotate.session)?;
        let Some(at) = NodeVersion::parse(rotate.version) else {
            return self.store.mismatch(old, self.deadline()).await;
        };
        let (old, new) = (rotate.old.to_owned(), rotate.new.to_owned());
        let rotation = Rotation { old, new, value, ttl: rotate.ttl, at, timeout: self.timeout.get() };
        // Each step has the whole timeout. The work is detached, because a cancelled request must not leave the session
        // under both keys.
        let rotation = Detached::new(rotation.execute(self.store.clone()));
        timeout(self.call_limit(), rotation).await.unwrap_or_else(|_| {
            Err(BackendError::new(BackendErrorKind::Timeout, Applied::Maybe)
                .with_source(SlowRotation(self.timeout.get())))
        })
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        Ok(match self.store.look(Key::check(key)?, self.deadline()).await? {
            Found::Tombstone(marker, _) => Some(marker),
            _ => None,
        })
    }

    /// Returns the longest time that a call takes.
    fn call_limit(&self) -> Duration {
        self.timeout.get().saturating_add(TIMEOUT_MARGIN)
    }

    /// Returns the deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout.get())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("memcached: a renewal takes longer than {0:?}, the `timeout` of the backend, and continues in the background")]
struct SlowRotation(Duration);

/// Converts the version of an applied write into the opaque one of the core.
fn with_version(outcome: WriteOutcome<NodeVersion>) -> WriteOutcome {
    match outcome {
        WriteOutcome::Done(at) => WriteOutcome::Done(at.into()),
        WriteOutcome::Conflict(current) => WriteOutcome::Conflict(current),
        WriteOutcome::Gone(marker) => WriteOutcome::Gone(marker),
    }
}

impl fmt::Debug for MemcacheBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.store.cluster.nodes().iter().map(|node| node.address().to_string()).collect();
        f.debug_struct("MemcacheBackend").field("nodes", &nodes).finish_non_exhaustive()
    }
}

impl From<MemcacheBackend> for Backend {
    fn from(backend: MemcacheBackend) -> Self {
        Self::atomic(backend)
    }
}

impl AtomicBackend for MemcacheBackend {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::pending(self.fetch(key))
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
        "memcached"
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.call_limit())
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.timeout.follow(deadline);
    }

    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Arc<dyn AtomicBackend>, CodecRefusal> {
        Ok(Arc::new(Self { store: Arc::new(self.store.with_codec(codec)?), ..self.clone() }))
    }

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        self.has_epochs.then_some(self as _)
    }
}

impl UserEpochs for MemcacheBackend {
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64> {
        StoreFuture::pending(self.store.join_epoch(user, candidate, ttl, self.deadline()))
    }

    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>> {
        StoreFuture::pending(self.store.epoch(user, ttl, self.deadline()))
    }

    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()> {
        StoreFuture::pending(self.store.end_epoch(user, self.deadline()))
    }
}
