//! The phases of a request's session.

use crate::absence::Absence;
use crate::backend::Version;
use crate::config::policy::RefreshDue;
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;

/// The phase of a request's session. Invariant: data is written only under ids that the store has confirmed.
pub(crate) enum Phase {
    /// The session was not used yet.
    NotLoaded,
    /// Loading failed. It is not repeated in this request.
    LoadFailed(SessionError),
    /// The request has no stored session. Data creates one, under a new id.
    New {
        before: Before,
        /// The request called `renew`.
        renew: bool,
    },
    /// The session of the request's cookie.
    InCookie {
        /// The time when the cookie was read, in Unix seconds.
        read_at: u64,
        refresh: RefreshDue,
        renew: bool,
    },
    /// A session of the store.
    Stored {
        id: SessionId,
        /// `None` if pending changes could not be replayed. The session must then be fetched before the next write.
        version: Option<Version>,
        /// The data as it was loaded or last persisted.
        loaded: SessionMap,
        refresh: RefreshDue,
        /// The session will be saved under a new id.
        renew: bool,
    },
    /// The session is to be removed.
    Destroyed {
        /// The session to remove, in addition to those of the request's cookies.
        target: Option<SessionId>,
        /// Data was inserted afterwards, which creates another session.
        replaced: bool,
    },
    /// Another request removed or renewed the session. It can't be written any more.
    Lost { id: SessionId },
}

/// A loaded session, or the reason why the store has none.
pub(crate) type Loaded = (Phase, SessionMap, Option<Absence>);

/// The reason why there is no session.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    Nothing,
    /// The store does not know the id of a verified token.
    UnknownId(SessionId),
    /// The request destroyed its session, whose marker names this successor.
    Destroyed {
        successor: SessionId,
    },
}
