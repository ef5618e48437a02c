//! Sessions of Flask-Session in Redis.

use std::sync::Arc;
use std::time::Duration;

use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, StoredRecord, TokenContent, TokenFormat};
use session_core::signer::{Key, KeyDerivation, Signer};
use session_core::{
    Applied, BackendError, BackendErrorKind, OnDuplicate, SessionCodec, SessionError, SessionId, SessionMap,
};

use crate::msgpack::{self, Problem};
use crate::permanent::{LIFETIME, from_permanent, to_permanent};

const SALT: &str = "flask-session";

/// The sessions of Flask-Session 0.7 and 0.8 with Redis, in msgpack or JSON.
///
/// Pass it to the configuration. The service in Flask needs no change.
///
/// | Flask-Session | here |
/// |---|---|
/// | `SECRET_KEY` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | `SESSION_COOKIE_NAME` | the second argument of the builder; [`FlaskSession::COOKIE_NAME`] is the default |
/// | `SESSION_SERIALIZATION_FORMAT = "json"` | [`FlaskSession::json`] |
/// | `SESSION_USE_SIGNER = True` | [`FlaskSession::signed`] |
/// | `SESSION_PERMANENT = False` | [`FlaskSession::permanent(false)`](FlaskSession::permanent) |
/// | `PERMANENT_SESSION_LIFETIME` | [`FlaskSession::lifetime`], by default 31 days |
/// | `SESSION_KEY_PREFIX` | [`key_prefix`](session_core::SessionConfigBuilder::key_prefix); default `session:` |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::FlaskSession;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// # let backend = MemoryBackend::new();
/// let flask = FlaskSession::new();
/// // With session-redis: let backend = RedisBackend::connect("redis://localhost")?;
/// let config = SessionConfig::builder(secret, FlaskSession::COOKIE_NAME).format(flask).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Before.** Flask-Session up to 0.6 writes pickles. Before the move, run 0.7 or 0.8 for at least
///   `PERMANENT_SESSION_LIFETIME`. They write each session in msgpack or JSON when it is used.
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Flask, under one host
///   name.
/// - **Move first** the routes that only read.
/// - **Move together** all routes that one page calls, even those that only read: Flask-Session stores the whole
///   session on each of its requests. `SESSION_REFRESH_EACH_REQUEST = False` makes it write changes only.
/// - **Shared:** login, data, flash messages, expiry and logout. Flask-Login keeps `_user_id`, `_fresh` and `_id`:
///   leave them as they are, and let Flask log users in.
/// - **To go back**, undo the rule of the proxy. Flask-Session reads msgpack and JSON, whichever it is told to write.
///
/// # What is read and written
///
/// Both msgpack and JSON are read, and the configured one is written, as in Flask-Session. Flask-Session also loads
/// pickles. Rust never does, so a stored pickle is unreadable here.
///
/// Bytes and extensions of msgpack, such as aware datetimes, are refused, because JSON can't represent them exactly.
/// Such a session counts as absent by default ([`OnCorrupt`](session_core::OnCorrupt)), and its stored value stays for
/// Flask. msgpack has integers of up to 64 bits. As in Flask, writing a larger one is an error.
///
/// # Permanent sessions
///
/// Flask marks a permanent session by the key `_permanent`. Handlers in Rust don't see that key. They see its effect on
/// the session's [lifetime](session_core::Session::lifetime). A session without it ends with the browser.
///
/// # What is lost
///
/// - Each request of Flask-Session stores the whole session, even if it only reads. If it had read the session before a
///   write of Rust, it undoes that write, even a logout. Move routes that use the session at the same time together.
/// - Without `SESSION_USE_SIGNER`, the cookie holds the bare id, without a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlaskSession {
    lifetime: Duration,
    json: bool,
    signed: bool,
    permanent: bool,
}

impl FlaskSession {
    /// The default name of Flask-Session's cookie.
    pub const COOKIE_NAME: &str = "session";

    /// Makes the format for Flask-Session's default settings.
    #[must_use]
    pub fn new() -> Self {
        Self { lifetime: LIFETIME, json: false, signed: false, permanent: true }
    }

    /// Writes JSON instead of msgpack; both are read.
    #[must_use]
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Signs the id in the cookie, and refuses cookies without a valid signature.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// With `false`, makes sessions that begin in Rust end with the browser; default `true`.
    #[must_use]
    pub fn permanent(mut self, permanent: bool) -> Self {
        self.permanent = permanent;
        self
    }

    /// Sets the `PERMANENT_SESSION_LIFETIME` of Flask, in whole seconds; default 31 days.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

impl Default for FlaskSession {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for FlaskSession {
    fn name(&self) -> &'static str {
        "flask-session"
    }

    fn settings(&self) -> FormatSettings {
        let settings = FormatSettings::in_store("session:").max_age(self.lifetime).on_duplicate(OnDuplicate::First);
        if self.permanent { settings } else { settings.browser_session(true) }
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        // Flask-Session has no fallback keys. They verify here while the secret is being changed.
        let keyed = |secret| Signer::with_salt(Key::new(secret).derivation(KeyDerivation::Hmac), SALT);
        let signers = if self.signed { keys.all().map(keyed).collect() } else { Vec::new() };
        Some(Box::new(Tokens { signers }))
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(*self))
    }
}

struct Tokens {
    /// The first one signs, all verify. Empty for bare ids.
    signers: Vec<Signer>,
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let verified = self.signers.iter().enumerate().find_map(|(at, signer)| Some((at, signer.unsign(text).ok()?)));
        let (key, id) = if self.signers.is_empty() { (0, text) } else { verified? };
        let id = SessionId::parse(std::str::from_utf8(id).ok()?)?;
        Some(ReadToken::of_id(id).by_older_key(key > 0))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let TokenContent::Id(id) = content else { return Err(unwritable().into()) };
        match self.signers.first() {
            Some(signer) => out.extend(signer.sign(id.as_str())),
            None => out.extend(id.as_str().as_bytes()),
        }
        Ok(())
    }
}

/// Reads MessagePack that is one map.
fn map(bytes: &[u8]) -> Result<String, Problem> {
    match bytes.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => {}
        Some(_) => return Err(Problem::Shape("a map")),
        None => return Err(Problem::Truncated),
    }
    let (json, rest) = msgpack::read_first(bytes)?;
    if rest.is_empty() { Ok(json) } else { Err(Problem::Trailing) }
}

impl SessionCodec for FlaskSession {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        session.validate().map_err(|error| unwritable().with_source(error))?;
        let json = to_permanent(session, self.lifetime.as_secs(), self.permanent)
            .map_err(|error| unwritable().with_source(error))?;
        if self.json {
            Ok(json.into_bytes())
        } else {
            msgpack::write(&json).map_err(|error| unwritable().with_source(error))
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let mut session = if bytes.first() == Some(&b'{') {
            SessionMap::from_slice(bytes)?
        } else {
            SessionMap::from_json(map(bytes).map_err(|error| corrupt().with_source(error))?)?
        };
        let permanent = from_permanent(&mut session, self.lifetime.as_secs());
        if !permanent.map_err(|error| corrupt().with_source(error))? {
            let mut record = StoredRecord::detach(&mut session);
            record.browser = record.max_age.is_none();
            record.attach(&mut session).map_err(|error| corrupt().with_source(error))?;
        }
        Ok(session)
    }
}

fn unwritable() -> BackendError {
    BackendError::new(BackendErrorKind::Other, Applied::No)
}
