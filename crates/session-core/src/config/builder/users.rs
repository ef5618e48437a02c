//! The requirements on a backend, and the limit of a user's sessions.

use super::SessionConfigBuilder;
use crate::backend::Store;
use crate::config::policy::OnSessionLimit;
use crate::config::{ConfigError, SessionLimit};

/// Requirements on the backend.
impl SessionConfigBuilder {
    /// Makes [`build`](Self::build) refuse a backend that is not atomic; default `false`. Set it for a service that
    /// runs as more than one process.
    pub fn require_atomic(mut self, require: bool) -> Self {
        self.require_atomic = require;
        self
    }

    /// Makes [`build`](Self::build) refuse a backend without an index of sessions by user, and cookie mode; default
    /// `false`. Set it for a service that lists or revokes the sessions of a user.
    pub fn require_user_index(mut self, require: bool) -> Self {
        self.require_user_index = require;
        self
    }

    /// Limits the number of sessions in which a user is [signed in](crate::Session::sign_in) at the same time; default no
    /// limit. [`build`](Self::build) refuses a limit of 0. The backend must have an index of sessions by user.
    ///
    /// The limit costs each sign-in one or two more calls of the store. It also holds for concurrent sign-ins: one of
    /// them may be refused after its session was stored, and then loses the data that the session had before; another
    /// may be ended just after its response was sent.
    pub fn max_sessions_per_user(mut self, max_sessions: usize, on_limit: OnSessionLimit) -> Self {
        self.session_limit = Some(SessionLimit { max_sessions, on_limit });
        self.require_user_index = true;
        self
    }

    pub(super) fn check_user_index(&self, store: Option<&Store>) -> Result<(), ConfigError> {
        if self.require_user_index && store.is_none_or(|store| store.user_index().is_none()) {
            return Err(ConfigError::NoUserIndex);
        }
        Ok(())
    }
}
