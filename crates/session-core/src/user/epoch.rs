//! The epoch of a session's user, in a store that keeps epochs instead of an index.

use std::time::Duration;

use crate::absence::Absence;
use crate::backend::Marker;
use crate::backend::deadline::{Deadline, TimedStore};
use crate::error::SessionError;
use crate::event::SessionEventKind;
use crate::id::SessionId;
use crate::log::report::Stage;
use crate::map::SessionMap;
use crate::meta::Meta;
use crate::request::context::SessionContext;
use crate::request::load::no_session;
use crate::request::phase::{Before, Loaded, Phase};
use crate::request::shared::SharedSession;

/// The shortest time by which an epoch outlives its sessions, in seconds.
const MIN_MARGIN: u64 = 60;

impl SessionContext {
    /// Joins the epoch of the user who signs in with this data. Returns `None` if the store has no epochs.
    pub(crate) async fn join_epoch(
        &self,
        data: &SessionMap,
        store: &mut TimedStore<'_>,
    ) -> Result<Option<u64>, SessionError> {
        let Some(epochs) = store.store.user_epochs() else { return Ok(None) };
        let Some(user) = Meta::of(data).user else { return Ok(None) };
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).map_err(|_| SessionError::NoRandomNumbers)?;
        // At most 53 bits, so that every language reads the JSON number exactly.
        let candidate = u64::from_ne_bytes(bits) >> 11;
        let user = self.user_key(&user.id);
        Ok(Some(store.deadline.run(epochs.join(&user, candidate, self.epoch_ttl())).await?))
    }

    /// Returns `true` if the sessions of this session's user were revoked since the user signed in.
    pub(crate) async fn is_revoked(&self, data: &SessionMap, deadline: &mut Deadline) -> Result<bool, SessionError> {
        let Some(epochs) = self.store().and_then(|store| store.user_epochs()) else { return Ok(false) };
        let Some(sign_in) = Meta::of(data).user else { return Ok(false) };
        let user = self.user_key(&sign_in.id);
        // A sign-in without an epoch was made while the store had no epochs.
        Ok(sign_in.epoch.is_none() || deadline.run(epochs.current(&user, self.epoch_ttl())).await? != sign_in.epoch)
    }

    /// Checks a loaded session against the epoch of its user.
    pub(crate) async fn check_epoch(&self, loaded: Loaded, id: &SessionId, deadline: &mut Deadline) -> Loaded {
        if !matches!(loaded.0, Phase::Stored { .. }) {
            return loaded;
        }
        match self.is_revoked(&loaded.1, deadline).await {
            Ok(false) => loaded,
            Ok(true) => no_session(Before::Nothing, Some(Absence::Revoked)),
            Err(error) => {
                self.report(Stage::Load, &error, Some(id));
                (Phase::LoadFailed(error), SessionMap::new(), None)
            }
        }
    }

    /// Returns the time for which an epoch lasts without use: longer than any session of its user.
    fn epoch_ttl(&self) -> Duration {
        let longest = self.config.lifetimes.longest;
        Duration::from_secs(longest.saturating_add((longest / 10).max(MIN_MARGIN)))
    }
}

impl SharedSession {
    /// Checks that no revocation has ended the epoch of a sign-in before its session was stored. Otherwise ends the
    /// session.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the epoch has ended, and [`SessionError::Store`] if the store fails.
    pub(crate) async fn confirm_epoch(&self, store: &mut TimedStore<'_>) -> Result<(), SessionError> {
        let context = &*self.context;
        let (id, data) = {
            let session = self.session();
            (session.id().copied(), session.stored_data().clone())
        };
        let Some(id) = id else { return Ok(()) };
        if !context.is_revoked(&data, store.deadline).await? {
            return Ok(());
        }
        self.session().lose();
        context.end_sessions(vec![(context.store_key(&id), None)], &Marker::Destroyed, store).await?;
        context.notify_of(Some(SessionEventKind::Revoked), &data);
        Err(SessionError::Gone)
    }
}

/// Records the epoch that the session's user has joined.
pub(crate) fn record_epoch(data: &mut SessionMap, epoch: Option<u64>) -> Result<(), SessionError> {
    let mut meta = Meta::of(data);
    if let (Some(epoch), Some(sign_in)) = (epoch, &mut meta.user) {
        sign_in.epoch = Some(epoch);
        meta.write(data)?;
    }
    Ok(())
}
