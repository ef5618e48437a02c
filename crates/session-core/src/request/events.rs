//! The events of a session's life in the log, with the target `session_core::lifecycle`.
//!
//! The caller holds no lock of the session, because a log subscriber may ask for it.

use crate::id::SessionId;
use crate::request::head::CookieChange;

const TARGET: &str = "session_core::lifecycle";

/// A change of the session that a request has made.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Created,
    Renewed,
    /// The client gets a new cookie, because the old one has reached its age.
    Refreshed,
    Destroyed,
}

impl Event {
    /// Returns the event that a change of the client's cookie tells of. The store's own confirmations have told of others.
    pub(crate) fn of(change: CookieChange, cookie_mode: bool) -> Option<Self> {
        match change {
            CookieChange::Refreshed(_) => Some(Self::Refreshed),
            CookieChange::New if cookie_mode => Some(Self::Created),
            CookieChange::Renewed(_) if cookie_mode => Some(Self::Renewed),
            CookieChange::Remove(_) if cookie_mode => Some(Self::Destroyed),
            _ => None,
        }
    }
}

/// Logs an event of a session; sessions in the cookie have no id.
pub(crate) fn log(event: Event, id: Option<&SessionId>) {
    let session = || id.map(SessionId::fingerprint);
    match event {
        Event::Created => tracing::debug!(target: TARGET, session = session(), "session created"),
        Event::Renewed => tracing::debug!(target: TARGET, session = session(), "session renewed"),
        Event::Refreshed => tracing::debug!(target: TARGET, session = session(), "session refreshed"),
        Event::Destroyed => tracing::debug!(target: TARGET, session = session(), "session destroyed"),
    }
}

/// Logs that the changes of a failed response are dropped.
pub(crate) fn log_dropped_by_status(id: Option<&SessionId>, status: u16) {
    let session = || id.map(SessionId::fingerprint);
    tracing::debug!(target: TARGET, session = session(), status, "changes dropped, because the response failed");
}

/// Logs that changes are dropped because another request has destroyed or renewed the session.
pub(crate) fn log_dropped_by_loss() {
    tracing::debug!(target: TARGET, "changes dropped, because another request ended the session");
}
