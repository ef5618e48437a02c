//! How sessions are kept: [`SessionConfig`] and its parts.

mod backend_type;
mod builder;
mod error;
mod secret;
mod validate;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Store;
use crate::clock::Clock;
use crate::cookie::{CookieTemplate, SetCookie};
use crate::format::ForeignTokens;
use crate::token::Tokens;
use crate::user::OnSessionLimit;

pub use backend_type::{BackendType, UnknownPredefinedBackend};
pub use builder::SessionConfigBuilder;
pub use error::ConfigError;

/// A checked configuration, from which a [`SessionManager`](crate::SessionManager) or an adapter's layer is made.
///
/// | parameter of starlette-session | here | default |
/// |---|---|---|
/// | `secret_key` | first argument of [`builder`](Self::builder) | required |
/// | `cookie_name` | second argument of [`builder`](Self::builder) | required |
/// | `max_age` | [`max_age`](SessionConfigBuilder::max_age) | 14 days |
/// | `same_site` | [`same_site`](SessionConfigBuilder::same_site) | `Lax` |
/// | `https_only` | [`https_only`](SessionConfigBuilder::https_only) | `false` |
/// | `domain` | [`domain`](SessionConfigBuilder::domain) | none |
/// | `backend_type` | [`backend_type`](SessionConfigBuilder::backend_type) | cookie |
/// | `backend_client`, `custom_session_backend` | [`backend`](SessionConfigBuilder::backend) | none |
///
/// ```no_run
/// use std::time::Duration;
/// use session_core::SessionConfig;
///
/// let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session")
///     .max_age(Duration::from_secs(7 * 24 * 3600))
///     .https_only(true)
///     .build()?;
/// assert_eq!(config.cookie_name(), "session");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionConfig {
    pub(crate) cookie: CookieTemplate,
    /// The headers that remove the cookies of former configurations.
    pub(crate) former_removals: Option<Arc<[SetCookie]>>,
    pub(crate) tokens: Tokens,
    /// The reader and writer of cookies in a foreign format, in place of `tokens`.
    pub(crate) format: Option<Arc<ForeignTokens>>,
    pub(crate) store: Option<Store>,
    pub(crate) key_prefix: Box<str>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) refresh: Refresh,
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) on_gone: OnGone,
    pub(crate) on_corrupt: OnCorrupt,
    pub(crate) commit_on_server_error: bool,
    pub(crate) max_session_bytes: usize,
    pub(crate) max_keys: usize,
    pub(crate) session_limit: Option<SessionLimit>,
    pub(crate) request_deadline: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// How long sessions last, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// Without use, unless the session has a lifetime of its own.
    pub(crate) idle: u64,
    /// The longest lifetime that a session can be given.
    pub(crate) longest: u64,
    /// In all, whatever the use.
    pub(crate) absolute: Option<u64>,
    /// Cookies have no `Max-Age`, unless a session has a lifetime of its own.
    pub(crate) browser: bool,
}

/// The number of sessions that a user may have at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionLimit {
    pub(crate) max_sessions: usize,
    pub(crate) on_limit: OnSessionLimit,
}

impl SessionConfig {
    /// A configuration with the defaults of starlette-session.
    ///
    /// The key signs the cookies: a text, bytes, or a [`Key`](crate::signer::Key) with digest and derivation of its own. Read
    /// the secret from the environment or a secret store; `openssl rand -base64 32` makes one.
    /// [`development`](SessionConfigBuilder::development) needs none, and [`hardened`](SessionConfigBuilder::hardened) has the
    /// settings for sessions that matter.
    pub fn builder(signing_key: impl Into<crate::signer::Key>, cookie_name: impl Into<String>) -> SessionConfigBuilder {
        SessionConfigBuilder::new(signing_key.into(), cookie_name.into())
    }

    /// The cookie's name.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.cookie.name
    }

    /// Returns `true` if the session itself lives in the cookie.
    #[must_use]
    pub fn is_cookie_mode(&self) -> bool {
        self.store.is_none()
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("cookie", &self.cookie)
            .field("cookie_mode", &self.is_cookie_mode())
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

/// The connections over which browsers send the cookie. `bool` converts: `true` is [`Only`](Self::Only).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Https {
    /// HTTP and HTTPS.
    #[default]
    Optional,
    /// HTTPS only: the cookie is `Secure`.
    Only,
}

impl From<bool> for Https {
    fn from(only: bool) -> Self {
        if only { Self::Only } else { Self::Optional }
    }
}

/// The `SameSite` attribute: which requests from other sites carry the cookie (RFC 6265bis, section 5.6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// None of them, not even a followed link.
    Strict,
    /// Followed links only.
    #[default]
    Lax,
    /// All. Browsers take it with `Secure` only.
    None,
}

impl SameSite {
    /// The name it is parsed from: `lax`, `strict` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lax => "lax",
            Self::None => "none",
        }
    }
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Takes the names in any case.
impl std::str::FromStr for SameSite {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let known = [Self::Lax, Self::Strict, Self::None];
        let found = known.into_iter().find(|same_site| same_site.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| ConfigError::SameSite { given: name.to_owned() })
    }
}

/// The time when a session in use gets a new cookie and a new expiry.
///
/// The default is [`Tenth`](Self::Tenth) for sessions in a store, and [`HalfLife`](Self::HalfLife) for sessions in the
/// cookie, where each refresh sends the data again. The issue time is in the token, so that a request whose refresh is not
/// due needs no extra call of the store. A token that was verified by any key but the signing key is always due. Requests
/// that never ask for the session refresh nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// After a tenth of the session's lifetime: a session lasts its lifetime without use, precise to a tenth.
    Tenth,
    /// After half of the session's lifetime.
    HalfLife,
    /// After this time.
    After(Duration),
    /// With every request that uses the session.
    Always,
    /// Not by reading. A change renews the cookie once a tenth of the session's lifetime has passed.
    Never,
}

/// Which of several cookies of the session's name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// The last one that verifies, as in Python.
    #[default]
    Last,
    /// The first one, as in Flask and Express. If it does not verify, there is no session.
    First,
    /// The one that verifies and was issued last.
    Newest,
    /// No cookie, if more than one verifies and they differ: a subdomain can plant cookies.
    Reject,
}

/// The answer to a request whose changes could not be kept, because its session was renewed or has vanished.
///
/// A request that called `take` or `renew` is always answered with 409. After a *logout* by another request, other changes
/// are always dropped and the response stays as it is, as if they had come just before the logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnGone {
    /// 409 Conflict: the changes could not be kept.
    #[default]
    Conflict,
    /// The response as it is: the changes are dropped.
    Drop,
}

/// The answer to a request whose stored session can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCorrupt {
    /// An empty session, under a new id when it is written to; the stored value is left where it is. Logged as an error.
    #[default]
    Absent,
    /// 500 Internal Server Error.
    Fail,
}
