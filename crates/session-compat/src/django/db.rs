//! The sessions that Django keeps in its database.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use session_core::format::{Format, FormatKeys, FormatSettings, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, Clock, SessionCodec, SessionMap, SystemClock};

use super::bare_ids::BareIds;
use super::common_settings;
use super::expiry::{from_expiry, to_expiry};
use super::signing::Signer;
use crate::packed::{pack, unpack};

/// The salt of the class `SessionStore` in the engines `db` and `cached_db`.
const SALT: &str = "django.contrib.sessions.SessionStore";

/// The sessions of Django's engine `db`, its default: rows of the table `django_session`.
///
/// Pass it to the configuration, and to `SqlBackendBuilder::django` of session-sql, which also needs the feature
/// `django-db`. The service in Django and its table need no change.
///
/// | Django | here |
/// |---|---|
/// | `SECRET_KEY` | [`DjangoDb::new`]: it signs the rows. The cookie is the bare key of the session |
/// | `SECRET_KEY_FALLBACKS` | [`DjangoDb::fallback`], once for each |
/// | `DATABASES` | the URL of the backend; `USE_TZ` must be on, as it is by default |
/// | `SESSION_COOKIE_NAME` | the second argument of [`SessionConfig::builder`](session_core::SessionConfig::builder); [`DjangoDb::COOKIE_NAME`] is Django's default |
/// | `SESSION_COOKIE_AGE` | [`max_age`](session_core::SessionConfigBuilder::max_age); 14 days on both sides by default |
/// | `SESSION_EXPIRE_AT_BROWSER_CLOSE` | [`browser_session`](session_core::SessionConfigBuilder::browser_session) |
/// | `SESSION_SAVE_EVERY_REQUEST = True` | [`Refresh::Always`](session_core::Refresh::Always): a use extends the session |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::DjangoDb;
/// use session_core::SessionConfig;
///
/// # fn sql_backend(_: DjangoDb) -> MemoryBackend { MemoryBackend::new() }
/// # let (secret_key, secret) = ("0d6c1a7be2f94c53a8b1d0e7f6253948", "7f0e1c93b5a24d68a1c2e3f405162738");
/// let django = DjangoDb::new(secret_key);
/// // With session-sql: SqlBackend::builder().django(django.clone()).connect("postgres://localhost/site")?
/// let backend = sql_backend(django.clone());
/// let config = SessionConfig::builder(secret, DjangoDb::COOKIE_NAME).format(django).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # What is read and written
///
/// `session_data` is the JSON text of the session in Django's signed form, compressed if that is shorter. Characters
/// that are not ASCII are escaped, because Django reads Latin-1. A row is unreadable if its signature is
/// wrong, or if Django wrote it with a `SESSION_SERIALIZER` other than its `JSONSerializer`. Such a row counts as absent
/// by default ([`OnCorrupt`](session_core::OnCorrupt)), and stays for Django.
///
/// # Move route by route
///
/// 1. Create the table of markers with `SqlBackend::create_table`, or with session-sql's SQL file in a Django migration
///    (`RunSQL`). Django does not use this table.
/// 2. Start the Rust service with Django's `SECRET_KEY` and database, and let the proxy send one route to it. Both
///    services must have the same host name, so that browsers send `sessionid` to both:
///
///    ```text
///    location /account/ { proxy_pass http://127.0.0.1:3000; }
///    location /         { proxy_pass http://127.0.0.1:8000; }
///    ```
/// 3. Read the signed-in user with `session.get::<String>("_auth_user_id")`, which is the primary key in `auth_user`.
///    Check in that table that the user is active, as Django does with each request.
/// 4. Django's middleware checks the CSRF token of forms that are sent to Django. Check forms that are sent to Rust as
///    well. Django's cookie `csrftoken` is not part of the session.
/// 5. To go back, change the proxy again, because Django can read the sessions that Rust has written. Then drop the
///    table `django_session_markers`.
///
/// Login, data, expiry and logout are shared. [`destroy`](session_core::Session::destroy) logs out on both sides. Messages
/// in Django's cookie `messages` are not part of the session. Move routes that change the same session at the same time
/// together.
///
/// # Logins
///
/// `django.contrib.auth` keeps three keys: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`. In Rust, a
/// session with an `_auth_user_id` is that of a user whom Django has logged in. Don't change the three keys, because
/// Django logs out a user whose hash is missing. To log a user in for Django too, set all three keys;
/// [`django_auth_hash`](crate::django_auth_hash) makes the hash from the user's column `password`.
///
/// # Expiry
///
/// A row whose `expire_date` has passed counts as absent on both sides. `set_expiry(seconds)` in Django is the
/// session's [lifetime](session_core::Session::lifetime), and [`set_lifetime`](session_core::Session::set_lifetime)
/// writes it. Django's `clearsessions` deletes expired rows. Rust deletes only expired markers.
///
/// # What is lost
///
/// - A request of Django that has changed its session stores the whole session. If it had read the session before a
///   write of Rust, it undoes that write. A removed session stays removed, because Django responds with 400 to a write
///   to a missing row.
/// - The engine `cached_db` reads a cache first. It needs the backend [`DjangoCachedDb`](crate::DjangoCachedDb).
/// - A user's sessions can't be listed or counted, because Django's table has no column for the user.
#[derive(Clone)]
pub struct DjangoDb {
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl DjangoDb {
    /// The default name of Django's session cookie.
    pub const COOKIE_NAME: &str = "sessionid";

    /// Makes the format for a Django service with this `SECRET_KEY`.
    #[must_use]
    pub fn new(secret_key: impl AsRef<[u8]>) -> Self {
        Self { signer: Signer::new([secret_key.as_ref()], SALT), clock: Arc::new(SystemClock) }
    }

    /// Adds a secret of `SECRET_KEY_FALLBACKS`. Rows that it has signed can be read, and the next change signs them
    /// with the `SECRET_KEY`.
    #[must_use]
    pub fn fallback(mut self, secret_key: impl AsRef<[u8]>) -> Self {
        self.signer.verify_by(secret_key.as_ref(), SALT);
        self
    }

    /// Sets the clock for the dates in the rows' signatures; default the system's. No reader uses these dates.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for DjangoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoDb").finish_non_exhaustive()
    }
}

impl Format for DjangoDb {
    fn name(&self) -> &'static str {
        "django-db"
    }

    fn settings(&self) -> FormatSettings {
        common_settings(FormatSettings::in_store(""))
    }

    fn tokens(&self, _: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        Some(Box::new(BareIds))
    }
}

impl SessionCodec for DjangoDb {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let failed = || BackendError::new(BackendErrorKind::Other, Applied::No);
        session.validate().map_err(|error| failed().with_source(error))?;
        let mut session = session.clone();
        to_expiry(&mut session).map_err(|error| failed().with_source(error))?;
        let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut text = Vec::new();
        self.signer.sign(&pack(&session.as_json()), now, &mut text);
        Ok(text)
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let signed = self.signer.verify(bytes).ok_or_else(|| {
            corrupt().with_source("session_data has no signature by SECRET_KEY, or is that of another SessionStore")
        })?;
        let session = unpack(signed.payload).filter(|session| session.as_json().is_ascii());
        let mut session =
            session.ok_or_else(|| corrupt().with_source("session_data holds no object in the JSON of Django"))?;
        from_expiry(&mut session).map_err(|error| corrupt().with_source(error))?;
        Ok(session)
    }
}
