//! From cookie to session: verify, decode, fetch.

use crate::backend::{Applied, BackendError, BackendErrorKind, Stored};
use crate::budget::Budget;
use crate::config::{OnCorrupt, OnDuplicate};
use crate::cookie::MAX_CANDIDATES;
use crate::handle::Shared;
use crate::manager::Core;
use crate::meta::Meta;
use crate::state::{Origin, State};
use crate::token::{ID_KEY, parse_id};
use crate::{SessionError, SessionId, SessionMap};

/// What a token that verified says.
pub(crate) struct Claim {
    pub(crate) content: Content,
    issued_at: u64,
    by_signing_key: bool,
}

pub(crate) enum Content {
    Id(SessionId),
    Session(SessionMap),
}

impl Shared {
    pub(crate) async fn load(&self) -> Result<(), SessionError> {
        if let Some(known) = self.loaded() {
            return known;
        }
        let claim = self.core.claim(&self.candidates);
        let Some(Claim { content: Content::Id(id), issued_at, by_signing_key }) = claim else {
            return self.settle(self.core.without_store(claim));
        };
        let mut budget = Budget::new(self.cell().time_left);
        let _flight = budget.wait(self.flight.lock()).await?;
        if let Some(known) = self.loaded() {
            return known;
        }
        let found = self.core.fetch(id, issued_at, by_signing_key, &mut budget).await;
        self.cell().time_left = budget.left();
        self.settle(found)
    }

    /// The outcome of the load, if somebody was here before.
    fn loaded(&self) -> Option<Result<(), SessionError>> {
        let mut cell = self.cell();
        cell.used = true;
        match &cell.state {
            State::Presented => None,
            State::Failed(error) => Some(Err(error.clone())),
            _ => Some(Ok(())),
        }
    }

    /// Takes the outcome over, unless somebody destroyed the session meanwhile.
    fn settle(&self, (state, map): (State, SessionMap)) -> Result<(), SessionError> {
        let mut cell = self.cell();
        if matches!(cell.state, State::Presented) {
            cell.client_has_session = matches!(state, State::Loaded(_));
            cell.state = state;
            cell.base = map.clone();
            cell.map = map;
        }
        match &cell.state {
            State::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Core {
    /// The token to go by, of those that verify.
    pub(crate) fn claim(&self, candidates: &crate::cookie::Candidates) -> Option<Claim> {
        let now = self.now();
        let mut verified =
            candidates.newest_first().take(MAX_CANDIDATES).filter_map(|text| Some((text, self.verify(text, now)?)));
        match self.config.on_duplicate {
            OnDuplicate::Last => verified.next().map(|(_, claim)| claim),
            // The first of the maxima is the last in the header.
            OnDuplicate::Newest => verified
                .reduce(|best, other| if other.1.issued_at > best.1.issued_at { other } else { best })
                .map(|(_, claim)| claim),
            OnDuplicate::Reject => {
                let (text, claim) = verified.next()?;
                let all_equal = verified.all(|(other, _)| other == text);
                let all_seen = candidates.newest_first().count() <= MAX_CANDIDATES;
                (all_equal && all_seen).then_some(claim)
            }
        }
    }

    fn verify(&self, text: &[u8], now: u64) -> Option<Claim> {
        let token = self.config.tokens.read(text, now).ok()?;
        let content = if self.is_cookie_mode() {
            if token.payload.len() > self.config.max_session_bytes {
                return None;
            }
            let map = SessionMap::from_slice(&token.payload).ok()?;
            // A stored session's token under the same secret is no session.
            if map.contains_key(ID_KEY) {
                return None;
            }
            Content::Session(map)
        } else {
            Content::Id(parse_id(&token.payload)?)
        };
        Some(Claim { content, issued_at: token.issued_at, by_signing_key: token.by_signing_key })
    }

    /// Where a request stands whose claim needs no store.
    fn without_store(&self, claim: Option<Claim>) -> (State, SessionMap) {
        match claim {
            Some(Claim { content: Content::Session(map), issued_at, by_signing_key }) => {
                self.check_lifetime(map, Origin { stored: None, issued_at, by_signing_key })
            }
            _ => (State::Anonymous { absent: None }, SessionMap::new()),
        }
    }

    async fn fetch(
        &self,
        id: SessionId,
        issued_at: u64,
        by_signing_key: bool,
        budget: &mut Budget,
    ) -> (State, SessionMap) {
        let Some(store) = self.store() else { return self.without_store(None) };
        let key = self.store_key(&id);
        let limit = self.config.max_session_bytes;
        let found = budget.run(store.fetch(&key)).await.and_then(|found| match found {
            Some(stored) if stored.map.json_len() > limit => {
                Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No))
            }
            found => Ok(found),
        });
        match found {
            Ok(Some(Stored { map, version })) => {
                self.check_lifetime(map, Origin { stored: Some((id, version)), issued_at, by_signing_key })
            }
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
    fn check_lifetime(&self, map: SessionMap, origin: Origin) -> (State, SessionMap) {
        let now = self.now();
        let meta = Meta::of(&map);
        let idle_for = now.saturating_sub(origin.issued_at);
        let lifetimes = self.config.lifetimes;
        if idle_for > meta.idle(lifetimes) || meta.remaining(lifetimes, now) == 0 {
            return (State::Anonymous { absent: None }, SessionMap::new());
        }
        (State::Loaded(origin), map)
    }
}
