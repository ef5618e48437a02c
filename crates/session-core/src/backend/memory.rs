//! Sessions in the memory of this process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

use super::atomic::AtomicBackend;
use super::call::{Create, Remove, Replace, Rotate, Touch};
use super::reply::{MARKER_LIFETIME, Marker, StoreFuture, Stored, WriteOutcome};
use super::version::Version;
use crate::clock::{Clock, SystemClock};
use crate::map::SessionMap;
use crate::sync::lock;

/// Keeps sessions in the memory of this process: for tests, demos, and services of one process whose users may be logged
/// out by a restart.
///
/// Bounded by a number of sessions: when it is full, a session that was not used for long makes room for a new one.
/// Every write frees a few sessions that have expired, so that memory follows the number of live sessions without a
/// background task. Clones share one store.
///
/// ```
/// use session_core::{MemoryBackend, SessionConfig};
///
/// let backend = MemoryBackend::builder().max_sessions(10_000).build();
/// let config = SessionConfig::builder("at least 32 bytes from a secret store", "session").backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct MemoryBackend {
    store: Arc<Store>,
}

struct Store {
    slots: Cache<String, Arc<Slot>>,
    /// Every slot, to be looked at for expiry one after the other.
    queue: Mutex<VecDeque<Weak<Slot>>>,
    last_version: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// The place of one session, locked for every comparison and write.
struct Slot {
    key: Box<str>,
    content: Mutex<Content>,
}

enum Content {
    Live(Stored, Expiry),
    Marked(Marker, Expiry),
    /// Taken out of the cache: whoever still holds this slot must ask for a new one.
    Discarded,
}

/// A time since 1970.
type Expiry = Duration;

/// What an unused slot holds.
const EXPIRED: Content = Content::Marked(Marker::Destroyed, Duration::ZERO);

impl MemoryBackend {
    /// An empty store for up to 100,000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets what differs from [`MemoryBackend::new`].
    #[must_use]
    pub fn builder() -> MemoryBackendBuilder {
        MemoryBackendBuilder { max_sessions: 100_000, clock: Arc::new(SystemClock) }
    }

    /// The number of sessions and markers held, expired ones that were not freed yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.slots.len()
    }

    /// Returns the marker at a key.
    pub(super) fn peek_marker(&self, key: &str) -> Option<Marker> {
        self.store.marker(key)
    }

    /// Leaves a marker at a key, in place of its content.
    pub(super) fn mark(&self, key: &str, marker: Marker) {
        self.store.with_slot(key, |content| *content = self.store.marked(marker.clone()));
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    max_sessions: usize,
    clock: Arc<dyn Clock>,
}

impl MemoryBackendBuilder {
    /// About how many sessions to hold; default 100,000, at least 1. A marker that a destroyed or renewed session leaves
    /// for a minute counts as one. The store is divided into parts by key, each with its share of the number: a part that
    /// is full makes room for a new session though another has some left, which tells in stores of less than a hundred.
    #[must_use]
    pub fn max_sessions(mut self, max_sessions: usize) -> Self {
        self.max_sessions = max_sessions.max(1);
        self
    }

    /// The clock that sessions expire by; default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryBackend {
        MemoryBackend {
            store: Arc::new(Store {
                slots: sessions_cache(self.max_sessions),
                queue: Mutex::default(),
                last_version: AtomicU64::new(0),
                clock: self.clock,
            }),
        }
    }
}

impl fmt::Debug for MemoryBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackendBuilder").field("max_sessions", &self.max_sessions).finish_non_exhaustive()
    }
}

/// A cache that evicts about the least recently used session.
///
/// By default quick_cache reserves 97 % for entries that were used twice, and of 500 new logins in a full cache it kept
/// 40; with 10 % it kept all.
fn sessions_cache(max_sessions: usize) -> Cache<String, Arc<Slot>> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(max_sessions.min(1024))
        .weight_capacity(max_sessions as u64)
        .hot_allocation(0.1)
        .build()
        .expect("all that quick_cache requires is set");
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

impl Store {
    fn next_version(&self) -> Version {
        Version::from(self.last_version.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn live(&self, session: &SessionMap, ttl: Duration, now: Expiry) -> (Content, Version) {
        let version = self.next_version();
        let stored = Stored { session: session.clone(), version: version.clone() };
        (Content::Live(stored, now.saturating_add(ttl)), version)
    }

    fn marked(&self, marker: Marker) -> Content {
        Content::Marked(marker, self.clock.since_epoch() + MARKER_LIFETIME)
    }

    fn fetch(&self, key: &str) -> Option<Stored> {
        self.with_live(key, self.clock.since_epoch(), |content| match content {
            Content::Live(stored, _) => Some(stored.clone()),
            _ => None,
        })?
    }

    fn create(&self, create: Create<'_>) -> WriteOutcome {
        let now = self.clock.since_epoch();
        self.with_slot(create.key, |content| match content {
            Content::Live(_, expiry) if now < *expiry => WriteOutcome::Conflict(None),
            Content::Marked(marker, expiry) if now < *expiry => WriteOutcome::Gone(Some(marker.clone())),
            content => {
                let (live, version) = self.live(create.session, create.ttl, now);
                *content = live;
                WriteOutcome::Done(version)
            }
        })
    }

    fn replace(&self, replace: Replace<'_>) -> WriteOutcome {
        let now = self.clock.since_epoch();
        let (live, new_version) = self.live(replace.session, replace.ttl, now);
        written(self.compare_and(replace.key, Some(replace.version), now, |content| *content = live), new_version)
    }

    fn remove(&self, remove: Remove<'_>) -> WriteOutcome<()> {
        let now = self.clock.since_epoch();
        let Some(version) = remove.version else {
            return self.with_slot(remove.key, |content| match content {
                Content::Marked(marker, expiry) if now < *expiry => WriteOutcome::Gone(Some(marker.clone())),
                content => {
                    let was_live = matches!(content, Content::Live(_, expiry) if now < *expiry);
                    *content = self.marked(remove.marker.clone());
                    if was_live { WriteOutcome::Done(()) } else { WriteOutcome::Gone(None) }
                }
            });
        };
        let marked = self.marked(remove.marker.clone());
        match self.compare_and(remove.key, Some(version), now, |content| *content = marked) {
            Ok(()) => WriteOutcome::Done(()),
            Err(Some(current)) => WriteOutcome::Conflict(Some(current)),
            Err(None) => WriteOutcome::Gone(self.marker(remove.key)),
        }
    }

    fn touch(&self, touch: Touch<'_>) -> bool {
        let now = self.clock.since_epoch();
        let touched = self.with_live(touch.key, now, |content| {
            if let Content::Live(_, expiry) = content {
                *expiry = now.saturating_add(touch.ttl);
            }
        });
        touched.is_some()
    }

    fn rotate(&self, rotate: Rotate<'_>) -> WriteOutcome {
        if rotate.new == rotate.old {
            return self.replace(Replace::new(rotate.old, rotate.session, rotate.ttl, rotate.version));
        }
        let now = self.clock.since_epoch();
        let (live, new_version) = self.live(rotate.session, rotate.ttl, now);
        let marker = self.marked(Marker::Renewed { successor: rotate.new.into() });
        let mut refused = None;
        let outcome = self.compare_and(rotate.old, Some(rotate.version), now, |old| {
            let mut live = Some(live);
            refused = self.with_slot(rotate.new, |new| match new {
                Content::Live(_, expiry) if now < *expiry => Some(WriteOutcome::Conflict(None)),
                Content::Marked(marker, expiry) if now < *expiry => Some(WriteOutcome::Gone(Some(marker.clone()))),
                new => {
                    if let Some(live) = live.take() {
                        *new = live;
                    }
                    None
                }
            });
            if refused.is_none() {
                *old = marker;
            }
        });
        refused.unwrap_or_else(|| written(outcome, new_version))
    }

    /// Works on what is stored under `key`, if it has not expired.
    fn with_live<T>(&self, key: &str, now: Expiry, work: impl FnOnce(&mut Content) -> T) -> Option<T> {
        let slot = self.slots.get(key)?;
        let mut content = lock(&slot.content);
        match &*content {
            Content::Live(_, expiry) if now < *expiry => Some(work(&mut content)),
            _ => None,
        }
    }

    /// Works on the content of the slot of `key`, which is made if there is none.
    fn with_slot<T>(&self, key: &str, mut work: impl FnMut(&mut Content) -> T) -> T {
        loop {
            if let Some(slot) = self.slots.get(key) {
                let mut content = lock(&slot.content);
                if !matches!(*content, Content::Discarded) {
                    return work(&mut content);
                }
            }
            let slot = Arc::new(Slot { key: key.into(), content: Mutex::new(EXPIRED) });
            let mut content = lock(&slot.content);
            let shared = self.slots.get_or_insert_with::<str, std::convert::Infallible>(key, || Ok(slot.clone()));
            if shared.is_ok_and(|shared| Arc::ptr_eq(&shared, &slot)) {
                let outcome = work(&mut content);
                drop(content);
                self.sweep(&slot);
                return outcome;
            }
        }
    }

    /// Queues a new slot and looks at the two that have waited longest: expired ones are freed, evicted ones forgotten.
    ///
    /// Two for each new one: the queue can't grow beyond twice the number of slots, and nobody ever waits for more.
    fn sweep(&self, new: &Arc<Slot>) {
        let mut queue = lock(&self.queue);
        queue.push_back(Arc::downgrade(new));
        for _ in 0..2 {
            let Some(slot) = queue.pop_front().and_then(|slot| slot.upgrade()) else { continue };
            if self.discard_if_expired(&slot) {
                self.slots.remove_if(&*slot.key, |found| Arc::ptr_eq(found, &slot));
            } else {
                queue.push_back(Arc::downgrade(&slot));
            }
        }
    }

    fn discard_if_expired(&self, slot: &Slot) -> bool {
        // A slot in use has not expired.
        let Ok(mut content) = slot.content.try_lock() else { return false };
        let expired = match &*content {
            Content::Live(_, expiry) | Content::Marked(_, expiry) => *expiry <= self.clock.since_epoch(),
            Content::Discarded => true,
        };
        if expired {
            *content = Content::Discarded;
        }
        expired
    }

    /// Replaces the content of a live session that has this version by what `change` makes.
    fn compare_and(
        &self,
        key: &str,
        version: Option<&Version>,
        now: Expiry,
        change: impl FnOnce(&mut Content),
    ) -> Result<(), Option<Stored>> {
        self.with_live(key, now, |content| match content {
            Content::Live(stored, _) if version.is_some_and(|version| *version != stored.version) => {
                Err(Some(stored.clone()))
            }
            content => {
                change(content);
                Ok(())
            }
        })
        .unwrap_or(Err(None))
    }

    fn marker(&self, key: &str) -> Option<Marker> {
        let slot = self.slots.get(key)?;
        let content = lock(&slot.content);
        match &*content {
            Content::Marked(marker, expiry) if self.clock.since_epoch() < *expiry => Some(marker.clone()),
            _ => None,
        }
    }
}

impl AtomicBackend for MemoryBackend {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::ready(Ok(self.store.fetch(key)))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(Ok(self.store.create(create)))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(Ok(self.store.replace(replace)))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::ready(Ok(self.store.remove(remove)))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::ready(Ok(self.store.touch(touch)))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(Ok(self.store.rotate(rotate)))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::ready(Ok(self.store.marker(key)))
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

/// The outcome of a compare-and-set that has written `version` if it was applied.
fn written(applied: Result<(), Option<Stored>>, version: Version) -> WriteOutcome {
    match applied {
        Ok(()) => WriteOutcome::Done(version),
        Err(Some(current)) => WriteOutcome::Conflict(Some(current)),
        Err(None) => WriteOutcome::Gone(None),
    }
}
