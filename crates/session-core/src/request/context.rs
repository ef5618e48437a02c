//! The parts that all requests of a manager share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::absence::AbsenceCounts;
use crate::backend::AtomicBackend;
use crate::backend::deadline::Deadline;
use crate::config::SessionConfig;
use crate::cookie::{MAX_COOKIE_BYTES, SetCookie};
use crate::error::SessionError;
use crate::format::{ForeignTokens, TokenContent};
use crate::id::SessionId;
use crate::log::throttle::Throttle;
use crate::map::SessionMap;
use crate::meta::{META_KEY, Meta, is_emptied};
use crate::sync::StripedLock;
use crate::text::Text;
use crate::token::{ID_KEY, id_payload};

/// Configuration, store and locks.
pub(crate) struct SessionContext {
    pub(crate) config: SessionConfig,
    /// Held by commits that have met a conflict, so that writers of one session in this process queue up.
    pub(crate) write_locks: StripedLock,
    /// A layer around another one of the same cookie name was reported to differ from it.
    pub(crate) difference_reported: AtomicBool,
    pub(crate) absences: AbsenceCounts,
    pub(crate) store_failures: Throttle,
}

/// A key of the store, with room for a prefix that is not much longer than the default one.
pub(crate) type StoreKey = Text<56>;

/// The time for which an emptied session is kept, so that other requests of it can still add data.
pub(crate) const EMPTIED_TTL: Duration = Duration::from_secs(60);

impl SessionContext {
    pub(crate) fn new(config: SessionConfig) -> Self {
        if let Some(store) = &config.store {
            store.follow_deadline(config.request_deadline);
        }
        for store in config.accepted.iter().flat_map(|accepted| accepted.iter()).filter_map(|one| one.store.as_ref()) {
            store.follow_deadline(config.request_deadline);
        }
        Self {
            config,
            write_locks: StripedLock::default(),
            difference_reported: AtomicBool::new(false),
            absences: AbsenceCounts::default(),
            store_failures: Throttle::default(),
        }
    }

    /// Returns the store, or `None` if sessions live in the cookie.
    pub(crate) fn store(&self) -> Option<&dyn AtomicBackend> {
        self.config.store.as_deref()
    }

    pub(crate) fn is_cookie_mode(&self) -> bool {
        self.config.is_cookie_mode()
    }

    pub(crate) fn answers_at_once(&self) -> bool {
        self.store().is_some_and(|store| store.answers_at_once())
    }

    /// A deadline for a request that may ask the store for so long.
    pub(crate) fn deadline(&self, left: Duration) -> Deadline {
        Deadline::new(left, self.store().and_then(|store| store.call_timeout()))
    }

    pub(crate) fn store_key(&self, id: &SessionId) -> StoreKey {
        Text::concat([&self.config.key_prefix, id.as_str()])
    }

    pub(crate) fn now(&self) -> u64 {
        self.config.clock.unix_seconds()
    }

    /// Returns `true` if a key of the session map belongs to the library.
    pub(crate) fn is_reserved(&self, key: &str) -> bool {
        key == META_KEY || (key == ID_KEY && self.is_cookie_mode())
    }

    /// Returns the user of a session, as the store's index knows it.
    pub(crate) fn user_key(&self, user: &str) -> Box<str> {
        [&self.config.key_prefix, "user:", user].concat().into()
    }

    /// Returns the time for which the store keeps a session, a little longer than its token is good for, and the session's
    /// user as the store's index knows it.
    pub(crate) fn ttl_and_user(&self, data: &SessionMap) -> (Duration, Option<Box<str>>) {
        if is_emptied(data) { (EMPTIED_TTL, None) } else { self.ttl_and_user_of_data(data) }
    }

    /// Returns the TTL and the user's key of a session that is not empty.
    pub(crate) fn ttl_and_user_of_data(&self, data: &SessionMap) -> (Duration, Option<Box<str>>) {
        let meta = Meta::of(data);
        let remaining = meta.remaining(self.config.lifetimes, || self.now());
        (Duration::from_secs(remaining + 1), meta.user.map(|user| self.user_key(&user.id)))
    }

    /// Returns `true` if the session must remember when it was created, and does not.
    pub(crate) fn lacks_creation_time(&self, data: &SessionMap) -> bool {
        self.config.lifetimes.absolute.is_some() && Meta::of(data).created.is_none()
    }

    /// Makes data ready to be written: records the creation time where it matters, and checks the limits. `restart` starts
    /// the absolute lifetime anew.
    pub(crate) fn prepare(&self, data: &mut SessionMap, restart: bool) -> Result<(), SessionError> {
        if self.config.lifetimes.absolute.is_some() && !is_emptied(data) {
            let meta = Meta::of(data);
            if restart || meta.created.is_none() {
                Meta { created: Some(self.now()), ..meta }.write(data)?;
            }
        }
        let (bytes, limit) = (data.json_len(), self.config.max_session_bytes);
        if bytes > limit {
            return Err(SessionError::TooLarge { bytes, limit });
        }
        self.check_keys(data, 0)
    }

    /// Checks the number of keys that the data has, with so many more.
    pub(crate) fn check_keys(&self, data: &SessionMap, added: usize) -> Result<(), SessionError> {
        let limit = self.config.max_keys;
        let fits = limit.checked_sub(added).is_some_and(|rest| !data.has_more_keys_than(rest, META_KEY));
        if fits { Ok(()) } else { Err(SessionError::TooManyKeys { limit }) }
    }

    /// Renders the header that gives the client its session: the id of a stored one, otherwise its data.
    /// The second cookie of a format goes to `second`.
    pub(crate) fn issue_cookie(
        &self,
        id: Option<&SessionId>,
        data: &SessionMap,
        second: &mut Option<SetCookie>,
    ) -> Result<SetCookie, SessionError> {
        let now = self.now();
        let meta = Meta::of(data);
        let max_age = meta.remaining(self.config.lifetimes, || now);
        let max_age = (!meta.ends_with_browser(self.config.lifetimes)).then_some(max_age);
        if let Some(tokens) = &self.config.format {
            return self.issue_foreign_cookie(tokens, id, data, max_age, second);
        }
        let payload = id.map_or_else(|| data.as_json(), |id| id_payload(id).into());
        let tokens = &self.config.tokens;
        let (header, bytes) = self
            .config
            .cookie
            .set(tokens.len(payload.len(), now), max_age, |out| tokens.issue(payload.as_bytes(), now, out));
        fitting(header, bytes)
    }

    #[cold]
    fn issue_foreign_cookie(
        &self,
        tokens: &ForeignTokens,
        id: Option<&SessionId>,
        data: &SessionMap,
        max_age: Option<u64>,
        second: &mut Option<SetCookie>,
    ) -> Result<SetCookie, SessionError> {
        let token = tokens.write(id.map_or(TokenContent::Session(data), TokenContent::Id), self.now())?;
        let mut parts = token.splitn(2, |&byte| byte == b';');
        let token = parts.next().unwrap_or_default();
        if let (Some(template), Some(value)) = (&tokens.second, parts.next()) {
            let (header, bytes) = template.set(value.len(), max_age, |out| out.extend_from_slice(value));
            *second = Some(fitting(header, bytes)?);
        }
        let (header, bytes) = self.config.cookie.set(token.len(), max_age, |out| out.extend_from_slice(token));
        fitting(header, bytes)
    }

    /// Returns `true` if a session of this context is one of the other: same keys, salt, mode, store and key prefix.
    pub(crate) fn shares_sessions_with(&self, other: &Self) -> bool {
        let same_store = match (self.config.passed_store(), other.config.passed_store()) {
            (None, None) => true,
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            _ => false,
        };
        same_store
            && self.config.key_prefix == other.config.key_prefix
            && match (&self.config.format, &other.config.format) {
                (None, None) => self.config.tokens.same_as(&other.config.tokens),
                (Some(own), Some(others)) => own.same_as(others),
                _ => false,
            }
    }
}

/// Returns the header of a cookie whose name and value browsers keep.
fn fitting(header: SetCookie, bytes: usize) -> Result<SetCookie, SessionError> {
    if bytes > MAX_COOKIE_BYTES { Err(SessionError::CookieTooLarge { bytes }) } else { Ok(header) }
}
