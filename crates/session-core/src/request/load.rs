//! Loads a session from a cookie: verify, decode, fetch.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::time::Duration;

use crate::absence::Absence;
use crate::backend::deadline::{Deadline, poll_once, reply_within};
use crate::backend::{BackendError, BackendErrorKind, Stored, Touch, Version};
use crate::config::{OnCorrupt, OnDuplicate, Refresh};
use crate::cookie::{RequestCookies, percent_decoded};
use crate::error::SessionError;
use crate::format::adopt::Adoption;
use crate::format::{ForeignTokens, ReadContent};
use crate::id::SessionId;
use crate::log::report::Stage;
use crate::map::SessionMap;
use crate::meta::Meta;
use crate::request::attempt::Attempt;
use crate::request::context::{SessionContext, StoreKey};
use crate::request::phase::{Before, Phase, RefreshDue};
use crate::request::shared::SharedSession;
use crate::token::{self, ID_KEY};

/// A verified token.
pub(crate) struct VerifiedToken {
    pub(crate) payload: TokenPayload,
    issued: Issued,
}

pub(crate) enum TokenPayload {
    Id(SessionId),
    Session(SessionMap),
}

/// The issue of a token, and the time when it was read.
#[derive(Clone, Copy)]
struct Issued {
    /// Unix seconds.
    at: u64,
    kind: IssueKind,
    read_at: u64,
}

#[derive(Clone, Copy)]
enum IssueKind {
    BySigningKey,
    ByOlderKey,
    /// The token tells no time.
    Undated,
}

/// The parts of a fetch that are known from the cookie.
struct Fetch<'a> {
    id: SessionId,
    key: StoreKey,
    issued: Issued,
    time_left: Duration,
    /// The session to take over, if the store has none under the key.
    adoption: Option<Box<Adoption<'a>>>,
}

/// A loaded session, or the reason why the store has none.
pub(crate) type Loaded = (Phase, SessionMap, Option<Absence>);

impl SharedSession {
    /// Loads the session, unless that was done before.
    ///
    /// The fetch is boxed unless the store answers at once, because the future becomes part of the handler's future, which
    /// frameworks move about.
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
    /// have pending changes that can't be made twice; they are dropped.
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
                // Dropping the attempt puts its changes back.
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

    /// Verifies the request's cookie. Continues with the fetch of the session that it names, if it names one.
    fn verify_cookie(&self) -> ControlFlow<Result<(), SessionError>, Fetch<'_>> {
        let time_left = self.load_outcome()?;
        let now = self.context.now();
        let token = self.context.newest_token(&self.cookies, now);
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
                // Another task has asked the store on behalf of this request.
                if let Break(outcome) = self.load_outcome() {
                    return outcome;
                }
                lock
            }
        };
        let Some(store) = self.context.store() else { return Ok(()) };
        let found = match &fetch.adoption {
            None => reply_within!(deadline, store.fetch(&fetch.key)),
            Some(adoption) => Box::pin(self.context.adopt(adoption, &fetch.key, store, &mut deadline)).await,
        };
        let mut loaded = self.context.check_loaded(found, fetch.id, fetch.issued);
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

    fn store_outcome(&self, (phase, data, absence): Loaded, time_left: Duration) -> Result<(), SessionError> {
        let mut session = self.session();
        session.load(phase, data, absence, time_left);
        match session.phase() {
            Phase::LoadFailed(error) => return Err(error.clone()),
            Phase::New { .. } => {}
            _ => return Ok(()),
        }
        // A log subscriber may ask for the session.
        drop(session);
        self.log_absence();
        if self.context.reports_events()
            && let Some(absence) = self.absence()
        {
            self.context.notify_absence(absence);
        }
        Ok(())
    }
}

impl SessionContext {
    /// Returns the token to go by, of those that verify at that time.
    pub(crate) fn newest_token(&self, cookies: &RequestCookies, now: u64) -> Option<VerifiedToken> {
        let candidates = cookies.newest_first(self.config.cookie_name());
        let mut verified = candidates.filter_map(|text| Some((text, self.verify(text, Some(now)).ok()?)));
        match self.config.on_duplicate {
            OnDuplicate::Last => verified.next().map(|(_, token)| token),
            OnDuplicate::First => {
                let paired =
                    self.config.format.as_ref().and_then(|tokens| tokens.paired(cookies, self.config.cookie_name()));
                if let Some(paired) = paired {
                    return self.verify_text(&paired?, Some(now)).ok();
                }
                let first = cookies.newest_first(self.config.cookie_name()).last();
                first.and_then(|text| self.verify(text, Some(now)).ok())
            }
            // The first of the maxima is the last in the header.
            OnDuplicate::Newest => verified
                .reduce(|best, other| if other.1.issued.at > best.1.issued.at { other } else { best })
                .map(|(_, token)| token),
            OnDuplicate::Reject => {
                let (text, token) = verified.next()?;
                verified.all(|(other, _)| other == text).then_some(token)
            }
        }
    }

    /// Returns the session ids of all tokens that verify, expired ones too.
    pub(crate) fn verified_ids(&self, cookies: &RequestCookies) -> impl Iterator<Item = SessionId> {
        cookies.newest_first(self.config.cookie_name()).filter_map(|text| match self.verify(text, None).ok()?.payload {
            TokenPayload::Id(id) => Some(id),
            TokenPayload::Session(_) => None,
        })
    }

    /// Verifies the text of a cookie as of `now`; without a time, a token of any age.
    ///
    /// # Errors
    ///
    /// The reason why it is no token of a session.
    pub(crate) fn verify(&self, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        self.verify_text(text, now).or_else(|absence| match percent_decoded(text) {
            Some(decoded) => self.verify_text(&decoded, now),
            None => Err(absence),
        })
    }

    fn verify_text(&self, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        if let Some(tokens) = &self.config.format {
            return self.verify_foreign(tokens, text, now);
        }
        let token = self.config.tokens.verify(text, now)?;
        let payload = if self.is_cookie_mode() {
            let json = token::payload(token.value).and_then(|payload| String::from_utf8(payload).ok());
            let data = json.and_then(|json| SessionMap::from_json(json).ok()).ok_or(Absence::Malformed)?;
            // A stored session's token under the same secret is no session.
            if data.contains_key(ID_KEY) {
                return Err(Absence::OtherMode);
            }
            TokenPayload::Session(data)
        } else {
            TokenPayload::Id(token::id(token.value).ok_or_else(|| token::no_id(token.value))?)
        };
        let kind = if token.by_signing_key { IssueKind::BySigningKey } else { IssueKind::ByOlderKey };
        Ok(VerifiedToken {
            payload,
            issued: Issued { at: token.timestamp, kind, read_at: now.unwrap_or(token.timestamp) },
        })
    }

    #[cold]
    fn verify_foreign(&self, tokens: &ForeignTokens, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        let token = tokens.read(text, now).ok_or(Absence::BadSignature)?;
        let payload = match token.content {
            ReadContent::Id(id) if !self.is_cookie_mode() => TokenPayload::Id(id),
            ReadContent::Session(session) if self.is_cookie_mode() => TokenPayload::Session(session),
            _ => return Err(Absence::OtherMode),
        };
        let issued_at = token.issued_at.filter(|_| token.renewed_by_use);
        let kind = match issued_at {
            _ if !token.by_signing_key => IssueKind::ByOlderKey,
            Some(_) => IssueKind::BySigningKey,
            None => IssueKind::Undated,
        };
        let read_at = now.or(token.issued_at).unwrap_or_default();
        Ok(VerifiedToken { payload, issued: Issued { at: issued_at.unwrap_or(read_at), kind, read_at } })
    }

    /// Checks a token that holds the session itself.
    fn load_from_cookie(&self, token: Option<VerifiedToken>) -> Loaded {
        match token {
            Some(VerifiedToken { payload: TokenPayload::Session(data), issued }) => {
                self.check_lifetime(data, None, issued)
            }
            _ => no_session(Before::Nothing, None),
        }
    }

    /// Checks the reply of the store.
    fn check_loaded(&self, found: Result<Option<Stored>, BackendError>, id: SessionId, issued: Issued) -> Loaded {
        match found {
            Ok(Some(Stored { session, version, .. })) => self.check_lifetime(session, Some((id, version)), issued),
            Ok(None) => no_session(Before::UnknownId(id), Some(Absence::UnknownId)),
            Err(error) if error.kind() == BackendErrorKind::Corrupt && self.config.on_corrupt == OnCorrupt::Absent => {
                tracing::error!(session = id.fingerprint(), %error, "stored session is unreadable and counts as absent");
                no_session(Before::Nothing, Some(Absence::Unreadable))
            }
            Err(error) => {
                let error = error.into();
                self.report(Stage::Load, &error, Some(&id));
                (Phase::LoadFailed(error), SessionMap::new(), None)
            }
        }
    }

    /// Checks the session's own lifetime. The token was good for the longest lifetime allowed.
    fn check_lifetime(&self, data: SessionMap, stored: Option<(SessionId, Version)>, issued: Issued) -> Loaded {
        let meta = Meta::of(&data);
        let lifetimes = self.config.lifetimes;
        let (age, idle) = (issued.read_at.saturating_sub(issued.at), meta.idle(lifetimes));
        if age > idle || meta.remaining(lifetimes, || issued.read_at) == 0 {
            return no_session(Before::Nothing, Some(Absence::Expired));
        }
        let refresh = match issued.kind {
            IssueKind::BySigningKey => self.refresh_due(age, idle),
            IssueKind::ByOlderKey => RefreshDue::Yes,
            IssueKind::Undated => RefreshDue::of_undated(self.config.refresh),
        };
        let phase = match stored {
            Some((id, version)) => {
                Phase::Stored { id, version: Some(version), loaded: data.clone(), refresh, renew: false }
            }
            None => Phase::InCookie { read_at: issued.read_at, refresh, renew: false },
        };
        (phase, data, None)
    }

    /// Returns whether a session whose cookie has this age, in seconds, is due for a new one.
    fn refresh_due(&self, age: u64, idle: u64) -> RefreshDue {
        let (half, tenth) = (idle.div_ceil(2), idle.div_ceil(10));
        let due = match self.config.refresh {
            Refresh::Tenth => age >= tenth,
            Refresh::HalfLife => age >= half,
            // A session with a shorter lifetime of its own would expire before.
            Refresh::After(after) if after.as_secs() >= idle => age >= half,
            Refresh::After(after) => age >= after.as_secs(),
            Refresh::Always => true,
            Refresh::Never if age >= tenth => return RefreshDue::OnChange,
            Refresh::Never => false,
        };
        if due { RefreshDue::Yes } else { RefreshDue::No }
    }
}

pub(crate) fn no_session(before: Before, absence: Option<Absence>) -> Loaded {
    (Phase::New { before, renew: false }, SessionMap::new(), absence)
}
