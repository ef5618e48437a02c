//! Opens the session of a request and commits it with the response.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::AtomicBackend;
use crate::budget::Budget;
use crate::config::SessionConfig;
use crate::cookie::SetCookie;
use crate::handle::Shared;
use crate::meta::Meta;
use crate::sync::StripedLock;
use crate::text::Text;
use crate::token::{ID_KEY, id_payload};
use crate::{SessionError, SessionHandle, SessionId, SessionMap};

/// Opens the session of each request, and commits it when the response is there: all that an adapter needs.
///
/// Cheap to clone; clones share the backend and the locks.
///
/// ```
/// use session_core::{SessionConfig, SessionManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = SessionManager::new(SessionConfig::builder("at least 32 bytes from a secret store", "id").build()?);
///
/// // A first request, without a cookie.
/// let handle = manager.open([]);
/// let session = handle.load().await?;
/// session.insert("user", "ann")?;
/// let commit = handle.commit(200).await;
/// let set_cookie = commit.set_cookie.expect("a new session has a cookie");
///
/// // The next one brings it back.
/// let cookie = set_cookie.split(';').next().unwrap_or_default();
/// let handle = manager.open([cookie.as_bytes()]);
/// assert_eq!(handle.load().await?.get::<String>("user")?.as_deref(), Some("ann"));
/// assert_eq!(handle.commit(200).await.set_cookie, None);
/// # Ok(())
/// # }
/// ```
///
/// # Writing an adapter
///
/// An adapter brings a session to the handlers of a framework, and decides nothing of its own:
///
/// 1. Make one manager of a configuration, and share it among all threads: with it they share the store and the locks.
/// 2. For each request, [`open`](Self::open) with the values of all its `Cookie` headers, and put the handle where handlers
///    and middleware find it: into the request's extensions. If there is a handle of a layer further out, keep it with
///    [`SessionHandle::nest_in`].
/// 3. Offer extractors for the handle and, by [`SessionHandle::load`], for the session. Load nothing that nobody has asked
///    for.
/// 4. When the handler has answered, and before the head of the response is sent, [`commit`](SessionHandle::commit) with the status:
///    that of the response which an error will make, or 500 where there will be none.
///    [`try_commit`](SessionHandle::try_commit) spares most responses the wait.
/// 5. If [`Commit::error`] is set, answer with a response that reports it, by [`SessionError::status`],
///    [`SessionError::retry_after`] and [`SessionError::public_message`], with `Cache-Control: no-store`. Let users replace
///    it, together with those that extractors and handlers make of session errors.
/// 6. In either case add the headers: set `Cache-Control` to [`Commit::cache_control`], append [`Commit::vary`] and
///    [`Commit::set_cookie`]. Others that the handler has set stay. Where the response is replaced, what sessions further in
///    had to add must not get lost.
/// 7. Nothing more for upgrades and streams: their commit is that of the head, and handlers that keep the [`Session`] go on
///    with [`Session::save`]. A request that is dropped or panics commits nothing.
///
/// `session_testkit::scenarios` has the tests, and a whole adapter without a framework as its example.
///
/// [`Session`]: crate::Session
/// [`Session::save`]: crate::Session::save
#[derive(Clone)]
pub struct SessionManager {
    pub(crate) core: Arc<Core>,
}

/// What all requests share.
pub(crate) struct Core {
    pub(crate) config: SessionConfig,
    /// Held by commits that have met a conflict, so that writers of one session in this process queue up.
    pub(crate) write_locks: StripedLock,
}

impl SessionManager {
    /// A manager with this configuration. All managers of one configuration, or of clones of it, keep the promises
    /// together.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self { core: Arc::new(Core { config, write_locks: StripedLock::default() }) }
    }

    /// The session of a request, from the values of its `Cookie` headers. Keeps a copy of them, and does no more.
    #[must_use]
    pub fn open<'a>(&self, cookie_headers: impl IntoIterator<Item = &'a [u8]>) -> SessionHandle {
        SessionHandle::new(self.clone(), cookie_headers)
    }

    /// The name of the session's cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.core.config.cookie_name()
    }
}

/// The result of [`SessionHandle::try_commit`].
#[derive(Debug)]
#[must_use = "the response has to carry the commit"]
pub enum CommitState {
    /// The session is committed.
    Ready(Commit),
    /// The store has to be asked.
    Pending(PendingCommit),
}

/// A commit for which the store has to be asked. What a failed response rules out is dropped already;
/// what else was begun is repeated.
#[must_use = "the session is not committed before it is finished"]
pub struct PendingCommit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) status: u16,
}

impl PendingCommit {
    /// Commits, see [`SessionHandle::commit`]. In a box, since the future takes a kilobyte, and adapters keep it beside the
    /// response.
    pub fn finish(self) -> Pin<Box<dyn Future<Output = Commit> + Send>> {
        // `Box::pin` would make it elsewhere, ask for memory, and move it.
        let place = Box::new_uninit();
        let commit: Pin<Box<_>> = Box::write(place, self.shared.commit(self.status)).into();
        commit
    }
}

impl std::fmt::Debug for PendingCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingCommit").field("status", &self.status).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionManager").field("config", &self.core.config).finish_non_exhaustive()
    }
}

/// What a response has to carry on behalf of its session.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "the response has to carry this"]
pub struct Commit {
    /// The value of a `Set-Cookie` header to append. Such a response must not be cached: see [`Self::cache_control`].
    pub set_cookie: Option<SetCookie>,
    /// The session was used: `Vary` has to name `Cookie`; see [`Self::vary`].
    pub session_used: bool,
    /// The session could not be kept: the response is to be replaced by one that reports this.
    pub error: Option<SessionError>,
}

impl Commit {
    /// The value that a `Cache-Control` header must be set to, given the values that the response has: `no-store` if the
    /// response sets the cookie, unless it says `no-store` or `private` already (RFC 9111, section 7.3).
    pub fn cache_control<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let uncached = |value: &'a [u8]| has_member(value, b"no-store") || has_member(value, b"private");
        (self.set_cookie.is_some() && !existing.into_iter().any(uncached)).then_some("no-store")
    }

    /// The value of a `Vary` header to append, given the values that the response has: `Cookie` if the session was used,
    /// unless it is there already (RFC 9110, section 12.5.5).
    pub fn vary<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let varies = |value: &'a [u8]| has_member(value, b"cookie") || has_member(value, b"*");
        (self.session_used && !existing.into_iter().any(varies)).then_some("Cookie")
    }
}

/// Whether a comma-separated header value has this member, its parameters aside.
fn has_member(value: &[u8], member: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .filter_map(|part| part.split(|&byte| byte == b'=').next())
        .any(|name| name.trim_ascii().eq_ignore_ascii_case(member))
}

impl Core {
    /// The store's operations; none where sessions live in the cookie.
    pub(crate) fn store(&self) -> Option<&dyn AtomicBackend> {
        self.config.store.as_deref()
    }

    /// Whether the store answers at once.
    pub(crate) fn never_waits(&self) -> bool {
        self.store().is_some_and(|store| store.answers_at_once())
    }

    /// For a request that may ask the store for so long.
    pub(crate) fn budget(&self, left: Duration) -> Budget {
        Budget::new(left, self.longest_wait())
    }

    fn longest_wait(&self) -> Option<Duration> {
        self.store()?.call_timeout()
    }

    pub(crate) fn is_cookie_mode(&self) -> bool {
        self.config.is_cookie_mode()
    }

    pub(crate) fn store_key(&self, id: &SessionId) -> StoreKey {
        Text::concat([&self.config.key_prefix, id.as_str()])
    }

    pub(crate) fn now(&self) -> u64 {
        self.config.clock.unix_seconds()
    }

    /// Whether a key of the session map belongs to the library.
    pub(crate) fn is_reserved(&self, key: &str) -> bool {
        key == crate::meta::META_KEY || (key == ID_KEY && self.is_cookie_mode())
    }

    /// How long the store keeps a session: a little longer than its token is good for.
    pub(crate) fn store_expiry(&self, map: &SessionMap) -> Duration {
        let remaining = Meta::of(map).remaining(self.config.lifetimes, || self.now());
        Duration::from_secs(remaining + 1)
    }

    /// The header that gives the client its session: the id of a stored one, else the session itself.
    pub(crate) fn issue_cookie(&self, id: Option<&SessionId>, map: &SessionMap) -> Result<SetCookie, SessionError> {
        let now = self.now();
        let max_age = Meta::of(map).remaining(self.config.lifetimes, || now);
        let payload = id.map_or_else(|| map.json(), |id| id_payload(id).into());
        let tokens = &self.config.tokens;
        let (header, bytes) = self
            .config
            .cookie
            .set(tokens.len(payload.len(), now), max_age, |out| tokens.issue(payload.as_bytes(), now, out));
        if bytes > crate::cookie::MAX_COOKIE_BYTES {
            return Err(SessionError::CookieTooLarge { bytes });
        }
        Ok(header)
    }
}

/// What the store knows a session by, with a prefix that is not much longer than the default one.
pub(crate) type StoreKey = Text<56>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::{Attributes, CookieTemplate};

    #[test]
    fn responses_that_set_the_cookie_are_not_stored_by_caches() {
        let removal = CookieTemplate::new("id", Attributes::default(), 60, true).removal();
        let commit = Commit { set_cookie: Some(removal), ..Commit::default() };
        for absent in ["", "public, max-age=60", "x-private", "no-cache"] {
            assert_eq!(commit.cache_control([absent.as_bytes()]), Some("no-store"), "{absent}");
        }
        for present in ["no-store", "max-age=60, Private", "private=\"x\""] {
            assert_eq!(commit.cache_control([present.as_bytes()]), None, "{present}");
        }
        assert_eq!(Commit::default().cache_control([]), None);
    }

    #[test]
    fn responses_that_used_the_session_vary_by_cookie() {
        let commit = Commit { session_used: true, ..Commit::default() };
        assert_eq!(commit.vary([]), Some("Cookie"));
        assert_eq!(commit.vary([&b"Accept-Encoding"[..], b"Origin"]), Some("Cookie"));
        for present in ["*", "cookie", "Accept, Cookie"] {
            assert_eq!(commit.vary([present.as_bytes()]), None, "{present}");
        }
        assert_eq!(Commit::default().vary([]), None);
    }
}
