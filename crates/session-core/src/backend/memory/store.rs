//! The parts of the store, each under a lock of its own, and the calls on them.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;

use super::key::Key;
use super::markers::Markers;
use super::rings::Ring;
use super::sessions::{Content, Sessions, Size, session_bytes};
use crate::backend::call::{Create, Remove, Replace, Rotate, Touch};
use crate::backend::error::{Applied, BackendError, BackendErrorKind};
use crate::backend::reply::{Marker, Stored, WriteOutcome};
use crate::backend::session_scan::{ScanCursor, ScanPage};
use crate::backend::user_index::IndexedSession;
use crate::backend::version::Version;
use crate::clock::Clock;
use crate::map::SessionMap;
use crate::sync::lock;

pub(super) struct Store {
    parts: Box<[Mutex<Part>]>,
    hasher: DefaultHashBuilder,
    max_session_bytes: usize,
    last_version: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// The sessions and markers of some keys. No key has both a live session and a marker that has not expired.
struct Part {
    sessions: Sessions,
    markers: Markers,
}

/// The limits of the whole store.
pub(super) struct Limits {
    pub(super) sessions: usize,
    pub(super) bytes: usize,
}

/// The parts of two keys.
struct Pair<'a> {
    old: MutexGuard<'a, Part>,
    /// `None` if it is the same part.
    new: Option<MutexGuard<'a, Part>>,
}

impl Limits {
    /// Returns the number of parts, a power of two.
    // Threads wait for each other only within a part. Small parts are not useful, because chance fills some of them
    // much earlier than others.
    fn parts(&self) -> usize {
        let most = (self.sessions / 1024).min(self.bytes / (4 << 20)).clamp(1, 16);
        1 << most.ilog2()
    }
}

impl Store {
    pub(super) fn new(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let count = limits.parts();
        let bytes = limits.bytes / count;
        let for_markers = bytes / 8;
        let limit = Size { sessions: limits.sessions / count, bytes: bytes - for_markers };
        let part = || Part { sessions: Sessions::new(limit), markers: Markers::new(for_markers) };
        Self {
            parts: (0..count).map(|_| Mutex::new(part())).collect(),
            hasher: DefaultHashBuilder::default(),
            max_session_bytes: limit.bytes,
            last_version: AtomicU64::new(0),
            clock,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).sessions.len()).sum()
    }

    pub(super) fn fetch(&self, key: &str) -> Option<Stored> {
        let (key, now) = (self.key(key), self.now());
        let sessions = &mut self.part(key).sessions;
        let at = sessions.find(key, now)?;
        sessions.protect(at);
        Some(sessions.stored(at))
    }

    pub(super) fn create(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        let (key, now) = (self.key(create.key), self.now());
        let content = self.content(create.key, create.session, create.ttl, create.user, now)?;
        let mut part = self.part(key);
        if let Some(refused) = part.refusal(key, now) {
            return Ok(refused);
        }
        Ok(part.insert(key, content, Ring::Probation, now))
    }

    pub(super) fn replace(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        let (key, now) = (self.key(replace.key), self.now());
        let content = self.content(replace.key, replace.session, replace.ttl, replace.user, now)?;
        let version = content.version;
        let sessions = &mut self.part(key).sessions;
        Ok(match compare(sessions, key, replace.version, now) {
            Ok(at) => {
                sessions.replace(at, content);
                WriteOutcome::Done(version.into())
            }
            Err(outcome) => outcome,
        })
    }

    pub(super) fn remove(&self, remove: Remove<'_>) -> WriteOutcome<()> {
        let (key, now) = (self.key(remove.key), self.now());
        let mut part = self.part(key);
        let Some(at) = part.sessions.find(key, now) else {
            let found = part.markers.find(key, now).cloned();
            if remove.version.is_none() && found.is_none() {
                part.markers.leave(key, remove.marker, now);
            }
            return WriteOutcome::Gone(found);
        };
        if remove.version.is_some_and(|version| !is_version(part.sessions.version(at), version)) {
            return WriteOutcome::Conflict(Some(part.sessions.stored(at)));
        }
        part.sessions.remove(at);
        part.markers.leave(key, remove.marker, now);
        WriteOutcome::Done(())
    }

    pub(super) fn touch(&self, touch: Touch<'_>) -> bool {
        let (key, now) = (self.key(touch.key), self.now());
        let sessions = &mut self.part(key).sessions;
        let found = sessions.find(key, now);
        if let Some(at) = found {
            sessions.touch(at, now.saturating_add(touch.ttl));
            if let Some(user) = touch.user {
                sessions.bind(at, user);
            }
        }
        found.is_some()
    }

    pub(super) fn rotate(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        if rotate.new == rotate.old {
            return self
                .replace(Replace::new(rotate.old, rotate.session, rotate.ttl, rotate.version).of_user(rotate.user));
        }
        let (old, new, now) = (self.key(rotate.old), self.key(rotate.new), self.now());
        let content = self.content(rotate.new, rotate.session, rotate.ttl, rotate.user, now)?;
        let mut parts = self.parts(old, new);
        let at = match compare(&parts.old.sessions, old, rotate.version, now) {
            Ok(at) => at,
            Err(outcome) => return Ok(outcome),
        };
        if let Some(refused) = parts.new_part().refusal(new, now) {
            return Ok(refused);
        }
        // The new session counts as used as recently as the old one, so that a login does not end its protection from
        // eviction.
        let ring = parts.old.sessions.remove(at);
        parts.old.markers.leave(old, Marker::Renewed { successor: new.text.into() }, now);
        Ok(parts.new_part().insert(new, content, ring, now))
    }

    pub(super) fn marker(&self, key: &str) -> Option<Marker> {
        let (key, now) = (self.key(key), self.now());
        self.part(key).markers.find(key, now).cloned()
    }

    pub(super) fn mark(&self, key: &str, marker: Marker) {
        let (key, now) = (self.key(key), self.now());
        self.part(key).markers.leave(key, marker, now);
    }

    /// Returns the entries of a user. Locks all parts, so that no session moves from one to another.
    pub(super) fn sessions_of(&self, user: &str) -> Vec<IndexedSession> {
        let now = self.now();
        let parts: Vec<_> = self.parts.iter().map(lock).collect();
        let all = parts.iter().flat_map(|part| part.sessions.of_user(user).iter().map(|&at| (&part.sessions, at)));
        all.filter_map(|(sessions, at)| entry(sessions, at, now)).collect()
    }

    /// Returns a page of sessions. A cursor is the place of a part, a dot, and a position in it.
    pub(super) fn page(&self, key_prefix: &str, after: Option<&ScanCursor>) -> Result<ScanPage, BackendError> {
        let now = self.now();
        let parsed = after.map_or(Some((0, 0)), |cursor| {
            let (place, position) = cursor.as_str().split_once('.')?;
            Some((place.parse().ok()?, position.parse().ok()?))
        });
        let Some((place, part, from)) = parsed.and_then(|(place, from)| Some((place, self.parts.get(place)?, from)))
        else {
            let reason = "the scan cursor was not made by this store";
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).with_source(reason));
        };
        let sessions = &lock(part).sessions;
        let (found, next) = sessions.page(from, key_prefix, now);
        let entries = found.into_iter().filter_map(|at| entry(sessions, at, now)).collect();
        let next_part = Some(place + 1).filter(|place| *place < self.parts.len());
        let next = next.map(|at| format!("{place}.{at}")).or_else(|| next_part.map(|place| format!("{place}.0")));
        Ok(ScanPage::new(entries, next.map(ScanCursor::new)))
    }

    pub(super) fn count(&self, key_prefix: &str) -> usize {
        let now = self.now();
        self.parts.iter().map(|part| lock(part).sessions.count(key_prefix, now)).sum()
    }

    /// Returns a session at a new version, to be stored under a key.
    fn content(
        &self,
        key: &str,
        session: &SessionMap,
        ttl: Duration,
        user: Option<&str>,
        now: Duration,
    ) -> Result<Content, BackendError> {
        let bytes = session_bytes(key, session, user);
        if bytes > self.max_session_bytes {
            let reason = "the session takes more than its part of the memory store, see `max_bytes`";
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No).with_source(reason));
        }
        let version = self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Content {
            session: session.clone(),
            version,
            expiry: now.saturating_add(ttl),
            bytes,
            user: user.map(Into::into),
        })
    }

    fn key<'a>(&self, text: &'a str) -> Key<'a> {
        Key { text, hash: self.hasher.hash_one(text) }
    }

    /// Returns the time. Called before a part is locked, because the clock may be the caller's code.
    fn now(&self) -> Duration {
        self.clock.since_epoch()
    }

    fn part(&self, key: Key<'_>) -> MutexGuard<'_, Part> {
        lock(&self.parts[self.position(key)])
    }

    /// Locks the parts of both keys, always in the same order.
    fn parts(&self, old: Key<'_>, new: Key<'_>) -> Pair<'_> {
        let first = (self.position(new) < self.position(old)).then(|| self.part(new));
        let old_part = self.part(old);
        let new = first.or_else(|| (self.position(new) != self.position(old)).then(|| self.part(new)));
        Pair { old: old_part, new }
    }

    /// Returns the position of a key's part, by bits that the tables don't use.
    fn position(&self, key: Key<'_>) -> usize {
        (key.hash >> 32) as usize & (self.parts.len() - 1)
    }
}

impl Part {
    /// Returns the reason why no session can be created under a key.
    fn refusal(&self, key: Key<'_>, now: Duration) -> Option<WriteOutcome> {
        if self.sessions.find(key, now).is_some() {
            return Some(WriteOutcome::Conflict(None));
        }
        self.markers.find(key, now).map(|marker| WriteOutcome::Gone(Some(marker.clone())))
    }

    fn insert(&mut self, key: Key<'_>, content: Content, ring: Ring, now: Duration) -> WriteOutcome {
        let version = content.version;
        self.markers.free_expired(now);
        self.sessions.insert(key, content, ring, now);
        WriteOutcome::Done(version.into())
    }
}

impl Pair<'_> {
    fn new_part(&mut self) -> &mut Part {
        self.new.as_deref_mut().unwrap_or(&mut self.old)
    }
}

/// Returns the entry of a session that has not expired.
fn entry(sessions: &Sessions, at: usize, now: Duration) -> Option<IndexedSession> {
    let (key, expiry) = sessions.key_and_expiry(at);
    let rest = expiry.checked_sub(now).filter(|rest| !rest.is_zero())?;
    Some(IndexedSession::new(key, Some(sessions.stored(at))).expiring_in(rest))
}

/// Returns the position of the session that has this version, or else the outcome of a write.
fn compare(sessions: &Sessions, key: Key<'_>, version: &Version, now: Duration) -> Result<usize, WriteOutcome> {
    let at = sessions.find(key, now).ok_or(WriteOutcome::Gone(None))?;
    if is_version(sessions.version(at), version) {
        Ok(at)
    } else {
        Err(WriteOutcome::Conflict(Some(sessions.stored(at))))
    }
}

fn is_version(number: u64, version: &Version) -> bool {
    version.is_number(number)
}
