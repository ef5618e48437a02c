//! A user's sessions: listed and revoked from anywhere in the application.

use std::fmt::Display;

use super::SessionManager;
use crate::backend::deadline::{Deadline, TimedStore};
use crate::backend::{AtomicBackend, Marker, UserIndex};
use crate::error::SessionError;
use crate::event::SessionEventKind;
use crate::id::SessionId;
use crate::session::Session;
use crate::user::revoke::Listed;
use crate::user::{SessionRef, UserSession};

/// Sessions by user.
///
/// These methods work for sessions in a store. All but [`destroy`](Self::destroy) need a store with an index of users,
/// and fail with [`SessionError::NoUserIndex`] without one. For [`revoke_all`](Self::revoke_all), a store with
/// [epochs](crate::UserEpochs) suffices. To find a missing index when the service starts, call
/// [`require_user_index`](crate::SessionConfigBuilder::require_user_index).
///
/// A session that is revoked has ended on every server when the call returns: no later request reads it, and a request
/// in flight can't bring it back. A concurrent sign-in either fails with [`SessionError::Gone`], or counts as later
/// than the revocation: its session lives on, and is listed if the store has an index. In a store with epochs, another
/// request in flight may be answered as if it had come before the revocation; the next request finds its session ended.
impl SessionManager {
    /// Returns the sessions of a user who [signed in](Session::sign_in), the latest sign-in first.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoUserIndex`] if the store has no index. [`SessionError::Store`] if the store failed.
    pub async fn sessions_of(&self, user: impl Display) -> Result<Vec<UserSession>, SessionError> {
        let mut listed: Vec<_> =
            self.list(&user.to_string()).await?.into_iter().filter_map(|one| one.session).collect();
        listed.sort_by_key(|(session, sign_in)| (std::cmp::Reverse(sign_in.at), session.reference()));
        Ok(listed.into_iter().map(|(session, _)| session).collect())
    }

    /// Ends one session of a user. Returns `false` if the user has no session of this reference.
    ///
    /// The reference may come from a client, because it only ever ends a session of the given user.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoUserIndex`] if the store has no index. [`SessionError::Store`] if the store failed, and
    /// [`SessionError::Contended`] if other requests keep renewing the session.
    pub async fn revoke(&self, user: impl Display, reference: SessionRef) -> Result<bool, SessionError> {
        let is_meant = |one: &Listed| matches!(&one.session, Some((session, _)) if session.reference() == reference);
        Ok(self.end(&user.to_string(), is_meant).await? > 0)
    }

    /// Ends all sessions of a user. Returns how many of them were live; `None` if the store has epochs of users, which
    /// are not counted.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoUserIndex`] if the store has neither an index nor epochs. [`SessionError::Store`] if the store
    /// failed, and [`SessionError::Contended`] if other requests keep renewing a session. After an error, some of the
    /// sessions may have ended.
    pub async fn revoke_all(&self, user: impl Display) -> Result<Option<usize>, SessionError> {
        let user = user.to_string();
        let Some(epochs) = self.context.store().and_then(|store| store.user_epochs()) else {
            return self.end(&user, |_| true).await.map(Some);
        };
        self.deadline().run(epochs.end(&self.context.user_key(&user))).await?;
        self.context.notify(SessionEventKind::Revoked, None);
        Ok(None)
    }

    /// Ends all sessions of the session's user but this one. Returns how many of them were live.
    ///
    /// After a change of password, also [`renew`](Session::renew) this session.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotSignedIn`] if the session has no user, and the errors of [`revoke`](Self::revoke).
    pub async fn revoke_others(&self, session: &Session) -> Result<usize, SessionError> {
        let sign_in = session.sign_in_record().ok_or(SessionError::NotSignedIn)?;
        let own_key = session.stored_id().map(|id| self.context.store_key(&id));
        let is_other = |one: &Listed| {
            own_key.as_deref() != Some(&*one.key)
                && !matches!(&one.session, Some((session, _)) if session.reference() == sign_in.reference)
        };
        self.end(&sign_in.id, is_other).await
    }

    /// Ends the session with this id, with or without a user. Returns `false` if it was already destroyed within the
    /// last minute, and in cookie mode. Returns `true` even if the store has no session under this id.
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store failed, and [`SessionError::Contended`] if other requests keep renewing the
    /// session.
    pub async fn destroy(&self, id: &SessionId) -> Result<bool, SessionError> {
        let Some(store) = self.context.store() else { return Ok(false) };
        let ending = vec![(self.context.store_key(id), None)];
        let store = &mut TimedStore { store, deadline: &mut self.deadline() };
        let has_ended = self.context.end_sessions(ending, &Marker::Destroyed, store).await?;
        if has_ended {
            self.context.notify(SessionEventKind::Revoked, None);
        }
        Ok(has_ended)
    }

    /// Returns the number of stored sessions, with and without a user. It is meant for tools, because it may take time
    /// proportional to the number of all keys in the store. The request deadline does not apply.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoUserIndex`] if the store has no index. [`SessionError::Store`] if the store failed.
    pub async fn count(&self) -> Result<u64, SessionError> {
        let (_, index) = self.index()?;
        // No deadline, because counting may take longer than a request.
        Ok(index.count(&self.context.config.key_prefix).await?)
    }

    async fn list(&self, user: &str) -> Result<Vec<Listed>, SessionError> {
        let (_, index) = self.index()?;
        self.context.list(user, index, &mut self.deadline()).await
    }

    /// Ends the sessions of a user for which `is_meant` is true. Returns the number of those that were live.
    async fn end(&self, user: &str, is_meant: impl Fn(&Listed) -> bool) -> Result<usize, SessionError> {
        let (store, index) = self.index()?;
        let mut deadline = self.deadline();
        let mut listed = self.context.list(user, index, &mut deadline).await?;
        listed.retain(is_meant);
        let live: Vec<_> = listed.iter().filter_map(|one| Some(one.session.as_ref()?.1.clone())).collect();
        let user = self.context.user_key(user);
        // An entry without a session may belong to a sign-in in progress, which then fails.
        let sessions = listed.into_iter().map(|one| (one.key, Some(&*user))).collect();
        let store = &mut TimedStore { store, deadline: &mut deadline };
        self.context.end_sessions(sessions, &Marker::Destroyed, store).await?;
        live.iter().for_each(|sign_in| self.context.notify(SessionEventKind::Revoked, Some(sign_in)));
        Ok(live.len())
    }

    fn index(&self) -> Result<(&dyn AtomicBackend, &dyn UserIndex), SessionError> {
        let store = self.context.store().ok_or(SessionError::NoUserIndex)?;
        Ok((store, store.user_index().ok_or(SessionError::NoUserIndex)?))
    }

    fn deadline(&self) -> Deadline {
        self.context.deadline(self.context.config.request_deadline)
    }
}
