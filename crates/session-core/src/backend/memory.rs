//! Sessions in the memory of this process.

mod key;
mod markers;
mod rings;
mod sessions;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::atomic::AtomicBackend;
use super::call::{Create, Remove, Replace, Rotate, Touch};
use super::reply::{Marker, StoreFuture, Stored, WriteOutcome};
use super::session_scan::{ScanCursor, ScanPage, SessionScan};
use super::user_index::{IndexedSession, UserIndex};
use crate::clock::{Clock, SystemClock};
use store::{Limits, Store};

/// Keeps sessions in the memory of this process: for tests, demos, and services that run as one process and may log
/// users out when they restart.
///
/// The store is limited by the number of sessions and by their bytes. A write to a full store evicts the least recently
/// used session, but half of the space is reserved for sessions that were fetched at least once after their creation.
/// Visitors who never come back therefore evict only each other. An evicted session is lost, as if it had expired.
///
/// Each new session frees up to two expired ones, so that memory follows the number of live sessions without a
/// background task. Clones share one store.
///
/// ```
/// use session_core::{MemoryBackend, SessionConfigBuilder};
///
/// let backend = MemoryBackend::builder().max_sessions(10_000).max_bytes(64 << 20).build();
/// let config = SessionConfigBuilder::development("session").backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct MemoryBackend {
    store: Arc<Store>,
}

impl MemoryBackend {
    /// Makes an empty store for up to 100,000 sessions in up to 256 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Makes a builder with the defaults of [`MemoryBackend::new`].
    #[must_use]
    pub fn builder() -> MemoryBackendBuilder {
        MemoryBackendBuilder { limits: Limits { sessions: 100_000, bytes: 256 << 20 }, clock: Arc::new(SystemClock) }
    }

    /// Returns the number of stored sessions, including expired ones that no write has freed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns `true` if no session is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the marker at a key.
    pub(super) fn peek_marker(&self, key: &str) -> Option<Marker> {
        self.store.marker(key)
    }

    /// Leaves a marker at a key, in place of another one.
    pub(super) fn mark(&self, key: &str, marker: Marker) {
        self.store.mark(key, marker);
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Builds a [`MemoryBackend`].
pub struct MemoryBackendBuilder {
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl MemoryBackendBuilder {
    /// Sets the largest number of sessions; default 100,000. 0 counts as 1.
    ///
    /// The store has up to 16 parts, each with an equal share of this number and of [`max_bytes`](Self::max_bytes). The
    /// hash of a session's key selects its part. A full part evicts a session even if another part has space. A store
    /// for fewer than 2,048 sessions, or less than 8 MiB, has one part.
    #[must_use]
    pub fn max_sessions(mut self, max_sessions: usize) -> Self {
        self.limits.sessions = max_sessions.max(1);
        self
    }

    /// Sets the largest number of bytes of memory that sessions and markers take; default 256 MiB.
    ///
    /// A session counts as the bytes of its store key, about 400 bytes of overhead, and the memory of its text, up to
    /// twice the text's length. From the ninth on, each key of its map adds 20 to 60 bytes. The session of a signed-in
    /// user adds 100 bytes and twice the length of the user's id.
    ///
    /// Seven eighths of the bytes are for sessions: 14 MiB in each part by default. A session that exceeds its part's
    /// share is refused as [`TooLarge`](crate::BackendErrorKind::TooLarge).
    ///
    /// The other eighth is for the markers that destroyed and renewed sessions leave for a minute: by default, about
    /// 180,000. If more are left within a minute, the oldest are dropped early. A request in flight that needs a
    /// dropped marker can't learn why its session is gone: its changes fail, and its `destroy` does not end the renewed
    /// session. Sessions and markers never displace each other.
    ///
    /// The counts are estimates: the memory that the process really uses can exceed the limit by a seventh.
    // A full store with sessions of 1 to 1,000 keys took 219 to 255 MiB of memory, counted as at most 224 MiB.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.limits.bytes = max_bytes;
        self
    }

    /// Sets the clock by which sessions expire; default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the store.
    #[must_use]
    pub fn build(self) -> MemoryBackend {
        MemoryBackend { store: Arc::new(Store::new(self.limits, self.clock)) }
    }
}

impl fmt::Debug for MemoryBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackendBuilder")
            .field("max_sessions", &self.limits.sessions)
            .field("max_bytes", &self.limits.bytes)
            .finish_non_exhaustive()
    }
}

impl AtomicBackend for MemoryBackend {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::ready(Ok(self.store.fetch(key)))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(self.store.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(self.store.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::ready(Ok(self.store.remove(remove)))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::ready(Ok(self.store.touch(touch)))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(self.store.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::ready(Ok(self.store.marker(key)))
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        Some(self)
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl UserIndex for MemoryBackend {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        StoreFuture::ready(Ok(self.store.sessions_of(user)))
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        StoreFuture::ready(Ok(self.store.count(key_prefix) as u64))
    }
}

impl SessionScan for MemoryBackend {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        StoreFuture::ready(self.store.page(key_prefix, after))
    }
}
