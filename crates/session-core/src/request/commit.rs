//! The end of a request: makes plans, executes them, and renders the result.

use std::pin::pin;
use std::sync::Arc;

use crate::adapter::commit::Commit;
use crate::backend::Touch;
use crate::backend::deadline::{Deadline, TimedStore, poll_once};
use crate::config::OnGone;
use crate::error::SessionError;
use crate::event::SessionEventKind;
use crate::log::events::{self, Event};
use crate::log::report::Stage;
use crate::map::SessionMap;
use crate::meta::is_emptied;
use crate::request::head::{ConfirmedBy, CookieChange};
use crate::request::phase::Phase;
use crate::request::plan::{CookiePlan, Occasion, Plan, Rules, StorePlan, TouchDue, plan, touch_due};
use crate::request::shared::{SessionGuard, SharedSession};
use crate::request::state::RequestSession;
use crate::request::transfer::Persisted;
use crate::session_cookie::TokenPayload;

impl SharedSession {
    /// Commits, if no store call is needed or the store answers at once. Otherwise returns `None`.
    pub(crate) fn try_commit(&self, status: u16) -> Option<Commit> {
        let Some(session) = self.session_if_used() else { return Some(Commit::default()) };
        // Not while another task of the request is loading or saving the session.
        let _lock = self.try_lock_store()?;
        let (mut session, occasion) = self.occasion(session, status);
        let plan = self.plan(&session, occasion);
        match plan {
            Plan::Nothing => self.render(session, Ok(())),
            Plan::Cookie(plan) => {
                let outcome = self.change_cookie(&mut session, plan);
                self.render(session, outcome)
            }
            Plan::Store(_) if self.context.answers_at_once() => {
                let mut deadline = Deadline::new(session.time_left(), None);
                drop(session);
                // Even then it may have to wait for a lock, while another request writes the session.
                let persisted = poll_once(pin!(self.execute(plan, occasion, &mut deadline)))?;
                if persisted.is_err() {
                    poll_once(pin!(self.confirm_cookie(&mut deadline)))?;
                }
                self.build_commit(persisted)
            }
            Plan::Store(_) => None,
        }
    }

    /// Commits the session with the status of the response.
    pub(crate) async fn commit(self: Arc<Self>, status: u16) -> Commit {
        let mut deadline = self.context.deadline(self.session().time_left());
        let _lock = match self.lock_store(&mut deadline).await {
            Ok(lock) => lock,
            Err(error) => return self.render(self.session(), Err(error.into())).unwrap_or_default(),
        };
        let (plan, occasion) = {
            let (session, occasion) = self.occasion(self.session(), status);
            (self.plan(&session, occasion), occasion)
        };
        self.finish(plan, occasion, &mut deadline).await
    }

    /// Persists the pending changes before the response, or after its head. The caller holds the store lock.
    pub(crate) async fn save(&self, deadline: &mut Deadline) -> Result<(), SessionError> {
        let plan = {
            let session = self.session();
            if matches!(session.phase(), Phase::Lost { .. }) {
                return Err(SessionError::Gone);
            }
            self.plan(&session, Occasion::Save)
        };
        let persisted = self.execute(plan, Occasion::Save, deadline).await;
        self.end_save();
        match persisted? {
            Persisted::Done => Ok(()),
            Persisted::Destroyed | Persisted::Gone => Err(SessionError::Gone),
        }
    }

    fn end_save(&self) {
        let mut session = self.session();
        let is_stored = session.id().is_some();
        session.head_mut().end_save(is_stored);
    }

    fn plan(&self, session: &RequestSession, occasion: Occasion) -> Plan {
        let rules = Rules {
            cookie_mode: self.context.is_cookie_mode(),
            lacks_creation_time: self.context.lacks_creation_time(session.data()),
        };
        plan(rules, session, occasion)
    }

    /// Applies the rule for failed responses.
    fn occasion<'s>(&'s self, mut session: SessionGuard<'s>, status: u16) -> (SessionGuard<'s>, Occasion) {
        if status < 500 || self.context.config.commit_on_server_error {
            return (session, Occasion::Response);
        }
        let loaded = self.loaded_data(&session);
        let (dropped, id) = (session.is_changed(), session.id().copied());
        session.discard_changes(loaded);
        if dropped {
            // Unlocked first, because a log subscriber may ask for the session.
            drop(session);
            events::log_dropped_by_status(id.as_ref(), status);
            session = self.session();
        }
        (session, Occasion::FailedResponse)
    }

    /// Returns the data without the pending changes of this request.
    fn loaded_data(&self, session: &RequestSession) -> SessionMap {
        match session.phase() {
            Phase::Stored { loaded, .. } => loaded.clone(),
            Phase::InCookie { .. } if !session.is_changed() && !session.head().is_sent() => session.data().clone(),
            // The data of the cookie was edited in place, so the cookie is read again, as of the time it was first
            // read.
            Phase::InCookie { read_at, .. } => match self.context.config.select_token(&self.cookies, *read_at) {
                Some(token) => match token.payload {
                    TokenPayload::Session(data) => data,
                    TokenPayload::Id(_) => SessionMap::new(),
                },
                None => SessionMap::new(),
            },
            _ => SessionMap::new(),
        }
    }

    /// Executes the plans and renders the result. Also executes a `destroy` that another task requests in between.
    async fn finish(&self, mut plan: Plan, occasion: Occasion, deadline: &mut Deadline) -> Commit {
        loop {
            let persisted = self.execute(plan, occasion, deadline).await;
            if persisted.is_err() {
                Box::pin(self.confirm_cookie(deadline)).await;
            }
            if let Some(commit) = self.build_commit(persisted) {
                return commit;
            }
            plan = self.plan(&self.session(), occasion);
        }
    }

    /// Checks that a session that an earlier save renewed or refreshed still exists, so that an error response can
    /// carry its cookie.
    async fn confirm_cookie(&self, deadline: &mut Deadline) {
        let due = touch_due(self.session().head().cookie());
        if let (Some(due), Some(store)) = (due, self.context.store()) {
            // The response reports the first error.
            drop(self.touch(due, &mut TimedStore { store, deadline }).await);
        }
    }

    /// Renders the result. Returns `None` if another task of the request has destroyed the session since.
    fn build_commit(&self, persisted: Result<Persisted, SessionError>) -> Option<Commit> {
        let outcome = match (persisted, self.context.config.on_gone) {
            (Err(error), _) => Err(error),
            (Ok(Persisted::Done), _) => Ok(()),
            (Ok(Persisted::Gone), OnGone::Conflict) => Err(SessionError::Gone),
            (Ok(Persisted::Gone | Persisted::Destroyed), _) => {
                events::log_dropped_by_loss();
                Ok(())
            }
        };
        self.render(self.session(), outcome)
    }

    /// Executes one plan after the other until the changes are persisted.
    async fn execute(
        &self,
        mut plan: Plan,
        occasion: Occasion,
        deadline: &mut Deadline,
    ) -> Result<Persisted, SessionError> {
        loop {
            let step = match plan {
                Plan::Nothing => return Ok(Persisted::Done),
                Plan::Cookie(plan) => return self.change_cookie(&mut self.session(), plan).map(|()| Persisted::Done),
                Plan::Store(step) => step,
            };
            let Some(store) = self.context.store() else { return Ok(Persisted::Done) };
            let store = &mut TimedStore { store, deadline };
            let persisted = match step {
                StorePlan::Create | StorePlan::Write { renew: true } if self.session().head().is_sent() => {
                    return Err(SessionError::HeadersSent);
                }
                StorePlan::Recover => {
                    let write = self.session().take_unconfirmed();
                    if let Some(write) = write {
                        Box::pin(self.recover(*write, store)).await?;
                    }
                    None
                }
                StorePlan::Create => self.create(store).await?,
                StorePlan::Write { renew } => self.write(renew, store).await?,
                StorePlan::Touch(due) => Some(self.touch(due, store).await?),
                StorePlan::CheckEmptied => Some(Box::pin(self.check_emptied(store)).await?),
                StorePlan::Destroy { replaced } => {
                    Box::pin(self.destroy(replaced, store)).await?;
                    None
                }
            };
            if let Some(persisted) = persisted {
                return Ok(persisted);
            }
            plan = self.plan(&self.session(), occasion);
        }
    }

    fn change_cookie(&self, session: &mut RequestSession, plan: CookiePlan) -> Result<(), SessionError> {
        match plan {
            CookiePlan::Send => {
                let confirmed = ConfirmedBy::ThisCommit;
                let (change, restart) = match session.phase() {
                    Phase::InCookie { renew: true, .. } => (CookieChange::Renewed(confirmed), false),
                    Phase::InCookie { .. } => (CookieChange::Refreshed(confirmed), false),
                    phase => (CookieChange::New, matches!(phase, Phase::Destroyed { .. })),
                };
                session.prepare_data(|data| self.context.config.prepare(data, restart))?;
                if matches!(session.phase(), Phase::Destroyed { .. }) {
                    session.confirm_destroyed(None, false);
                }
                session.head_mut().set_cookie(change);
            }
            CookiePlan::Remove => {
                let has_cookie = self.context.has_cookie(&self.cookies);
                session.confirm_destroyed(None, has_cookie);
            }
        }
        Ok(())
    }

    /// Extends the life of a session, and gives the client its new cookie if the session is still there.
    async fn touch(&self, due: TouchDue, store: &mut TimedStore<'_>) -> Result<Persisted, SessionError> {
        let (id, (ttl, user)) = {
            let session = self.session();
            let Some(id) = session.id().copied() else { return Ok(Persisted::Done) };
            (id, self.context.ttl_and_user(session.stored_data()))
        };
        let confirmed = ConfirmedBy::ThisCommit;
        let key = self.context.store_key(&id);
        let touch = Touch::new(&key, ttl).of_user(user.as_deref());
        let change = match store.deadline.run(store.store.touch(touch)).await {
            Ok(false) => CookieChange::None,
            Ok(true) if due == TouchDue::Extension => CookieChange::None,
            Ok(true) if due == TouchDue::Renewal => CookieChange::Renewed(confirmed),
            Ok(true) => CookieChange::Refreshed(confirmed),
            Err(error) if due == TouchDue::Renewal => {
                self.session().head_mut().set_cookie(CookieChange::None);
                return Err(error.into());
            }
            // A request that only read does not fail because its session could not be extended.
            Err(error) => {
                tracing::warn!(session = id.fingerprint(), %error, "session can't be refreshed, its cookie stays as it is");
                CookieChange::None
            }
        };
        self.session().head_mut().set_cookie(change);
        Ok(Persisted::Done)
    }

    /// Keeps the removal of an emptied session's cookie only if no other request has added data since.
    async fn check_emptied(&self, store: &mut TimedStore<'_>) -> Result<Persisted, SessionError> {
        let Some(id) = self.session().id().copied() else { return Ok(Persisted::Done) };
        let found = store.fetch(&self.context.store_key(&id)).await;
        let still_empty = matches!(&found, Ok(Some(stored)) if is_emptied(&stored.session));
        let change = if still_empty { CookieChange::Remove(ConfirmedBy::ThisCommit) } else { CookieChange::None };
        self.session().head_mut().set_cookie(change);
        Ok(Persisted::Done)
    }

    /// Renders the commit. Returns `None` if another task of the request has destroyed the session since.
    ///
    /// A session that was persisted gets its cookie, even if something failed later.
    fn render(&self, mut session: SessionGuard<'_>, outcome: Result<(), SessionError>) -> Option<Commit> {
        let mut error = outcome.err();
        let cookie_mode = self.context.is_cookie_mode();
        if error.is_none() && !cookie_mode && matches!(session.phase(), Phase::Destroyed { .. }) {
            return None;
        }
        let change = session.head_mut().send();
        // Most requests end here.
        if change == CookieChange::None && error.is_none() {
            self.context.count_commit(None);
            return Some(Commit { session_used: true, ..Commit::default() });
        }
        let mut second = None;
        let set_cookie = match change {
            CookieChange::None => None,
            // The store has not confirmed the session since that save. Another request may have destroyed it or begun a
            // login.
            CookieChange::Renewed(ConfirmedBy::EarlierSave)
            | CookieChange::Refreshed(ConfirmedBy::EarlierSave)
            | CookieChange::Remove(ConfirmedBy::EarlierSave) => None,
            CookieChange::Remove(_) => Some(self.context.config.cookie.removal()),
            // The client must never see the data of a stored session.
            _ if session.id().is_none() && !cookie_mode => None,
            _ => self
                .context
                .config
                .issue_cookie(session.id(), session.data(), &mut second)
                .map_err(|too_large| error = Some(too_large))
                .ok(),
        };
        let event = if set_cookie.is_some() { Event::of(change, cookie_mode) } else { None };
        let id = if event.is_some() || error.is_some() { session.id().copied() } else { None };
        let (signs_in, user) = match self.context.reports_events() {
            true => (session.signs_in(), session.known_user()),
            false => (false, None),
        };
        // Unlocked first, because a log subscriber may ask for the session.
        drop(session);
        if let Some(event) = event {
            self.context.log(event, id.as_ref());
            if let Some(kind) = event.kind(signs_in) {
                self.context.notify(kind, user.as_deref());
            }
        }
        self.context.count_commit(error.as_ref());
        if let Some(error) = &error {
            self.context.report(Stage::Commit, error, id.as_ref());
            if (400..500).contains(&error.status()) {
                self.context.notify(SessionEventKind::CommitRefused(error), user.as_deref());
            }
        }
        let removes = matches!(change, CookieChange::Remove(_));
        let others = set_cookie.as_ref().and_then(|_| self.context.other_cookies(&self.cookies, removes, second));
        Some(Commit { set_cookie, others, session_used: true, error })
    }
}
