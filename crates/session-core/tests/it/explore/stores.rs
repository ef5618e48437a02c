//! The stores that requests run on.

use std::collections::BTreeMap;

use session_core::{
    AtomicBackend, BackendError, Create, Marker, MemoryBackend, Remove, Replace, Rotate, SessionMap, StoreFuture,
    Stored, Touch, UserIndex, WriteOutcome,
};
use session_testkit::forward;

use super::api;
use super::call::{Call, Reply};
use super::data::{Data, Key};
use super::gate::Index;
use super::model_store::ModelStore;
use crate::support::{NOW, at_once, stopped_at};

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Model,
    Memory,
    /// Three methods and no comparison.
    Plain,
    /// A model store that holds the session in another format. The requests come with the cookie of that format.
    Foreign(Foreign),
    /// A model store that is wrong in one way, which the explorer must notice.
    Wrong(Mistake),
}

/// The state of a session of another format before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Foreign {
    /// It was not taken over yet.
    Untouched,
    /// It was not taken over yet, and stays when it is.
    Kept,
    /// A request has taken it over, and was cut off before it could remove it. The first request comes with the cookie of
    /// the new session.
    HalfTaken,
}

/// A mistake of the library, made by its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mistake {
    /// No marker is ever found, as if the library did not ask for it.
    NoMarker,
    /// A refresh is always granted, as if the library did not ask for it.
    BlindTouch,
    /// A write that may still be applied is reported as not applied, as if the library did not expect it any more.
    LateIsNever,
    /// A write replaces any version, as if the library did not compare.
    BlindReplace,
    /// A renewal leaves the session under its old id, too.
    RotateCopies,
    /// The entry of the index is written after its session.
    EntryLast,
    /// A removal leaves no marker where nothing is stored.
    NothingUnmarked,
    /// A session of another format is removed before the one that takes it over is stored.
    ForeignFirst,
}

impl Kind {
    pub(super) fn index(self) -> Index {
        match self {
            Self::Memory => Index::AtOnce,
            Self::Plain | Self::Foreign(_) | Self::Wrong(Mistake::ForeignFirst) => Index::None,
            Self::Wrong(Mistake::EntryLast) => Index::EntryLast,
            Self::Model | Self::Wrong(_) => Index::EntryFirst,
        }
    }

    /// Returns the number of processes that serve the requests. On the memory backend, each request has one of its own, so
    /// that a dropped request is also a process that restarts.
    pub(super) fn processes(self) -> usize {
        if self == Self::Memory { 3 } else { 1 }
    }

    /// Returns the state of the session, if it is one of another format.
    pub(super) fn foreign(self) -> Option<Foreign> {
        match self {
            Self::Foreign(foreign) => Some(foreign),
            Self::Wrong(Mistake::ForeignFirst) => Some(Foreign::Untouched),
            _ => None,
        }
    }

    /// Returns `true` if this request comes with the cookie of the other format.
    pub(super) fn comes_foreign(self, request: usize) -> bool {
        self.foreign().is_some_and(|foreign| foreign != Foreign::HalfTaken || request > 0)
    }

    /// Returns this kind of store without a mistake.
    pub(super) fn corrected(self) -> Self {
        self.foreign().map_or(Self::Model, Self::Foreign)
    }

    pub(super) fn has_index(self) -> bool {
        self.index() != Index::None
    }
}

/// A store with what it holds.
pub(super) enum Store {
    Model(Box<Model>),
    Memory(MemoryBackend),
    Plain(BTreeMap<Box<str>, SessionMap>),
}

impl Store {
    /// A store of this kind that holds these sessions.
    pub(super) fn holding(kind: Kind, sessions: &[(&str, SessionMap)]) -> Self {
        let mut store = match kind {
            Kind::Model | Kind::Foreign(_) => Self::Model(Box::default()),
            Kind::Memory => Self::Memory(MemoryBackend::builder().max_sessions(1000).clock(stopped_at(NOW)).build()),
            Kind::Plain => Self::Plain(BTreeMap::new()),
            Kind::Wrong(mistake) => Self::Model(Box::new(Model { mistake: Some(mistake), ..Model::default() })),
        };
        for (key, session) in sessions {
            let (key, session) = ((*key).into(), session.clone());
            let call = match store {
                Self::Plain(_) => Call::Set { key, session },
                _ => {
                    let user = Data::of(&session).get(Key::SignedIn).map(|_| api::USER_KEY.into());
                    Call::Create { key, session, ttl: api::MAX_AGE, user }
                }
            };
            store.apply(&call).expect("the store is not full");
        }
        store
    }

    /// Applies a call.
    pub(super) fn apply(&mut self, call: &Call) -> Result<Reply, BackendError> {
        let sessions = match self {
            Self::Model(store) => {
                if let Call::Enter { key, user } = call {
                    store.inner.enter(user, key);
                    return Ok(Reply::Done);
                }
                return call.apply(&**store);
            }
            Self::Memory(store) => return call.apply(store),
            Self::Plain(sessions) => sessions,
        };
        Ok(match call {
            Call::Get { key } => Reply::Got(sessions.get(key).cloned()),
            Call::Set { key, session } => {
                sessions.insert(key.clone(), session.clone());
                Reply::Done
            }
            Call::Delete { key } => {
                sessions.remove(key);
                Reply::Done
            }
            Call::Turn => Reply::Done,
            _ => panic!("no call of a plain store"),
        })
    }

    /// Returns a session, unseen by the library.
    pub(super) fn peek(&self, key: &str) -> Option<SessionMap> {
        match self.atomic() {
            Ok(store) => at_once(store.fetch(key)).expect("the store is readable").map(|stored| stored.session),
            Err(sessions) => sessions.get(key).cloned(),
        }
    }

    /// Returns `true` if the index lists a session of the owner.
    pub(super) fn lists(&self, key: &str) -> bool {
        let Some(index) = self.atomic().ok().and_then(AtomicBackend::user_index) else { return false };
        let listed = at_once(index.sessions(api::USER_KEY)).expect("the store is readable");
        listed.iter().any(|entry| *entry.key == *key)
    }

    fn atomic(&self) -> Result<&dyn AtomicBackend, &BTreeMap<Box<str>, SessionMap>> {
        match self {
            Self::Model(store) => Ok(&**store),
            Self::Memory(store) => Ok(store),
            Self::Plain(sessions) => Err(sessions),
        }
    }
}

/// A model store, with a mistake or none.
#[derive(Default)]
pub(super) struct Model {
    mistake: Option<Mistake>,
    inner: ModelStore,
}

impl AtomicBackend for Model {
    forward!(inner: create);

    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        let found = self.inner.fetch(key);
        if self.mistake == Some(Mistake::ForeignFirst) && api::is_foreign(key) {
            at_once(self.inner.remove(Remove::new(key))).expect("the store is writable");
        }
        found
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.mistake == Some(Mistake::BlindReplace)
            && let Some(current) = at_once(self.inner.fetch(replace.key)).expect("the store is readable")
        {
            let replace = Replace::new(replace.key, replace.session, replace.ttl, &current.version);
            return StoreFuture::ready(at_once(self.inner.replace(replace)));
        }
        self.inner.replace(replace)
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        if self.mistake == Some(Mistake::ForeignFirst) && api::is_foreign(remove.key) {
            return StoreFuture::ready(Ok(WriteOutcome::Done(())));
        }
        let stored = at_once(self.inner.fetch(remove.key)).expect("the store is readable");
        if self.mistake == Some(Mistake::NothingUnmarked) && stored.is_none() {
            let marker = at_once(self.inner.marker(remove.key));
            return StoreFuture::ready(marker.map(WriteOutcome::Gone));
        }
        self.inner.remove(remove)
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        match self.mistake {
            Some(Mistake::BlindTouch) => StoreFuture::ready(Ok(true)),
            _ => self.inner.touch(touch),
        }
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.mistake == Some(Mistake::RotateCopies) {
            return self.inner.create(Create::new(rotate.new, rotate.session, rotate.ttl));
        }
        self.inner.rotate(rotate)
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        match self.mistake {
            Some(Mistake::NoMarker) => StoreFuture::ready(Ok(None)),
            _ => self.inner.marker(key),
        }
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        self.inner.user_index()
    }
}
