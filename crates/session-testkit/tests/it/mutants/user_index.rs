//! A backend whose index of users has a defect.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use session_core::{
    AtomicBackend, BackendError, Create, IndexedSession, MemoryBackend, Replace, Rotate, ScanCursor, ScanPage,
    SessionMap, SessionScan, StoreFuture, Stored, Touch, UserIndex, WriteOutcome,
};
use session_testkit::forward;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexDefect {
    AllUsersAreOne,
    NamesAreCaseless,
    DataIsLeftOut,
    DeadSessionsStayListed,
    RotateForgetsTheNewKey,
    WritesWithoutAUserRemoveTheEntry,
    WritesWithAUserAddNoEntry,
    TouchRemovesTheEntry,
    RefusedWritesRemoveTheEntry,
    AllSessionsAreCounted,
    ScanEndsAfterAPage,
    ScanIgnoresThePrefix,
    ScanLeavesDataOut,
    ScanFindsTheRemoved,
    ScanCountsPlaces,
}

pub(crate) struct IndexMutant {
    memory: MemoryBackend,
    /// The keys that are missing in the index.
    hidden: Mutex<HashSet<String>>,
    /// Users with entries of theirs.
    entries: Mutex<Vec<(String, IndexedSession)>>,
    defect: IndexDefect,
}

impl IndexMutant {
    pub(crate) fn new(memory: MemoryBackend, defect: IndexDefect) -> Self {
        Self { memory, hidden: Mutex::default(), entries: Mutex::default(), defect }
    }

    fn is(&self, defect: IndexDefect) -> bool {
        self.defect == defect
    }

    fn hidden(&self) -> MutexGuard<'_, HashSet<String>> {
        self.hidden.lock().expect("no test panics in here")
    }

    fn hide(&self, key: &str, defect: IndexDefect) {
        if self.is(defect) {
            self.hidden().insert(key.to_owned());
        }
    }

    fn user(&self, user: &str) -> String {
        match self.defect {
            IndexDefect::AllUsersAreOne => "all".to_owned(),
            IndexDefect::NamesAreCaseless => user.to_lowercase(),
            _ => user.to_owned(),
        }
    }

    fn users_session(&self, user: Option<&str>) -> Option<String> {
        if self.is(IndexDefect::AllUsersAreOne) { Some("all".to_owned()) } else { user.map(|user| self.user(user)) }
    }
}

impl AtomicBackend for IndexMutant {
    forward!(memory: fetch, remove, marker);

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(async move {
            let user = self.users_session(create.user);
            let Create { key, session, ttl, .. } = create;
            let create = Create::new(key, session, ttl).of_user(user.as_deref());
            let outcome = self.memory.create(create).await?;
            if let WriteOutcome::Done(version) = &outcome {
                let stored = Stored::new(session.clone(), version.clone());
                let entry = IndexedSession::new(key, Some(stored));
                let user = user.clone().unwrap_or_default();
                self.entries.lock().expect("no test panics in here").push((user.clone(), entry));
            }
            Ok(outcome)
        })
    }

    fn replace<'a>(&'a self, mut replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        if replace.user.is_none() {
            self.hide(replace.key, IndexDefect::WritesWithoutAUserRemoveTheEntry);
        } else if self.is(IndexDefect::WritesWithAUserAddNoEntry) {
            replace.user = None;
        }
        self.memory.replace(replace)
    }

    fn touch<'a>(&'a self, mut touch: Touch<'a>) -> StoreFuture<'a, bool> {
        self.hide(touch.key, IndexDefect::TouchRemovesTheEntry);
        if self.is(IndexDefect::WritesWithAUserAddNoEntry) {
            touch.user = None;
        }
        self.memory.touch(touch)
    }

    fn rotate<'a>(&'a self, mut rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.is(IndexDefect::RotateForgetsTheNewKey) {
            rotate.user = None;
        }
        StoreFuture::pending(async move {
            let outcome = self.memory.rotate(rotate).await?;
            if !matches!(outcome, WriteOutcome::Done(_)) {
                self.hide(rotate.old, IndexDefect::RefusedWritesRemoveTheEntry);
            }
            Ok(outcome)
        })
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        Some(self)
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl SessionScan for IndexMutant {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        StoreFuture::pending(async move {
            if self.is(IndexDefect::ScanFindsTheRemoved) {
                let entries = self.entries.lock().expect("no test panics in here");
                let entries = entries.iter().filter(|(_, entry)| entry.key.starts_with(key_prefix));
                return Ok(ScanPage::new(entries.map(|(_, entry)| entry.clone()).collect(), None));
            }
            if self.is(IndexDefect::ScanCountsPlaces) {
                return self.page_by_places(key_prefix, after).await;
            }
            if self.is(IndexDefect::ScanIgnoresThePrefix) {
                let page = SessionScan::page(&self.memory, "", after).await;
                return match page {
                    Err(_) => SessionScan::page(&self.memory, "", None).await,
                    page => page,
                };
            }
            let mut page = SessionScan::page(&self.memory, key_prefix, after).await?;
            if self.is(IndexDefect::ScanEndsAfterAPage) {
                page.next = None;
            }
            if self.is(IndexDefect::ScanLeavesDataOut) {
                page.sessions.iter_mut().for_each(|entry| entry.stored = None);
            }
            Ok(page)
        })
    }
}

impl IndexMutant {
    /// Returns 100 of all sessions in the order of keys, from a place on that removals shift.
    async fn page_by_places(&self, prefix: &str, after: Option<&ScanCursor>) -> Result<ScanPage, BackendError> {
        let from: usize = after.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or_default();
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let page = SessionScan::page(&self.memory, prefix, next.as_ref()).await?;
            all.extend(page.sessions);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        all.sort_by(|one, other| one.key.cmp(&other.key));
        let next = (from + 100 < all.len()).then(|| ScanCursor::new((from + 100).to_string()));
        Ok(ScanPage::new(all.into_iter().skip(from).take(100).collect(), next))
    }
}

impl UserIndex for IndexMutant {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        StoreFuture::pending(async move {
            let user = self.user(user);
            if self.is(IndexDefect::DeadSessionsStayListed) {
                let entries = self.entries.lock().expect("no test panics in here");
                return Ok(entries.iter().filter(|(of, _)| *of == user).map(|(_, entry)| entry.clone()).collect());
            }
            let mut entries = UserIndex::sessions(&self.memory, &user).await?;
            entries.retain(|entry| !self.hidden().contains(&*entry.key));
            if self.is(IndexDefect::DataIsLeftOut) {
                for stored in entries.iter_mut().filter_map(|entry| entry.stored.as_mut()) {
                    stored.session = SessionMap::new();
                }
            }
            Ok(entries)
        })
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        self.memory.count(if self.is(IndexDefect::AllSessionsAreCounted) { "" } else { key_prefix })
    }
}
