//! The state that all requests of a manager share.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::absence::AbsenceCounts;
use crate::backend::AtomicBackend;
use crate::backend::deadline::Deadline;
use crate::config::SessionConfig;
use crate::id::SessionId;
use crate::log::throttle::Throttle;
use crate::map::SessionMap;
use crate::meta::{Meta, is_emptied};
use crate::sync::StripedLock;
use crate::text::ShortStr;

/// Configuration, store and locks.
pub(crate) struct SessionContext {
    pub(crate) config: SessionConfig,
    /// Held by commits that have met a conflict, so that the writers of one session in this process take turns.
    pub(crate) write_locks: StripedLock,
    /// `true` once a nested layer with the same cookie name and a different configuration has been reported.
    pub(crate) difference_reported: AtomicBool,
    pub(crate) absences: AbsenceCounts,
    pub(crate) store_failures: Throttle,
}

/// A key of the store. The inline length suits the default prefix and slightly longer ones.
pub(crate) type StoreKey = ShortStr<56>;

/// The time for which an emptied session is kept, so that its other requests can still add data.
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

    /// Returns the deadline of a request that has this much time left for the store.
    #[inline]
    pub(crate) fn deadline(&self, left: Duration) -> Deadline {
        Deadline::new(left, self.store().and_then(|store| store.call_timeout()))
    }

    pub(crate) fn store_key(&self, id: &SessionId) -> StoreKey {
        ShortStr::concat([&self.config.key_prefix, id.as_str()])
    }

    pub(crate) fn now(&self) -> u64 {
        self.config.clock.unix_seconds()
    }

    /// Returns the user's key in the store's index.
    pub(crate) fn user_key(&self, user: &str) -> Box<str> {
        [&self.config.key_prefix, "user:", user].concat().into()
    }

    /// Returns the TTL of a session, a little longer than its token is valid, and the user's key in the store's index.
    pub(crate) fn ttl_and_user(&self, data: &SessionMap) -> (Duration, Option<Box<str>>) {
        if is_emptied(data) { (EMPTIED_TTL, None) } else { self.ttl_and_user_of_data(data) }
    }

    /// Returns the TTL and the user's key of a session that is not empty.
    pub(crate) fn ttl_and_user_of_data(&self, data: &SessionMap) -> (Duration, Option<Box<str>>) {
        let meta = Meta::of(data);
        let remaining = meta.remaining(self.config.lifetimes, || self.now());
        (Duration::from_secs(remaining + 1), meta.user.map(|user| self.user_key(&user.id)))
    }

    /// Returns `true` if the session needs a creation time and has none.
    pub(crate) fn lacks_creation_time(&self, data: &SessionMap) -> bool {
        self.config.lifetimes.absolute.is_some() && Meta::of(data).created.is_none()
    }
}
