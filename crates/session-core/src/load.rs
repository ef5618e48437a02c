//! From cookie to session: verify, decode, fetch.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use crate::backend::{Applied, BackendError, BackendErrorKind, Stored, Version};
use crate::config::{OnCorrupt, OnDuplicate};
use crate::cookie::{MAX_CANDIDATES, RequestCookies};
use crate::handle::Shared;
use crate::manager::{Core, StoreKey};
use crate::meta::Meta;
use crate::state::{Origin, State};
use crate::token::{self, ID_KEY};
use crate::{SessionError, SessionId, SessionMap};

/// What a token that verified says.
pub(crate) struct Claim {
    pub(crate) content: Content,
    issue: Issue,
}

pub(crate) enum Content {
    Id(SessionId),
    Session(SessionMap),
}

/// How a token was issued, and when it was read.
#[derive(Clone, Copy)]
struct Issue {
    /// Unix seconds.
    at: u64,
    by_signing_key: bool,
    read_at: u64,
}

/// What a session is fetched by.
struct Fetch {
    id: SessionId,
    key: StoreKey,
    issue: Issue,
    time_left: Duration,
}

impl Shared {
    /// Loads without waiting, as far as that goes.
    ///
    /// The rest is boxed: what handlers wait for is part of their own future, which their framework moves about.
    pub(crate) async fn load(&self) -> Result<(), SessionError> {
        let rest = match self.load_now() {
            Break(outcome) => return outcome,
            Continue(fetch) => Box::pin(self.fetch(fetch)),
        };
        rest.await
    }

    fn load_now(&self) -> ControlFlow<Result<(), SessionError>, Fetch> {
        let time_left = self.known()?;
        let now = self.core().now();
        let claim = self.core().claim(&self.cookies, now);
        let (Some(store), Some(Claim { content: Content::Id(id), issue })) = (self.core().store(), &claim) else {
            return Break(self.settle(self.core().without_store(claim), now, time_left));
        };
        let key = self.core().store_key(id);
        let _ = store;
        Continue(Fetch { id: *id, key, issue: *issue, time_left })
    }

    async fn fetch(&self, fetch: Fetch) -> Result<(), SessionError> {
        let mut budget = self.core().budget(fetch.time_left);
        let _flight = budget.wait(self.flight.lock()).await?;
        // Somebody else may have been talking to the store on behalf of this request.
        if let Break(known) = self.known() {
            return known;
        }
        let Some(store) = self.core().store() else { return Ok(()) };
        let found = budget.run(store.fetch(&fetch.key)).await;
        self.settle(self.core().judge(found, fetch.id, fetch.issue), fetch.issue.read_at, budget.left())
    }

    /// The outcome of the load, if somebody was here before, else what is left of the request's deadline.
    fn known(&self) -> ControlFlow<Result<(), SessionError>, Duration> {
        let mut cell = self.cell();
        cell.used = true;
        match &cell.state {
            State::Presented => Continue(cell.time_left),
            State::Failed(error) => Break(Err(error.clone())),
            _ => Break(Ok(())),
        }
    }

    /// Takes the outcome over, unless somebody destroyed the session meanwhile.
    fn settle(&self, (state, map): (State, SessionMap), read_at: u64, time_left: Duration) -> Result<(), SessionError> {
        let mut cell = self.cell();
        cell.time_left = time_left;
        if matches!(cell.state, State::Presented) {
            cell.client_has_session = matches!(state, State::Loaded(_));
            cell.state = state;
            cell.read_at = read_at;
            if !self.core().is_cookie_mode() {
                cell.base = map.clone();
            }
            cell.map = map;
        }
        match &cell.state {
            State::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Core {
    /// The token to go by at that time, of those that verify.
    pub(crate) fn claim(&self, cookies: &RequestCookies, now: u64) -> Option<Claim> {
        let candidates = || cookies.newest_first(self.config.cookie_name());
        let mut verified = candidates().take(MAX_CANDIDATES).filter_map(|text| Some((text, self.verify(text, now)?)));
        match self.config.on_duplicate {
            OnDuplicate::Last => verified.next().map(|(_, claim)| claim),
            // The first of the maxima is the last in the header.
            OnDuplicate::Newest => verified
                .reduce(|best, other| if other.1.issue.at > best.1.issue.at { other } else { best })
                .map(|(_, claim)| claim),
            OnDuplicate::Reject => {
                let (text, claim) = verified.next()?;
                let all_equal = verified.all(|(other, _)| other == text);
                let all_seen = candidates().count() <= MAX_CANDIDATES;
                (all_equal && all_seen).then_some(claim)
            }
        }
    }

    fn verify(&self, text: &[u8], now: u64) -> Option<Claim> {
        let token = self.config.tokens.verify(text, now).ok()?;
        let content = if self.is_cookie_mode() {
            let payload = token::payload(token.value)?;
            if payload.len() > self.config.max_session_bytes {
                return None;
            }
            let map = SessionMap::from_json(String::from_utf8(payload).ok()?).ok()?;
            // A stored session's token under the same secret is no session.
            if map.contains_key(ID_KEY) {
                return None;
            }
            Content::Session(map)
        } else {
            Content::Id(token::id(token.value)?)
        };
        let issue = Issue { at: token.timestamp, by_signing_key: token.by_signing_key, read_at: now };
        Some(Claim { content, issue })
    }

    /// Where a request stands whose claim needs no store.
    fn without_store(&self, claim: Option<Claim>) -> (State, SessionMap) {
        match claim {
            Some(Claim { content: Content::Session(map), issue }) => self.check_lifetime(map, None, issue),
            _ => (State::Anonymous { absent: None }, SessionMap::new()),
        }
    }

    /// Where a request stands by what its store has answered.
    fn judge(&self, found: Result<Option<Stored>, BackendError>, id: SessionId, issue: Issue) -> (State, SessionMap) {
        let limit = self.config.max_session_bytes;
        let found = found.and_then(|found| match found {
            Some(stored) if stored.session.json_len() > limit => {
                Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No))
            }
            found => Ok(found),
        });
        match found {
            Ok(Some(Stored { session, version, .. })) => self.check_lifetime(session, Some((id, version)), issue),
            Ok(None) => (State::Anonymous { absent: Some(id) }, SessionMap::new()),
            Err(error) if error.kind() == BackendErrorKind::Corrupt && self.config.on_corrupt == OnCorrupt::Absent => {
                tracing::error!(session = id.fingerprint(), %error, "stored session is unreadable and counts as absent");
                self.without_store(None)
            }
            Err(error) => {
                tracing::error!(session = id.fingerprint(), %error, "session can't be loaded");
                (State::Failed(error.into()), SessionMap::new())
            }
        }
    }

    /// The token was good for the longest lifetime allowed; the session may have a shorter one.
    fn check_lifetime(
        &self,
        map: SessionMap,
        stored: Option<(SessionId, Version)>,
        issue: Issue,
    ) -> (State, SessionMap) {
        let meta = Meta::of(&map);
        let lifetimes = self.config.lifetimes;
        let (age, idle) = (issue.read_at.saturating_sub(issue.at), meta.idle(lifetimes));
        if age > idle || meta.remaining(lifetimes, || issue.read_at) == 0 {
            return (State::Anonymous { absent: None }, SessionMap::new());
        }
        let refresh_due = !issue.by_signing_key || self.refresh_due(age, idle);
        (State::Loaded(Origin { stored, refresh_due }), map)
    }
}
