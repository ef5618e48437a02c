//! The parts that the state, an attempt and a commit hand to each other.

use crate::backend::Version;
use crate::changes::ChangeLog;
use crate::id::SessionId;
use crate::map::SessionMap;

/// The pending changes, taken from the state to be written.
pub(crate) struct Taken {
    pub(crate) changes: ChangeLog,
    /// The data as the request saw it when the changes were taken.
    pub(crate) data: SessionMap,
    /// The stored session is an emptied one, whose cookie the client may have lost.
    pub(crate) on_empty: bool,
    pub(crate) earlier_may_land: bool,
    /// The write extends the session's life, and the client gets a new cookie.
    pub(crate) refreshes: bool,
    pub(crate) generation: u32,
    /// The response has failed since. A renewal that was not applied is not repeated.
    pub(crate) discarded: bool,
}

impl Taken {
    /// Moves the changes out, and copies the rest.
    pub(crate) fn take(&mut self) -> Self {
        Self { changes: std::mem::take(&mut self.changes), data: self.data.clone(), ..*self }
    }
}

/// A write as it was sent to the store.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) data: SessionMap,
    /// The new id that was made for it, if any.
    pub(crate) new_id: Option<SessionId>,
    /// The version that it replaces, if any.
    pub(crate) replaces: Option<Version>,
}

/// A write that was cancelled, or whose reply was lost.
pub(crate) struct UnconfirmedWrite {
    pub(crate) taken: Taken,
    pub(crate) sent: Sent,
}

/// The outcome of persisting changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// The store has them.
    Done,
    /// The session was destroyed, and the changes with it.
    Destroyed,
    /// The session was renewed or has vanished: the changes could not be kept.
    Gone,
}
