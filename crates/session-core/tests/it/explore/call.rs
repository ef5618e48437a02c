//! The calls of a store and its replies as data, so that a call can wait, or be applied after its caller has left.

use std::time::Duration;

use session_core::{
    AtomicBackend, BackendError, Create, IndexedSession, Marker, Remove, Replace, Rotate, SessionMap, Stored, Touch,
    Version, WriteOutcome,
};

use crate::support::at_once;

/// The user of a call, as the index knows it.
pub(super) type User = Option<Box<str>>;

/// One call, with arguments of its own.
#[derive(Clone)]
pub(super) enum Call {
    Fetch {
        key: Box<str>,
    },
    Create {
        key: Box<str>,
        session: SessionMap,
        ttl: Duration,
        user: User,
    },
    Replace {
        key: Box<str>,
        session: SessionMap,
        ttl: Duration,
        version: Version,
        user: User,
    },
    Remove {
        key: Box<str>,
        version: Option<Version>,
        marker: Marker,
        user: User,
    },
    Touch {
        key: Box<str>,
        ttl: Duration,
        user: User,
    },
    Rotate {
        old: Box<str>,
        new: Box<str>,
        session: SessionMap,
        ttl: Duration,
        version: Version,
        user: User,
        old_user: User,
    },
    Marker {
        key: Box<str>,
    },
    /// Lists the sessions of a user.
    Sessions {
        user: Box<str>,
    },
    /// Adds an entry to the index, in a store that does so in a step of its own.
    Enter {
        key: Box<str>,
        user: Box<str>,
    },
    /// A call of a plain backend, like the next two.
    Get {
        key: Box<str>,
    },
    Set {
        key: Box<str>,
        session: SessionMap,
    },
    Delete {
        key: Box<str>,
    },
    /// Asks the store for nothing. See [`Gate::turn`](super::gate::Gate::turn).
    Turn,
}

/// The reply to a call.
pub(super) enum Reply {
    Found(Option<Stored>),
    Written(WriteOutcome),
    Removed(WriteOutcome<()>),
    Touched(bool),
    Marked(Option<Marker>),
    Listed(Vec<IndexedSession>),
    Got(Option<SessionMap>),
    Done,
}

impl Call {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Create { .. } => "create",
            Self::Replace { .. } => "replace",
            Self::Remove { .. } => "remove",
            Self::Touch { .. } => "touch",
            Self::Rotate { .. } => "rotate",
            Self::Marker { .. } => "marker",
            Self::Sessions { .. } => "sessions",
            Self::Enter { .. } => "enter",
            Self::Get { .. } => "get",
            Self::Set { .. } => "set",
            Self::Delete { .. } => "delete",
            Self::Turn => "turn",
        }
    }

    /// Returns `true` if the call leaves the store as it is.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self, Self::Fetch { .. } | Self::Marker { .. } | Self::Sessions { .. } | Self::Get { .. })
    }

    /// Returns `true` if the call may change the store.
    pub(super) fn writes(&self) -> bool {
        !self.only_reads() && !matches!(self, Self::Turn)
    }

    /// Applies a call to an atomic store that answers at once.
    pub(super) fn apply(&self, store: &dyn AtomicBackend) -> Result<Reply, BackendError> {
        match self {
            Self::Fetch { key } => at_once(store.fetch(key)).map(Reply::Found),
            Self::Create { key, session, ttl, user } => {
                let create = Create::new(key, session, *ttl).of_user(user.as_deref());
                at_once(store.create(create)).map(Reply::Written)
            }
            Self::Replace { key, session, ttl, version, user } => {
                let replace = Replace::new(key, session, *ttl, version).of_user(user.as_deref());
                at_once(store.replace(replace)).map(Reply::Written)
            }
            Self::Remove { key, version, marker, user } => {
                let mut remove = Remove::new(key).leaving(marker.clone()).of_user(user.as_deref());
                remove.version = version.as_ref();
                at_once(store.remove(remove)).map(Reply::Removed)
            }
            Self::Touch { key, ttl, user } => {
                at_once(store.touch(Touch::new(key, *ttl).of_user(user.as_deref()))).map(Reply::Touched)
            }
            Self::Rotate { old, new, session, ttl, version, user, old_user } => {
                let rotate = Rotate::new(old, new, session, *ttl, version);
                let rotate = rotate.of_user(user.as_deref()).old_user(old_user.as_deref());
                at_once(store.rotate(rotate)).map(Reply::Written)
            }
            Self::Marker { key } => at_once(store.marker(key)).map(Reply::Marked),
            Self::Sessions { user } => {
                let index = store.user_index().expect("the store has an index");
                at_once(index.sessions(user)).map(Reply::Listed)
            }
            Self::Enter { .. } | Self::Get { .. } | Self::Set { .. } | Self::Delete { .. } | Self::Turn => {
                panic!("no call of an atomic store")
            }
        }
    }
}
