//! The sessions of tower-sessions in Redis.

mod record;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, StoredRecord, TokenContent, TokenFormat};
use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, OnDuplicate, Refresh, SessionCodec, SessionError, SessionId,
    SessionMap, SystemClock,
};

use crate::sealed::Sealing;
use record::Record;

/// The time for which tower-sessions keeps a session whose cookie ends with the browser.
const DEFAULT_DURATION: Duration = Duration::from_secs(14 * 24 * 3600);

/// The length of an id's text.
const ID: usize = 22;

/// The sessions of tower-sessions with `tower-sessions-redis-store`.
///
/// Pass it to the configuration. The other service needs no change.
///
/// | tower-sessions | here |
/// |---|---|
/// | `with_name` | the second argument of [`SessionConfig::builder`](session_core::SessionConfig::builder); [`TowerSessions::COOKIE_NAME`] is the default |
/// | `with_signed(Key::from(secret))`, of 64 bytes or more | [`TowerSessions::signed`], with the secret as the first argument of the builder |
/// | `with_signed(Key::derive_from(secret))`, of 32 to 63 bytes | the same |
/// | `with_private` | [`TowerSessions::private`], with the secret as above |
/// | neither of them | [`TowerSessions::new`]: the secret is not used |
/// | `Expiry::OnSessionEnd` | the default |
/// | `Expiry::OnInactivity` | [`TowerSessions::on_inactivity`] |
/// | `with_same_site`, `Strict` by default; `with_secure`, on by default | [`same_site`](session_core::SessionConfigBuilder::same_site), [`https_only`](session_core::SessionConfigBuilder::https_only) |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::TowerSessions;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// # let backend = MemoryBackend::new();
/// let tower = TowerSessions::new().signed();
/// // With session-redis: let backend = RedisBackend::connect("redis://localhost")?;
/// let config = SessionConfig::builder(secret, TowerSessions::COOKIE_NAME).format(tower).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to the new service and all others to the old
///   one, under one host name.
/// - **Move first** the routes that only read.
/// - **Move together** the routes that change a session at the same time, because tower-sessions stores it as a whole.
/// - **Shared:** login, data, expiry and logout. `cycle_id` there is [`renew`](session_core::Session::renew) here, and
///   `flush` is [`destroy`](session_core::Session::destroy).
/// - **To go back**, undo the rule of the proxy. tower-sessions reads each record of this library.
/// - **To complete the move**, replace `format` by this library's own, and take the sessions over with
///   [`accept_format`](session_core::SessionConfigBuilder::accept_format).
///
/// # The record
///
/// A stored value contains the session's id and the time when it expires. A value is unreadable here if its id is not
/// that of its key, or if its time has passed. The key must end with the id, so a
/// [`key_prefix`](session_core::SessionConfigBuilder::key_prefix) is possible.
///
/// Each write sets the time, as in tower-sessions: a change extends the session, and a read does not
/// ([`Refresh::Never`](session_core::Refresh::Never)). Keep that setting, because otherwise a request that only reads
/// would extend the key's TTL but not the time in the value.
///
/// # What is lost
///
/// - A request of tower-sessions that has changed its session stores the whole session. If it had read the session
///   before a write of Rust, it undoes that write. A removed session stays removed, because tower-sessions writes only
///   to existing keys.
/// - `Expiry::AtDateTime` has no counterpart. Instead, set a [lifetime](session_core::Session::set_lifetime) when a
///   session begins.
/// - Writing an integer of more than 64 bits is an error.
#[derive(Clone)]
pub struct TowerSessions {
    cookies: Cookies,
    inactivity: Option<Duration>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookies {
    Plain,
    Signed,
    Private,
}

impl TowerSessions {
    /// The default name of tower-sessions' cookie.
    pub const COOKIE_NAME: &str = "id";

    /// Makes the format for the default settings of a `SessionManagerLayer`: the cookie holds the bare id.
    #[must_use]
    pub fn new() -> Self {
        Self { cookies: Cookies::Plain, inactivity: None, clock: Arc::new(SystemClock) }
    }

    /// Signs cookies, and refuses cookies without a valid signature.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.cookies = Cookies::Signed;
        self
    }

    /// Encrypts cookies, and refuses cookies that can't be decrypted.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.cookies = Cookies::Private;
        self
    }

    /// Sets the duration of `Expiry::OnInactivity`, in whole seconds. Cookies then have a `Max-Age`.
    #[must_use]
    pub fn on_inactivity(mut self, duration: Duration) -> Self {
        self.inactivity = Some(duration);
        self
    }

    /// Sets the clock by which sessions expire; default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn now(&self) -> i64 {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

impl Default for TowerSessions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TowerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerSessions")
            .field("cookies", &self.cookies)
            .field("inactivity", &self.inactivity)
            .finish_non_exhaustive()
    }
}

impl Format for TowerSessions {
    fn name(&self) -> &'static str {
        "tower-sessions"
    }

    fn settings(&self) -> FormatSettings {
        let settings = FormatSettings::in_store("").on_duplicate(OnDuplicate::Last).refresh(Refresh::Never);
        match self.inactivity {
            Some(duration) => settings.max_age(duration),
            None => settings.max_age(DEFAULT_DURATION).browser_session(true),
        }
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        let sealing = (self.cookies != Cookies::Plain).then(|| Sealing::new(keys, self.cookies == Cookies::Signed));
        Some(Box::new(Tokens { sealing }))
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(self.clone()))
    }
}

struct Tokens {
    /// `None` for bare ids.
    sealing: Option<Sealing>,
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let (id, by_older_key) = match &self.sealing {
            Some(sealing) => sealing.open(text)?,
            None => (text.to_vec(), false),
        };
        let id = std::str::from_utf8(&id).ok()?;
        id_number(id)?;
        Some(ReadToken::of_id(SessionId::parse(id)?).by_older_key(by_older_key))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let TokenContent::Id(id) = content else { return Err(unwritable().into()) };
        match &self.sealing {
            Some(sealing) => out.extend(sealing.seal(id.as_str())?.into_bytes()),
            None => out.extend(id.as_str().as_bytes()),
        }
        Ok(())
    }
}

/// Returns the bytes of an id in its canonical text, the least significant one first.
fn id_number(text: &str) -> Option<[u8; 16]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Returns the id at the end of a key.
fn id_of_key(key: &str) -> Option<[u8; 16]> {
    id_number(key.get(key.len().checked_sub(ID)?..)?)
}

impl SessionCodec for TowerSessions {
    /// # Errors
    ///
    /// Always, because a record names its session: see [`encode_under`](Self::encode_under).
    fn encode(&self, _: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Err(unwritable().with_source("a record of tower-sessions is written under the key of its session only"))
    }

    fn encode_with_room(&self, session: &SessionMap, _room: usize) -> Result<Vec<u8>, BackendError> {
        self.encode(session)
    }

    fn encode_under(&self, key: &str, session: &SessionMap, room: usize) -> Result<Vec<u8>, BackendError> {
        session.validate().map_err(|error| unwritable().with_source(error))?;
        let id = id_of_key(key).ok_or_else(|| {
            unwritable().with_source("a key of tower-sessions ends with an id of 22 characters, 16 bytes in base64url")
        })?;
        let own = StoredRecord::detach(&mut session.clone()).max_age;
        let lasts = own.unwrap_or(self.inactivity.unwrap_or(DEFAULT_DURATION).as_secs());
        let expires = self.now().saturating_add(i64::try_from(lasts).unwrap_or(i64::MAX));
        let mut bytes =
            record::write(id, &session.as_json(), expires).map_err(|error| unwritable().with_source(error))?;
        bytes.reserve_exact(room);
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        self.record(bytes).and_then(|record| SessionMap::from_json(record.json).map_err(BackendError::from))
    }

    fn decode_under(&self, key: &str, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let record = self.record(bytes)?;
        if id_of_key(key) != Some(record.id) {
            return Err(corrupt().with_source("the record of another session than that of its key"));
        }
        Ok(SessionMap::from_json(record.json)?)
    }
}

impl TowerSessions {
    fn record(&self, bytes: &[u8]) -> Result<Record, BackendError> {
        let record = record::read(bytes).map_err(|error| corrupt().with_source(error))?;
        if record.expires <= self.now() {
            return Err(corrupt().with_source("a record whose time is over"));
        }
        Ok(record)
    }
}

fn corrupt() -> BackendError {
    BackendError::new(BackendErrorKind::Corrupt, Applied::No)
}

fn unwritable() -> BackendError {
    BackendError::new(BackendErrorKind::Other, Applied::No)
}
