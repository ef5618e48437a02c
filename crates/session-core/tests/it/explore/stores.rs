//! The stores that requests run on.

use std::collections::BTreeMap;

use session_core::{
    AtomicBackend, BackendError, Create, Marker, MemoryBackend, Remove, Replace, Rotate, SessionMap, StoreFuture,
    Stored, Touch, WriteOutcome,
};

use super::api;
use super::call::{Call, Reply};
use super::model_store::ModelStore;
use crate::support::{NOW, at_once, stopped_at};

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Model,
    Memory,
    /// Three methods and no comparison.
    Plain,
    /// A model store that is wrong in one way, which the explorer must notice.
    Wrong(Mistake),
}

/// A mistake of the library, made by its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mistake {
    /// No marker is ever found, as if the library did not ask for it.
    NoMarker,
    /// A refresh is always granted, as if the library did not ask for it.
    BlindTouch,
    /// A write that may still be applied is reported as one that was not, as if the library took it for one.
    LateIsNever,
    /// A write replaces any version, as if the library did not compare.
    BlindReplace,
    /// A renewal leaves the session under its old id, too.
    RotateCopies,
}

/// A store with what it holds.
pub(super) enum Store {
    Atomic(Box<dyn AtomicBackend>),
    Plain(BTreeMap<Box<str>, SessionMap>),
}

impl Store {
    /// A store of this kind that holds these sessions.
    pub(super) fn holding(kind: Kind, sessions: &[(&str, SessionMap)]) -> Self {
        let mut store = match kind {
            Kind::Model | Kind::Wrong(Mistake::LateIsNever) => Self::Atomic(Box::<ModelStore>::default()),
            Kind::Memory => {
                Self::Atomic(Box::new(MemoryBackend::builder().max_sessions(1000).clock(stopped_at(NOW)).build()))
            }
            Kind::Plain => Self::Plain(BTreeMap::new()),
            Kind::Wrong(mistake) => Self::Atomic(Box::new(WrongStore { mistake, inner: ModelStore::default() })),
        };
        for (key, session) in sessions {
            let (key, session) = ((*key).into(), session.clone());
            let call = match store {
                Self::Atomic(_) => Call::Create { key, session, ttl: api::MAX_AGE },
                Self::Plain(_) => Call::Set { key, session },
            };
            store.apply(&call).expect("the store is not full");
        }
        store
    }

    /// Applies a call.
    pub(super) fn apply(&mut self, call: &Call) -> Result<Reply, BackendError> {
        let sessions = match self {
            Self::Atomic(store) => return call.apply(&**store),
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
        match self {
            Self::Atomic(store) => {
                at_once(store.fetch(key)).expect("the store is readable").map(|stored| stored.session)
            }
            Self::Plain(sessions) => sessions.get(key).cloned(),
        }
    }
}

/// A model store with a mistake.
struct WrongStore {
    mistake: Mistake,
    inner: ModelStore,
}

impl AtomicBackend for WrongStore {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        self.inner.fetch(key)
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.inner.create(create)
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.mistake == Mistake::BlindReplace
            && let Some(current) = at_once(self.inner.fetch(replace.key)).expect("the store is readable")
        {
            let replace = Replace::new(replace.key, replace.session, replace.ttl, &current.version);
            return StoreFuture::ready(at_once(self.inner.replace(replace)));
        }
        self.inner.replace(replace)
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        self.inner.remove(remove)
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        match self.mistake {
            Mistake::BlindTouch => StoreFuture::ready(Ok(true)),
            _ => self.inner.touch(touch),
        }
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.mistake == Mistake::RotateCopies {
            return self.inner.create(Create::new(rotate.new, rotate.session, rotate.ttl));
        }
        self.inner.rotate(rotate)
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        match self.mistake {
            Mistake::NoMarker => StoreFuture::ready(Ok(None)),
            _ => self.inner.marker(key),
        }
    }
}
