//! The limit on a user's sessions.

use crate::backend::Marker;
use crate::backend::deadline::TimedStore;
use crate::config::SessionLimit;
use crate::config::policy::OnSessionLimit;
use crate::error::SessionError;
use crate::event::SessionEventKind;
use crate::map::SessionMap;
use crate::meta::Meta;
use crate::request::shared::SharedSession;
use crate::request::transfer::Persisted;
use crate::user::revoke::Listed;

impl SharedSession {
    /// Checks a sign-in before it is written. `own` is the key of its session, if the session is stored already.
    /// Returns the user's epoch, if the store has epochs.
    ///
    /// # Errors
    ///
    /// If the user has too many other sessions, and if the store fails.
    pub(crate) async fn admit(
        &self,
        data: &SessionMap,
        own: Option<&str>,
        store: &mut TimedStore<'_>,
    ) -> Result<Option<u64>, SessionError> {
        self.check_limit(data, own, store).await?;
        self.context.join_epoch(data, store).await
    }

    async fn check_limit(
        &self,
        data: &SessionMap,
        own: Option<&str>,
        store: &mut TimedStore<'_>,
    ) -> Result<(), SessionError> {
        let Some(SessionLimit { max_sessions, on_limit: OnSessionLimit::Refuse }) = self.context.config.session_limit
        else {
            return Ok(());
        };
        let listed = self.listed(data, store).await?;
        let others = listed.iter().filter(|one| one.session.is_some() && own != Some(&*one.key));
        if others.count() < max_sessions {
            return Ok(());
        }
        Err(SessionError::TooManyUserSessions { limit: max_sessions })
    }

    /// Completes a sign-in, whose session is stored by now.
    ///
    /// # Errors
    ///
    /// If the sign-in's own session ends, and if the store fails.
    pub(crate) async fn complete_sign_in(&self, store: &mut TimedStore<'_>) -> Result<Option<Persisted>, SessionError> {
        self.confirm_epoch(store).await?;
        self.enforce_limit(store).await
    }

    /// Ends sessions beyond the limit.
    ///
    /// Concurrent sign-ins agree on the order of their sessions, so that they don't end each other's.
    async fn enforce_limit(&self, store: &mut TimedStore<'_>) -> Result<Option<Persisted>, SessionError> {
        let (context, done) = (&*self.context, Ok(Some(Persisted::Done)));
        let Some(SessionLimit { max_sessions, on_limit }) = context.config.session_limit else { return done };
        let data = self.session().stored_data().clone();
        let mut listed = self.listed(&data, store).await?;
        listed.retain(|one| one.session.is_some());
        listed.sort_by_key(|one| one.session.as_ref().map(|(session, sign_in)| (sign_in.at, session.reference())));
        let excess = listed.len().saturating_sub(max_sessions);
        let Some(own) = self.session().id().map(|id| context.store_key(id)) else { return done };
        let ended: Vec<_> = match on_limit {
            OnSessionLimit::DropOldest => listed.into_iter().take(excess).collect(),
            // Also ends a later sign-in, even if it was acknowledged before this one was stored.
            OnSessionLimit::Refuse => listed.into_iter().skip(max_sessions).collect(),
        };
        let ends_own = ended.iter().any(|one| *one.key == *own);
        let user = Meta::of(&data).user.map(|user| context.user_key(&user.id));
        let (keys, sign_ins): (Vec<_>, Vec<_>) =
            ended.into_iter().map(|one| ((one.key, user.as_deref()), one.session.map(|(_, sign_in)| sign_in))).unzip();
        context.end_sessions(keys, &Marker::Destroyed, store).await?;
        sign_ins.iter().for_each(|sign_in| context.notify(SessionEventKind::Revoked, sign_in.as_ref()));
        if !ends_own {
            return done;
        }
        self.session().lose();
        Err(SessionError::TooManyUserSessions { limit: max_sessions })
    }

    async fn listed(&self, data: &SessionMap, store: &mut TimedStore<'_>) -> Result<Vec<Listed>, SessionError> {
        let index = store.store.user_index().ok_or(SessionError::NoUserIndex)?;
        let Some(user) = Meta::of(data).user else { return Ok(Vec::new()) };
        self.context.list(&user.id, index, store.deadline).await
    }
}
