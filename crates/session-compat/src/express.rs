//! Sessions of express-session in Redis, as connect-redis stores them.

mod cookie;
mod date;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use session_core::format::{Format, FormatKeys, FormatSettings, StoredRecord, TokenFormat};
use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, OnDuplicate, SessionCodec, SessionMap, SystemClock,
};

use crate::entry::with_first;
use cookie::{COOKIE_KEY, Cookie};
use token::Tokens;

/// The time for which connect-redis keeps a session whose cookie has no `maxAge`.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 3600);

/// The sessions of Express with express-session and connect-redis.
///
/// Pass it to the configuration. The service in Express needs no change.
///
/// | Express | here |
/// |---|---|
/// | `secret` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | further secrets | [`verify_key`](session_core::SessionConfigBuilder::verify_key): the first secret signs, all verify |
/// | `name` | the second argument of the builder; [`Express::COOKIE_NAME`] is Express's default |
/// | `cookie.maxAge` | [`Express::max_age`] |
/// | `RedisStore`'s `prefix` | [`key_prefix`](session_core::SessionConfigBuilder::key_prefix); default `sess:` |
/// | `RedisStore`'s `ttl` | [`SessionConfigBuilder::max_age`](session_core::SessionConfigBuilder::max_age) |
/// | `rolling: true` | [`Refresh::Always`](session_core::Refresh::Always) |
/// | `disableTouch: true` | [`Refresh::Never`](session_core::Refresh::Never) |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::Express;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// # let backend = MemoryBackend::new();
/// // With session-redis: let backend = RedisBackend::connect("redis://localhost")?;
/// let config = SessionConfig::builder(secret, Express::COOKIE_NAME).format(Express::new()).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Express, under one
///   host name. If `cookie.secure` is set, the proxy terminates TLS: Express then needs `app.set("trust proxy", 1)`, or
///   it sends no cookie, and Rust needs [`https_only(true)`](session_core::SessionConfigBuilder::https_only).
/// - **Move first** the routes that only read. A login of Passport is `{"user": …}` under the key `passport`.
/// - **Move together** the routes that write at the same time, such as those that one page calls, because Express
///   stores a session as a whole.
/// - **Shared:** login, data, expiry, renewal and logout. If Express calls `regenerate` at a login, call
///   [`renew`](session_core::Session::renew), which keeps the data.
/// - **To go back**, undo the rule of the proxy. Express reads each session that Rust has written.
///
/// # The cookie
///
/// | Express | here |
/// |---|---|
/// | `Expires` | `Max-Age`, with the same time |
/// | `cookie.sameSite`, by default none | [`same_site`](session_core::SessionConfigBuilder::same_site), by default `Lax` |
/// | `cookie.secure`, `cookie.domain`, `cookie.path` | `https_only`, `domain`, `path` of the builder |
/// | `cookie.httpOnly: false` | [`danger_allow_script_access`](session_core::SessionConfigBuilder::danger_allow_script_access) |
/// | `cookie.partitioned` | [`partitioned`](session_core::SessionConfigBuilder::partitioned), with `https_only` |
/// | `cookie.priority` | not sent |
///
/// # The `cookie` object
///
/// express-session keeps the settings of its cookie in each stored session, and responds with 500 to a session without
/// them. Handlers in Rust don't see this object. It is kept unchanged, and added to sessions that begin in Rust. The
/// data of a session can't have a key `cookie`: a write of that key fails the commit.
///
/// `originalMaxAge` is the session's [lifetime](session_core::Session::lifetime), and
/// [`set_lifetime`](session_core::Session::set_lifetime) changes it. A lifetime beyond the configured
/// [`longest_max_age`](session_core::SessionConfigBuilder::longest_max_age) is shortened to it. Each write sets
/// `expires`.
///
/// # Expiry
///
/// The token has no time of issue, so a session ends when the store drops it. As in express-session, each use in Rust
/// extends the stored session, which is one more call. The client's cookie is sent again only when the session changes.
///
/// # What is lost
///
/// - A request of Express that has changed its session stores the whole session. If it had read the session before a
///   write of Rust, it undoes that write, even a logout.
/// - JavaScript rounds integers beyond 2^53 when Express writes a session.
/// - Express drops keys that are also names of its session object's members: `id`, `req`, `save`, `touch`, `reload`,
///   `destroy`, `regenerate`, `resetMaxAge`, `toString`, `constructor`.
/// - `destroy` in Express does not remove the cookie. Both services treat such a cookie as one without a session.
#[derive(Clone)]
pub struct Express {
    max_age: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Express {
    /// The default name of express-session's cookie.
    pub const COOKIE_NAME: &str = "connect.sid";

    /// Returns the format of an Express whose cookies end with the browser, as they do by default.
    #[must_use]
    pub fn new() -> Self {
        Self { max_age: None, clock: Arc::new(SystemClock) }
    }

    /// Sets the `cookie.maxAge` of Express, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets the clock by which `expires` is written; default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn now_ms(&self) -> u64 {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Express {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Express {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Express").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

impl Format for Express {
    fn name(&self) -> &'static str {
        "express"
    }

    fn settings(&self) -> FormatSettings {
        let settings = FormatSettings::in_store("sess:").on_duplicate(OnDuplicate::First);
        match self.max_age {
            Some(max_age) => settings.max_age(max_age),
            None => settings.max_age(DEFAULT_TTL).browser_session(true),
        }
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        Some(Box::new(Tokens::new(keys)))
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(self.clone()))
    }
}

impl SessionCodec for Express {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        session.validate().map_err(|error| unwritable().with_source(error))?;
        let mut rest = session.clone();
        let mut record = StoredRecord::detach(&mut rest);
        if rest.contains_key(COOKIE_KEY) {
            return Err(unwritable().with_source("express-session keeps its own data under the session key \"cookie\""));
        }
        let mut cookie = Cookie::parse(record.take_foreign().as_deref());
        let default = if record.browser { None } else { self.max_age.map(|max_age| max_age.as_secs()) };
        cookie
            .set_max_age(record.max_age.or(default), self.now_ms())
            .map_err(|error| unwritable().with_source(error))?;
        (record.max_age, record.browser) = (None, false);
        record.attach(&mut rest).map_err(|error| unwritable().with_source(error))?;

        Ok(with_first(&[r#""cookie":"#, &cookie.into_json()].concat(), rest).into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let mut session = SessionMap::from_slice(bytes)?;
        let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let Some(json) = session.raw_json(COOKIE_KEY).map(str::to_owned) else { return Ok(session) };
        session.remove(COOKIE_KEY);
        let mut record = StoredRecord::detach(&mut session);
        let cookie = Cookie::parse(Some(&json));
        (record.max_age, record.browser) = (cookie.max_age(), cookie.max_age().is_none());
        record.set_foreign(&cookie.into_json()).map_err(|error| corrupt().with_source(error))?;
        record.attach(&mut session).map_err(|error| corrupt().with_source(error))?;
        Ok(session)
    }
}

fn unwritable() -> BackendError {
    BackendError::new(BackendErrorKind::Other, Applied::No)
}
