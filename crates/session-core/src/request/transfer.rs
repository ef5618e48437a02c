//! The parts that the state and an attempt hand to each other.

use crate::backend::Version;
use crate::changes::ChangeLog;
use crate::id::SessionId;
use crate::map::SessionMap;

/// A write that was cancelled, or whose reply was lost.
pub(crate) struct UnconfirmedWrite {
    pub(crate) changes: ChangeLog,
    /// The data that was sent.
    pub(crate) sent: SessionMap,
    /// The new id that was minted for it, if any.
    pub(crate) new_id: Option<SessionId>,
    /// The version that it replaces, if any.
    pub(crate) replaces: Option<Version>,
    pub(crate) generation: u32,
    /// The response has failed since: a renewal that was not applied is not repeated.
    pub(crate) discarded: bool,
}

/// A write that the store has applied.
pub(crate) struct Confirmed<'a> {
    /// The id that the session has from now on, if that is a new one.
    pub(crate) new_id: Option<SessionId>,
    pub(crate) version: Version,
    pub(crate) sent: &'a SessionMap,
    /// The stored session was an emptied one, whose cookie the client may have lost.
    pub(crate) replaced_empty: bool,
}

/// The pending changes, taken from the state for an attempt.
pub(crate) struct Taken {
    pub(crate) changes: ChangeLog,
    pub(crate) data: SessionMap,
    /// The stored session is an emptied one.
    pub(crate) on_empty: bool,
    pub(crate) earlier_may_land: bool,
    /// The write extends the session's life, and the client gets a new cookie.
    pub(crate) refreshes: bool,
    pub(crate) generation: u32,
}
