//! The sessions that Django keeps in a cache on Redis.

use std::borrow::Cow;
use std::sync::Arc;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use session_core::format::{Format, FormatKeys, FormatSettings, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, SessionCodec, SessionMap};

use super::bare_ids::BareIds;
use super::common_settings;
use super::expiry::{from_expiry, to_expiry};
use crate::pickle::{read, write};

/// The longest value that zlib data may expand to, which is also the default limit of backends.
const MAX_BYTES: usize = 1 << 20;

/// The sessions of Django's engine `cache` on Redis, by Django's own `RedisCache` or the package django-redis.
///
/// Pass it to the configuration. The service in Django needs no change.
///
/// | Django | here |
/// |---|---|
/// | `SESSION_COOKIE_NAME` | the second argument of [`SessionConfig::builder`](session_core::SessionConfig::builder); [`DjangoCache::COOKIE_NAME`] is Django's default |
/// | `SECRET_KEY` | no counterpart: the cookie is the bare id of the session. The Rust service needs its own secret |
/// | `KEY_PREFIX` and `VERSION` of the cache | [`DjangoCache::key_prefix`] |
/// | django-redis' `JSONSerializer` | [`DjangoCache::json`] |
/// | `SESSION_COOKIE_AGE` | [`max_age`](session_core::SessionConfigBuilder::max_age); 14 days on both sides by default |
/// | `SESSION_EXPIRE_AT_BROWSER_CLOSE` | [`browser_session`](session_core::SessionConfigBuilder::browser_session) |
/// | `SESSION_SAVE_EVERY_REQUEST = True` | [`Refresh::Always`](session_core::Refresh::Always): a use extends the session |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::DjangoCache;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// # let backend = MemoryBackend::new();
/// let django = DjangoCache::new();
/// // With session-redis: let backend = RedisBackend::connect("redis://localhost")?;
/// let config = SessionConfig::builder(secret, DjangoCache::COOKIE_NAME).format(django).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # What is read and written
///
/// Pickles are read and written, or JSON if [`json`](Self::json) is set. Values that django-redis has compressed with
/// zlib are read too. The reader of pickles runs no code. It refuses a session that has a value which JSON can't
/// represent exactly: a tuple, `bytes`, `datetime`, `Decimal`, an object of a model. Such a session counts as absent by
/// default ([`OnCorrupt`](session_core::OnCorrupt)), and its stored value stays for Django. The log names the key and
/// the type.
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Django, under one host
///   name. `SESSION_COOKIE_PATH` must cover the paths of both.
/// - **Move first** the routes that only read. Watch the log for sessions with values that JSON can't carry, and store
///   such values as text in Django.
/// - **Move together** the routes that change a session at the same time, because Django stores it as a whole.
/// - **Shared:** login, data, expiry and logout. [`destroy`](session_core::Session::destroy) logs out on both sides, as
///   `request.session.flush()` does. Not shared: the check of Django's CSRF token, which forms that are sent to Rust
///   need as well, and messages in Django's cookie `messages`.
/// - **To go back**, undo the rule of the proxy. Django reads each session of Rust.
///
/// # Logins
///
/// `django.contrib.auth` keeps three keys: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`. In Rust, a
/// session with an `_auth_user_id` is that of a user whom Django has logged in. Don't change the three keys, because
/// Django logs out a user whose hash is missing. The hash depends on the user's column `password`, so let Django log
/// users in.
///
/// # Expiry
///
/// `set_expiry(seconds)` in Django is the session's [lifetime](session_core::Session::lifetime), and
/// [`set_lifetime`](session_core::Session::set_lifetime) writes it.
///
/// # What is lost
///
/// - A request of Django that has changed its session stores the whole session. If it had read the session before a
///   write of Rust, it undoes that write. A removed session stays removed, because Django writes only to existing keys
///   (except for a race within Django).
/// - The engine `cached_db` also keeps sessions in the database, which this format does not write. It needs the backend
///   `DjangoCachedDb` of the feature `django-db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DjangoCache {
    key_prefix: Cow<'static, str>,
    json: bool,
}

impl DjangoCache {
    /// The default name of Django's session cookie.
    pub const COOKIE_NAME: &str = "sessionid";

    /// Makes the format for Django's default settings.
    #[must_use]
    pub fn new() -> Self {
        Self { key_prefix: ":1:django.contrib.sessions.cache".into(), json: false }
    }

    /// Sets `KEY_PREFIX` and `VERSION` of the cache; by default empty and 1.
    #[must_use]
    pub fn key_prefix(mut self, prefix: &str, version: u64) -> Self {
        self.key_prefix = format!("{prefix}:{version}:django.contrib.sessions.cache").into();
        self
    }

    /// Reads and writes JSON instead of pickles.
    #[must_use]
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }
}

impl Default for DjangoCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for DjangoCache {
    fn name(&self) -> &'static str {
        "django-cache"
    }

    fn settings(&self) -> FormatSettings {
        common_settings(FormatSettings::in_store(self.key_prefix.clone()))
    }

    fn tokens(&self, _: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        Some(Box::new(BareIds))
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(self.clone()))
    }
}

impl SessionCodec for DjangoCache {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let failed = || BackendError::new(BackendErrorKind::Other, Applied::No);
        session.validate().map_err(|error| failed().with_source(error))?;
        let mut session = session.clone();
        to_expiry(&mut session).map_err(|error| failed().with_source(error))?;
        if self.json {
            return Ok(session.into_json().into_bytes());
        }
        write(&session).map_err(|error| failed().with_source(error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let bytes = match bytes.first() {
            // The first byte of zlib's texts.
            Some(b'x') => {
                let plain = decompress_to_vec_zlib_with_limit(bytes, MAX_BYTES);
                // The error of zlib holds data that was read, so only its status is passed on.
                Cow::Owned(plain.map_err(|error| corrupt().with_source(format!("zlib: {:?}", error.status)))?)
            }
            _ => Cow::Borrowed(bytes),
        };
        let mut session = if self.json {
            SessionMap::from_slice(&bytes)?
        } else {
            SessionMap::from_json(read(&bytes).map_err(|error| corrupt().with_source(error))?)?
        };
        from_expiry(&mut session).map_err(|error| corrupt().with_source(error))?;
        Ok(session)
    }
}
