//! The configuration of sessions: [`SessionConfig`] and its parts.

mod backend_type;
mod builder;
mod error;
mod limits;
pub(crate) mod policy;
mod secret;
mod validate;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Store;
use crate::clock::Clock;
use crate::cookie::{CookieTemplate, SetCookie};
use crate::event::OnEvent;
use crate::format::{Accepted, ForeignTokens};
#[cfg(feature = "metrics")]
use crate::metrics::meter::Meter;
use crate::token::Tokens;

pub use backend_type::{BackendType, UnknownPredefinedBackend};
pub use builder::SessionConfigBuilder;
#[cfg(feature = "serde")]
pub use builder::settings::{SessionSettings, SettingsError};
pub use error::ConfigError;
pub use policy::{OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite};

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
    /// The formats whose sessions are taken over.
    pub(crate) accepted: Option<Arc<[Accepted]>>,
    pub(crate) store: Option<Store>,
    /// The store as it was passed, if `store` wraps it or has the codec of a format.
    pub(crate) store_as_passed: Option<Store>,
    #[cfg(feature = "metrics")]
    pub(crate) meter: Meter,
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
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) request_deadline: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The lifetimes of sessions, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// Without use, unless the session has a lifetime of its own.
    pub(crate) idle: u64,
    /// The longest lifetime that a session can be given.
    pub(crate) longest: u64,
    /// In total, however much the session is used.
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
    /// Starts a configuration with the defaults of starlette-session.
    ///
    /// The key signs the cookies. Pass a string, bytes, or a [`Key`](crate::signer::Key) with its own digest and
    /// derivation. Read the secret from the environment or a secret store; `openssl rand -base64 32` makes one.
    /// [`development`](SessionConfigBuilder::development) needs no secret, and
    /// [`hardened`](SessionConfigBuilder::hardened) has stricter settings.
    pub fn builder(signing_key: impl Into<crate::signer::Key>, cookie_name: impl Into<String>) -> SessionConfigBuilder {
        SessionConfigBuilder::new(signing_key.into(), cookie_name.into())
    }

    /// Returns the name of the session cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.cookie.name
    }

    /// Returns `true` if the session itself lives in the cookie.
    #[must_use]
    pub fn is_cookie_mode(&self) -> bool {
        self.store.is_none()
    }

    /// Returns `true` if sessions of this configuration are those of the other: same keys, salt, mode, store and key prefix.
    pub(crate) fn shares_sessions_with(&self, other: &Self) -> bool {
        let same_store = match (self.passed_store(), other.passed_store()) {
            (None, None) => true,
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            _ => false,
        };
        same_store
            && self.key_prefix == other.key_prefix
            && match (&self.format, &other.format) {
                (None, None) => self.tokens.same_as(&other.tokens),
                (Some(own), Some(others)) => own.same_as(others),
                _ => false,
            }
    }
}

impl SessionConfig {
    /// Returns the store as it was passed, which several configurations can share.
    pub(crate) fn passed_store(&self) -> Option<&Store> {
        self.store_as_passed.as_ref().or(self.store.as_ref())
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

/// The connections over which browsers send the cookie. `true` converts into [`Only`](Self::Only), `false` into
/// [`Optional`](Self::Optional).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Https {
    /// HTTP and HTTPS.
    #[default]
    Optional,
    /// HTTPS only: the cookie has the `Secure` attribute.
    Only,
}

impl From<bool> for Https {
    fn from(only: bool) -> Self {
        if only { Self::Only } else { Self::Optional }
    }
}
