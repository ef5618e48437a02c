//! The contract of an atomic store in as few words as possible.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use session_core::{
    AtomicBackend, Create, IndexedSession, Marker, Remove, Replace, Rotate, SessionMap, StoreFuture, Stored, Touch,
    UserIndex, Version, WriteOutcome,
};

/// A store that does what [`AtomicBackend`] and [`UserIndex`] say and nothing else. Time stands still in it.
#[derive(Default)]
pub(super) struct ModelStore(Mutex<Content>);

#[derive(Default)]
struct Content {
    sessions: BTreeMap<Box<str>, (SessionMap, u64)>,
    markers: BTreeMap<Box<str>, Marker>,
    /// The index: users and the keys of their sessions. In the order of the calls, so that runs can be made again.
    entries: Vec<(Box<str>, Box<str>)>,
    last_version: u64,
}

impl ModelStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("no call panics")
    }

    /// Adds an entry to the index, before its session is written.
    pub(super) fn enter(&self, user: &str, key: &str) {
        self.content().enter(Some(user), key);
    }
}

impl Content {
    fn stored(&self, key: &str) -> Option<Stored> {
        self.sessions.get(key).map(|(session, version)| Stored::new(session.clone(), Version::from(*version)))
    }

    fn enter(&mut self, user: Option<&str>, key: &str) {
        let entry = user.map(|user| (user.into(), key.into()));
        self.entries.extend(entry.filter(|entry| !self.entries.contains(entry)));
    }

    fn put(&mut self, key: &str, session: &SessionMap, user: Option<&str>) -> WriteOutcome {
        self.enter(user, key);
        self.last_version += 1;
        self.sessions.insert(key.into(), (session.clone(), self.last_version));
        WriteOutcome::Done(Version::from(self.last_version))
    }

    /// Returns why a session can't be created under this key.
    fn refusal(&self, key: &str) -> Option<WriteOutcome> {
        let in_use = self.sessions.contains_key(key).then_some(WriteOutcome::Conflict(None));
        in_use.or_else(|| self.markers.get(key).map(|marker| WriteOutcome::Gone(Some(marker.clone()))))
    }

    /// Returns why the session under this key can't be written at this version.
    fn mismatch<T>(&self, key: &str, version: &Version) -> Option<WriteOutcome<T>> {
        match self.stored(key) {
            None => Some(WriteOutcome::Gone(None)),
            Some(current) if current.version != *version => Some(WriteOutcome::Conflict(Some(current))),
            Some(_) => None,
        }
    }

    fn take(&mut self, key: &str) -> bool {
        self.entries.retain(|(_, entry)| **entry != *key);
        self.sessions.remove(key).is_some()
    }

    fn remove(&mut self, remove: Remove<'_>) -> WriteOutcome<()> {
        if let Some(mismatch) = remove.version.and_then(|version| self.mismatch(remove.key, version)) {
            return mismatch;
        }
        let removed = self.take(remove.key);
        match self.markers.get(remove.key) {
            Some(marker) => WriteOutcome::Gone(Some(marker.clone())),
            None => {
                self.markers.insert(remove.key.into(), remove.marker);
                if removed { WriteOutcome::Done(()) } else { WriteOutcome::Gone(None) }
            }
        }
    }

    fn rotate(&mut self, rotate: Rotate<'_>) -> WriteOutcome {
        let refusal = self.mismatch(rotate.old, rotate.version).or_else(|| self.refusal(rotate.new));
        refusal.unwrap_or_else(|| {
            self.take(rotate.old);
            self.markers.insert(rotate.old.into(), Marker::Renewed { successor: rotate.new.into() });
            self.put(rotate.new, rotate.session, rotate.user)
        })
    }
}

impl AtomicBackend for ModelStore {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::ready(Ok(self.content().stored(key)))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        let mut content = self.content();
        let refusal = content.refusal(create.key);
        StoreFuture::ready(Ok(refusal.unwrap_or_else(|| content.put(create.key, create.session, create.user))))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        let mut content = self.content();
        let refusal = content.mismatch(replace.key, replace.version);
        StoreFuture::ready(Ok(refusal.unwrap_or_else(|| content.put(replace.key, replace.session, replace.user))))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::ready(Ok(self.content().remove(remove)))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        let mut content = self.content();
        let found = content.sessions.contains_key(touch.key);
        content.enter(touch.user.filter(|_| found), touch.key);
        StoreFuture::ready(Ok(found))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::ready(Ok(self.content().rotate(rotate)))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::ready(Ok(self.content().markers.get(key).cloned()))
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        Some(self)
    }
}

impl UserIndex for ModelStore {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        let content = self.content();
        let keys = content.entries.iter().filter(|(of, _)| **of == *user).map(|(_, key)| key);
        let listed = keys.map(|key| IndexedSession::new(key.clone(), content.stored(key))).collect();
        StoreFuture::ready(Ok(listed))
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        let count = self.content().sessions.keys().filter(|key| key.starts_with(key_prefix)).count();
        StoreFuture::ready(Ok(count as u64))
    }
}
