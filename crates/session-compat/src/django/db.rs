//! The sessions that Django keeps in its database.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use session_core::format::{Format, FormatKeys, FormatSettings, TokenFormat};
use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, OnDuplicate, SessionCodec, SessionMap, SystemClock,
};

use super::bare_ids::BareIds;
use super::expiry::{from_expiry, to_expiry};
use super::signing::Signer;
use crate::packed::{pack, unpack};

/// The salt of the class `SessionStore`, which the engines `db` and `cached_db` have.
const SALT: &str = "django.contrib.sessions.SessionStore";

/// The sessions of Django's engine `db`, its default: rows of the table `django_session`.
///
/// Pass it to the configuration, and to `SqlBackendBuilder::django` of session-sql, which has the feature `django-db` too. The
/// service in Django needs no change, and its table gets none.
///
/// | Django | here |
/// |---|---|
/// | `SECRET_KEY` | [`DjangoDb::new`]: it signs the rows. The cookie is the bare key of the session |
/// | `SECRET_KEY_FALLBACKS` | [`DjangoDb::fallback`], once for each |
/// | `DATABASES` | the URL of the backend; `USE_TZ` must be on, as it is by default |
/// | `SESSION_COOKIE_NAME` | the second argument of [`SessionConfig::builder`](session_core::SessionConfig::builder); [`DjangoDb::COOKIE_NAME`] is Django's default |
/// | `SESSION_COOKIE_AGE` | [`max_age`](session_core::SessionConfigBuilder::max_age); 14 days on both sides by default |
/// | `SESSION_EXPIRE_AT_BROWSER_CLOSE` | [`browser_session`](session_core::SessionConfigBuilder::browser_session) |
/// | `SESSION_SAVE_EVERY_REQUEST = False` | [`Refresh::Never`](session_core::Refresh::Never): a use does not extend the session |
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
/// `session_data` is the JSON text of the session in Django's signed form, compressed where that is shorter. Text that is not
/// ASCII is escaped, because Django reads Latin-1. A row whose signature is wrong, or whose `SESSION_SERIALIZER` is another
/// one than Django's `JSONSerializer`, counts as absent by default ([`OnCorrupt`](session_core::OnCorrupt)), and stays for Django.
///
/// # Move one route at a time
///
/// 1. Create the table of markers, by `SqlBackend::create_table` or by the SQL file of session-sql in a migration of Django
///    (`RunSQL`). Django does not see it.
/// 2. Start the Rust service with Django's `SECRET_KEY` and database, and have the proxy send one route to it. Both services
///    have one host name, so that browsers send `sessionid` to both:
///
///    ```text
///    location /account/ { proxy_pass http://127.0.0.1:3000; }
///    location /         { proxy_pass http://127.0.0.1:8000; }
///    ```
/// 3. Read the signed-in user as `session.get::<String>("_auth_user_id")`, the primary key in `auth_user`. Check there that the
///    user is active, as Django does with each request.
/// 4. Django's middleware checks the token of forms that are sent to Django. Check those that are sent to Rust, too: its
///    cookie `csrftoken` is no part of the session.
/// 5. To go back, change the proxy: Django reads what Rust has written. Then drop the table `django_session_markers`.
///
/// Login, data, messages, expiry and logout are shared. Move the routes together that change the same session at the same time.
///
/// # Logins
///
/// `django.contrib.auth` keeps three keys: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`. A user whom Django
/// has logged in is one with an `_auth_user_id` in Rust. Keep the three keys as they are, because Django logs a user out
/// whose hash is missing. A login in Rust is one in Django if it sets all three;
/// [`django_auth_hash`](crate::django_auth_hash) makes the hash, from the user's column `password`.
///
/// # Expiry
///
/// A row whose `expire_date` has passed counts as absent on both sides. `set_expiry(seconds)` in Django is the session's
/// [lifetime](session_core::Session::lifetime), and [`set_lifetime`](session_core::Session::set_lifetime) writes it. Django's
/// `clearsessions` deletes expired rows; Rust deletes expired markers only.
///
/// # What is lost
///
/// - Django stores a session as a whole when a request has changed it. Such a request that had read before undoes a write of
///   Rust, as it undoes one of Django. A session that was removed stays so, because Django answers a write to a missing row
///   with 400.
/// - The engine `cached_db` reads a cache first, which Rust does not write. Use the engine `db`.
/// - The list of a user's sessions and their count are not offered: Django's table has no column for the user.
#[derive(Clone)]
pub struct DjangoDb {
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl DjangoDb {
    /// The name of the cookie, unless Django is told another.
    pub const COOKIE_NAME: &str = "sessionid";

    /// Returns the format of a Django with this `SECRET_KEY`.
    #[must_use]
    pub fn new(secret_key: impl AsRef<[u8]>) -> Self {
        Self { signer: Signer::new([secret_key.as_ref()], SALT), clock: Arc::new(SystemClock) }
    }

    /// Reads rows that this secret of `SECRET_KEY_FALLBACKS` has signed, too. The next change signs them anew.
    #[must_use]
    pub fn fallback(mut self, secret_key: impl AsRef<[u8]>) -> Self {
        self.signer.verify_by(secret_key.as_ref(), SALT);
        self
    }

    /// Sets the clock that dates the rows' signatures; default the system's. No reader looks at that date.
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
        FormatSettings::in_store("").on_duplicate(OnDuplicate::Last)
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
