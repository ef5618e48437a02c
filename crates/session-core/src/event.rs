//! The events of sessions, for audit logs and mails.

use std::fmt;
use std::sync::Arc;

use crate::absence::Absence;
use crate::error::SessionError;
use crate::user::reference::SessionRef;
use crate::user::sign_in::SignIn;

/// The application's function for events.
pub(crate) type OnEvent = Arc<dyn Fn(&SessionEvent<'_>) + Send + Sync>;

/// An event in the life of a session, as [`on_event`](crate::SessionConfigBuilder::on_event) gets it.
///
/// It holds neither the session's id nor its data. It may hold the user's id and the labels of the session. Decide
/// whether your logs may contain them.
#[derive(Clone, Copy)]
pub struct SessionEvent<'a> {
    kind: SessionEventKind<'a>,
    sign_in: Option<&'a SignIn>,
}

/// The kind of a [`SessionEvent`].
///
/// A change is reported after the store has confirmed it. In cookie mode, it is reported when its cookie is rendered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SessionEventKind<'a> {
    /// A session without a user began.
    Created,
    /// A user signed in.
    SignedIn,
    /// The session got a new id.
    Renewed,
    /// A request signed its user out or destroyed its session, or emptied a session in the cookie. The event names the
    /// user if the request had loaded the session.
    SignedOut,
    /// A call of the [`SessionManager`](crate::SessionManager) ended the session, or a sign-in beyond the
    /// [limit](crate::SessionConfigBuilder::max_sessions_per_user) did. In a store with [epochs](crate::UserEpochs),
    /// `revoke_all` reports one event without a user for all sessions of the user.
    Revoked,
    /// A request's cookie or stored session has expired. Most expired sessions are reported as
    /// [`CookieRefused`](Self::CookieRefused) with [`UnknownId`](Absence::UnknownId) instead, because a store deletes
    /// them. The event names no user.
    Expired,
    /// A request's cookie leads to no session, for this reason. The event names no user.
    CookieRefused(Absence),
    /// The commit of a request failed with this error, whose status is 4xx: the client or another request caused it.
    /// The event names the user as the request saw the session, such as the user who could not sign in.
    CommitRefused(&'a SessionError),
}

impl<'a> SessionEvent<'a> {
    pub(crate) fn new(kind: SessionEventKind<'a>, sign_in: Option<&'a SignIn>) -> Self {
        Self { kind, sign_in }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> SessionEventKind<'a> {
        self.kind
    }

    /// Returns the id of the session's user, if there is one and the library knows it.
    #[must_use]
    pub fn user(&self) -> Option<&'a str> {
        self.sign_in.map(|sign_in| &*sign_in.id)
    }

    /// Returns the reference of the sign-in, by which the session can be [revoked](crate::SessionManager::revoke).
    #[must_use]
    pub fn reference(&self) -> Option<SessionRef> {
        self.sign_in.map(|sign_in| sign_in.reference)
    }

    /// Returns a label of the session.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.sign_in?.labels.get(name).map(|label| &**label)
    }
}

/// Prints neither the user nor the labels.
impl fmt::Debug for SessionEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvent").field("kind", &self.kind).finish_non_exhaustive()
    }
}
