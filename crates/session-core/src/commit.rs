//! What happens at the end of a request: decided in one place.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::sync::Arc;

use crate::backend::{Touch, Version};
use crate::budget::{Budget, poll_once};
use crate::config::{OnGone, Refresh};
use crate::handle::{CellGuard, Shared};
use crate::load::{Claim, Content};
use crate::manager::{Commit, Core};
use crate::meta::Meta;
use crate::persist::Persisted;
use crate::state::{Cell, CookieDue, Origin, State, Victim};
use crate::{SessionError, SessionId, SessionMap};

/// What there is to do about a session.
pub(crate) enum Action {
    Nothing,
    /// Store a new session. If a token's id was unknown to the store, find out first whether it was just renewed.
    Create {
        absent: Option<SessionId>,
    },
    /// Store the changes of a session: in place, under a new id, or by removing it once it is empty.
    Write {
        id: SessionId,
        version: Version,
        renew: bool,
    },
    /// Extend the expiry of a session that was only read.
    Touch(SessionId),
    /// Remove a session, and store a new one if the request made one.
    Destroy(Victim),
    /// Send the session that lives in the cookie.
    SendCookie,
    /// Make the client forget the session that lived in the cookie.
    ForgetCookie,
}

/// The one function that decides what becomes of a session.
pub(crate) fn decide(core: &Core, cell: &Cell) -> Action {
    let changed = !cell.log.is_empty();
    match &cell.state {
        State::Presented | State::Failed(_) | State::Gone { .. } => Action::Nothing,
        State::Destroyed(victim) => Action::Destroy(*victim),
        State::Replaced(_) if core.is_cookie_mode() && !cell.is_empty() => Action::SendCookie,
        State::Replaced(victim) => Action::Destroy(*victim),
        State::Anonymous { .. } if !changed || cell.is_empty() => Action::Nothing,
        State::Anonymous { .. } if core.is_cookie_mode() => Action::SendCookie,
        State::Anonymous { absent } => Action::Create { absent: *absent },
        State::Loaded(origin) | State::Renewed(origin) => {
            let renew = matches!(cell.state, State::Renewed(_));
            let refresh = cell.reissue || origin.refresh_due;
            match &origin.stored {
                None if changed && cell.is_empty() => Action::ForgetCookie,
                None if changed || renew || refresh => Action::SendCookie,
                Some((id, version)) if changed || renew || (refresh && core.lacks_stamp(cell)) => {
                    Action::Write { id: *id, version: version.clone(), renew }
                }
                Some((id, _)) if refresh => Action::Touch(*id),
                _ => Action::Nothing,
            }
        }
    }
}

impl Core {
    /// Whether a cookie of this age, in seconds, is to be followed by a new one.
    pub(crate) fn refresh_due(&self, age: u64, idle: u64) -> bool {
        match self.config.refresh {
            Refresh::HalfLife => age >= idle.div_ceil(2),
            // A session with a shorter lifetime of its own would not live to see it.
            Refresh::After(after) if after.as_secs() >= idle => age >= idle.div_ceil(2),
            Refresh::After(after) => age >= after.as_secs(),
            Refresh::Always => true,
            Refresh::Never => false,
        }
    }

    /// Whether the session must remember when it was created, and does not.
    fn lacks_stamp(&self, cell: &Cell) -> bool {
        self.config.lifetimes.absolute.is_some() && Meta::of(&cell.map).created.is_none()
    }
}

impl Shared {
    /// Commits, if that takes no I/O.
    pub(crate) fn commit_now(&self, status: u16) -> Option<Commit> {
        let Some(cell) = self.cell_if_used() else { return Some(Commit::default()) };
        // Somebody is just loading or saving the session.
        let _flight = self.flight.try_lock()?;
        let mut action = match self.conclude(cell, status) {
            Break(commit) => return Some(commit),
            Continue(action) => action,
        };
        if !self.core().never_waits() {
            return None;
        }
        let mut budget = self.core().budget(self.cell().time_left);
        // It may wait for a lock all the same: when another request is writing the session.
        poll_once(pin!(self.carry_out(&mut action, &mut budget)))
    }

    /// Commits.
    pub(crate) async fn commit(self: Arc<Self>, status: u16) -> Commit {
        let mut budget = self.core().budget(self.cell().time_left);
        let _flight = match budget.wait(self.flight.lock()).await {
            Ok(flight) => flight,
            Err(error) => return self.core().finish(self.cell(), Err(error.into())),
        };
        let mut action = match self.conclude(self.cell(), status) {
            Break(commit) => return commit,
            Continue(action) => action,
        };
        self.carry_out(&mut action, &mut budget).await
    }

    /// The outcome, if the store need not be asked, else what to ask it for. The caller holds `flight`.
    fn conclude(&self, mut cell: CellGuard<'_>, status: u16) -> ControlFlow<Commit, Action> {
        let outcome = match self.prepare(&mut cell, status) {
            Action::Nothing if cell.doubt.is_none() => Ok(()),
            Action::SendCookie => self.core().send_cookie_session(&mut cell),
            Action::ForgetCookie => {
                cell.cookie = CookieDue::Remove;
                Ok(())
            }
            // A cookie that is not the session's is left alone.
            Action::Destroy(victim) if self.core().is_cookie_mode() => {
                if matches!(victim, Victim::Known(_)) || self.claim().is_some() {
                    cell.cookie = CookieDue::Remove;
                }
                Ok(())
            }
            action => return Continue(action),
        };
        Break(self.core().finish(cell, outcome))
    }

    /// Applies the rule for failed responses, and decides.
    fn prepare(&self, cell: &mut Cell, status: u16) -> Action {
        if status >= 500 && !self.core().config.commit_on_server_error {
            cell.discard_changes(self.loaded(cell));
            if !matches!(cell.state, State::Destroyed(_)) {
                return Action::Nothing;
            }
        }
        decide(self.core(), cell)
    }

    /// The data without the changes of this request.
    fn loaded(&self, cell: &Cell) -> SessionMap {
        match cell.origin() {
            Some(Origin { stored: None, .. }) if cell.log.is_empty() && !cell.headers_sent => cell.map.clone(),
            // By the same cookie: at that time it was the one to go by.
            Some(Origin { stored: None, .. }) => match self.core().claim(&self.cookies, cell.read_at) {
                Some(Claim { content: Content::Session(map), .. }) => map,
                _ => SessionMap::new(),
            },
            _ => cell.base.clone(),
        }
    }

    async fn carry_out(&self, action: &mut Action, budget: &mut Budget) -> Commit {
        let outcome = match action {
            Action::Touch(id) if self.cell().doubt.is_none() => {
                self.touch(*id, budget).await;
                Ok(())
            }
            _ => self.persist(action, budget).await.and_then(|persisted| self.after(persisted)),
        };
        self.core().finish(self.cell(), outcome)
    }

    /// What it means for the response that the session was gone.
    fn after(&self, persisted: Persisted) -> Result<(), SessionError> {
        match persisted {
            Persisted::Done | Persisted::Destroyed => Ok(()),
            Persisted::Gone => match self.core().config.on_gone {
                OnGone::Conflict => Err(SessionError::Gone),
                OnGone::Drop => Ok(()),
            },
        }
    }

    /// Extends a session's expiry. A session that was only read does not fail for want of it.
    async fn touch(&self, id: SessionId, budget: &mut Budget) {
        let core = self.core();
        let Some(store) = core.store() else { return };
        let expiry = core.store_expiry(&self.cell().map);
        match budget.run(store.touch(Touch::new(&core.store_key(&id), expiry))).await {
            Ok(true) => self.cell().cookie = CookieDue::Issue,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(session = id.fingerprint(), %error, "session can't be refreshed, its cookie stays as it is");
            }
        }
    }

    fn claim(&self) -> Option<Claim> {
        self.core().claim(&self.cookies, self.core().now())
    }

    /// The id of the session that the request's cookie names, verified.
    pub(crate) fn claimed_id(&self) -> Option<SessionId> {
        match self.claim()?.content {
            Content::Id(id) => Some(id),
            Content::Session(_) => None,
        }
    }
}

impl Core {
    fn send_cookie_session(&self, cell: &mut Cell) -> Result<(), SessionError> {
        let renewed = matches!(cell.state, State::Renewed(_) | State::Replaced(_));
        self.stamp(&mut cell.map, renewed)?;
        self.check_size(&cell.map)?;
        cell.cookie = CookieDue::Issue;
        Ok(())
    }

    /// Writes down what the response has to carry. What was persisted gets its cookie, even if something failed later.
    fn finish(&self, mut cell: CellGuard<'_>, outcome: Result<(), SessionError>) -> Commit {
        cell.headers_sent = true;
        let mut error = outcome.err();
        let set_cookie = match std::mem::take(&mut cell.cookie) {
            CookieDue::Nothing => None,
            CookieDue::Remove => Some(self.config.cookie.removal()),
            // The data of a stored session is never the client's to see.
            CookieDue::Issue if cell.id().is_none() && !self.is_cookie_mode() => None,
            CookieDue::Issue => {
                self.issue_cookie(cell.id(), &cell.map).map_err(|too_large| error = Some(too_large)).ok()
            }
        };
        let (session_used, id) = (cell.used, error.as_ref().and_then(|_| cell.id().copied()));
        // Whoever writes logs may ask for the session.
        drop(cell);
        if let Some(error) = &error {
            let session = id.map(|id| id.fingerprint());
            match error.status() {
                // Somebody else was faster: that is what the client is told, and nothing is wrong.
                409 => tracing::info!(session, %error, "session can't be committed"),
                _ => tracing::error!(session, %error, "session can't be committed"),
            }
        }
        Commit { set_cookie, session_used, error }
    }
}
