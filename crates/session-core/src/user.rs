//! A listed session of a user.

pub(crate) mod epoch;
pub(crate) mod limit;
pub(crate) mod reference;
pub(crate) mod revoke;
pub(crate) mod sign_in;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::session::Session;
use crate::user::sign_in::SignIn;

pub use reference::{ParseSessionRefError, SessionRef};

/// A session of a user, as [`SessionManager::sessions_of`](crate::SessionManager::sessions_of) lists it.
#[derive(Clone)]
pub struct UserSession {
    reference: SessionRef,
    signed_in: u64,
    last_seen: Option<u64>,
    labels: BTreeMap<Box<str>, Box<str>>,
}

impl UserSession {
    pub(crate) fn new(sign_in: SignIn, last_seen: Option<u64>) -> Self {
        let SignIn { at, reference, labels, .. } = sign_in;
        Self { reference, signed_in: at, last_seen, labels }
    }

    /// Returns the reference, with which [`revoke`](crate::SessionManager::revoke) ends the session.
    #[must_use]
    pub fn reference(&self) -> SessionRef {
        self.reference
    }

    /// Returns the time of the sign-in.
    #[must_use]
    pub fn signed_in_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.signed_in)
    }

    /// Returns the time when the session was last used. It is exact to within the refresh interval, by default a tenth
    /// of the session's lifetime. `None` if the store does not tell it.
    #[must_use]
    pub fn last_seen(&self) -> Option<SystemTime> {
        self.last_seen.map(|seen| UNIX_EPOCH + Duration::from_secs(seen))
    }

    /// Returns a label that [`Session::set_label`] has set.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(|label| &**label)
    }

    /// Returns all labels as pairs of name and text, sorted by name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, label)| (&**name, &**label))
    }

    /// Returns `true` if this is the given session, such as the one of the current request.
    #[must_use]
    pub fn is_current(&self, session: &Session) -> bool {
        session.reference() == Some(self.reference)
    }
}

/// Prints no label: it is session data.
impl fmt::Debug for UserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSession").field("reference", &self.reference).finish_non_exhaustive()
    }
}
