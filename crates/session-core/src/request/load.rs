//! Loads a session from a cookie: verify, decode, fetch.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::time::Duration;

use crate::absence::Absence;
use crate::backend::deadline::{Deadline, TimedStore, poll_once, reply_within};
use crate::backend::{BackendError, BackendErrorKind, Stored, Touch};
use crate::config::OnCorrupt;
use crate::error::SessionError;
use crate::format::adopt::Adoption;
use crate::id::SessionId;
use crate::log::report::Stage;
use crate::map::SessionMap;
use crate::request::attempt::Attempt;
use crate::request::context::{SessionContext, StoreKey};
use crate::request::phase::{Before, Loaded, Phase};
use crate::request::shared::SharedSession;
use crate::session_cookie::{IssueKind, Issued, TokenPayload, VerifiedToken};

/// The parameters of a fetch, taken from the cookie.
struct Fetch<'a> {
    id: SessionId,
    key: StoreKey,
    issued: Issued,
    time_left: Duration,
    /// The session to take over, if the store has none under the key.
    adoption: Option<Box<Adoption<'a>>>,
}

impl SharedSession {
    /// Loads the session, unless it was loaded before.
    ///
    /// The fetch is boxed unless the store answers at once: the future becomes part of the handler's future, which
    /// frameworks move.
    pub(crate) async fn load(&self) -> Result<(), SessionError> {
        let fetch = match self.verify_cookie() {
            Break(outcome) => return outcome,
            Continue(fetch) => fetch,
        };
        if self.context.answers_at_once()
            && let Some(outcome) = poll_once(pin!(self.fetch(&fetch)))
        {
            return outcome;
        }
        Box::pin(self.fetch(&fetch)).await
    }

    /// Fetches the session again, and replays pending changes on it.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the store no longer has it. [`SessionError::OutcomeUnknown`] if the store may already
    /// have pending changes that are not idempotent. The changes are dropped.
    pub(crate) async fn reload(&self, deadline: &mut Deadline) -> Result<(), SessionError> {
        let _lock = self.lock_store(deadline).await?;
        let (id, generation) = match self.stored_id()? {
            Some(found) => found,
            None => return Ok(()),
        };
        let Some(store) = self.context.store() else { return Ok(()) };
        match deadline.run(store.fetch(&self.context.store_key(&id))).await? {
            Some(current) if !self.context.is_revoked(&current.session, deadline).await? => {
                let Some((mut attempt, _, version)) = Attempt::begin_stored(self) else {
                    return Err(SessionError::Gone);
                };
                if version.as_ref() == Some(&current.version) {
                    return Ok(());
                }
                attempt.check_repeatable(&current)?;
                // Dropping the attempt puts its changes back into the log.
                drop(attempt);
                self.session().take_version(&current);
                self.rebase(&current.session, generation);
                Ok(())
            }
            _ => {
                self.session().lose();
                Err(SessionError::Gone)
            }
        }
    }

    /// Extends the stored session's life.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the store no longer has it.
    pub(crate) async fn keep_alive(&self, deadline: &mut Deadline) -> Result<(), SessionError> {
        let _lock = self.lock_store(deadline).await?;
        let Some((id, _)) = self.stored_id()? else { return Ok(()) };
        let data = self.session().stored_data().clone();
        let (ttl, user) = self.context.ttl_and_user(&data);
        let Some(store) = self.context.store() else { return Ok(()) };
        let key = self.context.store_key(&id);
        let touch = Touch::new(&key, ttl).of_user(user.as_deref());
        if !self.context.is_revoked(&data, deadline).await? && deadline.run(store.touch(touch)).await? {
            return Ok(());
        }
        self.session().lose();
        Err(SessionError::Gone)
    }

    fn stored_id(&self) -> Result<Option<(SessionId, u32)>, SessionError> {
        let session = self.session();
        match session.phase() {
            Phase::Lost { .. } | Phase::Destroyed { .. } => Err(SessionError::Gone),
            Phase::LoadFailed(error) => Err(error.clone()),
            _ => Ok(session.id().map(|id| (*id, session.generation()))),
        }
    }

    /// Verifies the request's cookie. If it names a stored session, continues with the fetch.
    fn verify_cookie(&self) -> ControlFlow<Result<(), SessionError>, Fetch<'_>> {
        let time_left = self.load_outcome()?;
        let now = self.context.now();
        let token = self.context.config.select_token(&self.cookies, now);
        match token {
            Some(VerifiedToken { payload: TokenPayload::Id(id), issued }) => {
                Continue(Fetch { id, key: self.context.store_key(&id), issued, time_left, adoption: None })
            }
            None if self.context.config.accepted.is_some() => self.verify_accepted(now, time_left),
            token => Break(self.store_outcome(self.context.load_from_cookie(token), time_left)),
        }
    }

    /// Finds a cookie of a format whose sessions are taken over.
    #[cold]
    fn verify_accepted(&self, now: u64, time_left: Duration) -> ControlFlow<Result<(), SessionError>, Fetch<'_>> {
        // The token counts as signed by an older key, so that the client gets a new cookie.
        let issued = Issued { at: now, kind: IssueKind::ByOlderKey, read_at: now };
        let adoption = Adoption::find(self.context.accepted(), &self.cookies, now);
        let token = match adoption {
            Some(adoption) if self.context.is_cookie_mode() => {
                adoption.into_session().map(|session| VerifiedToken { payload: TokenPayload::Session(session), issued })
            }
            Some(adoption) => {
                let Some(id) = adoption.successor() else {
                    let failed = Phase::LoadFailed(SessionError::NoRandomNumbers);
                    return Break(self.store_outcome((failed, SessionMap::new(), None), time_left));
                };
                let (key, adoption) = (self.context.store_key(&id), Some(Box::new(adoption)));
                return Continue(Fetch { id, key, issued, time_left, adoption });
            }
            None => None,
        };
        Break(self.store_outcome(self.context.load_from_cookie(token), time_left))
    }

    async fn fetch(&self, fetch: &Fetch<'_>) -> Result<(), SessionError> {
        let mut deadline = self.context.deadline(fetch.time_left);
        let _lock = match self.try_lock_store() {
            Some(lock) => lock,
            None => {
                let lock = self.lock_store(&mut deadline).await?;
                // Another task of this request may have loaded the session while this one waited.
                if let Break(outcome) = self.load_outcome() {
                    return outcome;
                }
                lock
            }
        };
        let Some(store) = self.context.store() else { return Ok(()) };
        let found = match &fetch.adoption {
            None => reply_within!(deadline, store.fetch(&fetch.key)),
            Some(adoption) => {
                let store = &mut TimedStore { store, deadline: &mut deadline };
                Box::pin(self.context.adopt(adoption, &fetch.key, store)).await
            }
        };
        let mut loaded = self.context.check_loaded(found, &fetch.id, fetch.issued);
        if store.user_epochs().is_some() {
            loaded = Box::pin(self.context.check_epoch(loaded, &fetch.id, &mut deadline)).await;
        }
        self.store_outcome(loaded, deadline.left())
    }

    /// Returns the outcome of an earlier load, or continues with the rest of the request's deadline.
    fn load_outcome(&self) -> ControlFlow<Result<(), SessionError>, Duration> {
        let session = self.session();
        match session.phase() {
            Phase::NotLoaded => Continue(session.time_left()),
            Phase::LoadFailed(error) => Break(Err(error.clone())),
            _ => Break(Ok(())),
        }
    }

    fn store_outcome(&self, loaded: Loaded, time_left: Duration) -> Result<(), SessionError> {
        let mut session = self.session();
        session.load(loaded, time_left);
        match session.phase() {
            Phase::LoadFailed(error) => {
                self.context.count_load("failed");
                return Err(error.clone());
            }
            Phase::New { .. } => {}
            _ => {
                self.context.count_load("found");
                return Ok(());
            }
        }
        // A log subscriber may ask for the session.
        drop(session);
        if self.context.reports_absences()
            && let Some(absence) = self.absence()
        {
            self.context.report_absence(absence);
        }
        Ok(())
    }
}

impl SessionContext {
    /// Loads the session from a token that holds it.
    fn load_from_cookie(&self, token: Option<VerifiedToken>) -> Loaded {
        let Some(VerifiedToken { payload: TokenPayload::Session(data), issued }) = token else {
            return no_session(Before::Nothing, None);
        };
        match self.config.refresh_due(&data, issued) {
            Some(refresh) => (Phase::InCookie { read_at: issued.read_at, refresh, renew: false }, data, None),
            None => no_session(Before::Nothing, Some(Absence::Expired)),
        }
    }

    /// Checks the reply of the store.
    // Inlined, it would build the session in pieces, and copy them five times: 80 instructions.
    #[inline(never)]
    fn check_loaded(&self, found: Result<Option<Stored>, BackendError>, id: &SessionId, issued: Issued) -> Loaded {
        match found {
            Ok(Some(Stored { session, version, .. })) => match self.config.refresh_due(&session, issued) {
                Some(refresh) => {
                    let loaded = session.clone();
                    (Phase::Stored { id: *id, version: Some(version), loaded, refresh, renew: false }, session, None)
                }
                None => no_session(Before::Nothing, Some(Absence::Expired)),
            },
            Ok(None) => no_session(Before::UnknownId(*id), Some(Absence::UnknownId)),
            Err(error) if error.kind() == BackendErrorKind::Corrupt && self.config.on_corrupt == OnCorrupt::Absent => {
                // `Debug` prints the causes too.
                tracing::error!(
                    session = id.fingerprint(),
                    ?error,
                    "stored session is unreadable and counts as absent"
                );
                no_session(Before::Nothing, Some(Absence::Unreadable))
            }
            Err(error) => {
                let error = error.into();
                self.report(Stage::Load, &error, Some(id));
                (Phase::LoadFailed(error), SessionMap::new(), None)
            }
        }
    }
}

pub(crate) fn no_session(before: Before, absence: Option<Absence>) -> Loaded {
    (Phase::New { before, renew: false }, SessionMap::new(), absence)
}
