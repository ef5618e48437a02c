//! The sessions of actix-session, in its cookie or in Redis.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, TokenContent, TokenFormat};
use session_core::{
    Applied, BackendError, BackendErrorKind, OnDuplicate, SessionCodec, SessionError, SessionId, SessionMap,
};

use crate::sealed::Sealing;

/// The time for which actix-session's `RedisSessionStore` keeps a session whose cookie ends with the browser.
const STATE_TTL: Duration = Duration::from_secs(24 * 3600);

/// The sessions of actix-session 0.11 with `CookieSessionStore` or `RedisSessionStore`.
///
/// Pass it to the configuration. The other service needs no change.
///
/// | actix-session | here |
/// |---|---|
/// | `CookieSessionStore` | [`ActixSession::in_cookie`] |
/// | `RedisSessionStore` | [`ActixSession::in_redis`] |
/// | `Key::from(secret)`, of 64 bytes or more | the secret, the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | `Key::derive_from(secret)`, of 32 to 63 bytes | the secret |
/// | `CookieContentSecurity::Signed` | [`ActixSession::signed`]; by default both encrypt |
/// | `cookie_name` | the second argument of the builder; [`ActixSession::COOKIE_NAME`] is the default |
/// | `PersistentSession` with its `session_ttl` | [`ActixSession::persistent`] |
/// | `cache_keygen` | [`key_prefix`](session_core::SessionConfigBuilder::key_prefix) |
///
/// ```
/// use session_compat::ActixSession;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// let config =
///     SessionConfig::builder(secret, ActixSession::COOKIE_NAME).format(ActixSession::in_cookie()).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// With Redis, pass a `RedisBackend` of session-redis as the backend of the configuration.
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to the new service and all others to the old
///   one, under one host name.
/// - **Move first** the routes that only read.
/// - **Move together** the routes that change a session at the same time, because actix-session stores it as a whole.
///   With `CookieSessionStore`, these are all routes that one page calls and that change the session.
/// - **Shared:** login, data, expiry and logout. `renew` is [`renew`](session_core::Session::renew), and `purge` is
///   [`destroy`](session_core::Session::destroy). With Redis, actix-session extends a session when it changes, or with
///   each request if `TtlExtensionPolicy::OnEveryRequest` is set. Each use in Rust extends it;
///   [`Refresh::Never`](session_core::Refresh::Never) turns that off.
/// - **To go back**, undo the rule of the proxy. actix-session reads each session of this library.
/// - **To complete the move**, replace `format` by this library's own, and take the sessions over with
///   [`accept_format`](session_core::SessionConfigBuilder::accept_format).
///
/// # What is lost
///
/// - A cookie that holds the whole session has no time of issue, so a copy stays valid forever, even after a logout, as
///   in actix-session.
/// - With Redis, a request of actix-session that has changed its session stores the whole session. If it had read the
///   session before a write of Rust, it undoes that write.
/// - A value that is not JSON makes the whole session unreadable here. actix-session refuses only to `get` it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActixSession {
    in_redis: bool,
    signed: bool,
    ttl: Option<Duration>,
}

impl ActixSession {
    /// The default name of actix-session's cookie.
    pub const COOKIE_NAME: &str = "id";

    /// Returns the format of `CookieSessionStore`.
    #[must_use]
    pub fn in_cookie() -> Self {
        Self { in_redis: false, signed: false, ttl: None }
    }

    /// Returns the format of `RedisSessionStore`.
    #[must_use]
    pub fn in_redis() -> Self {
        Self { in_redis: true, ..Self::in_cookie() }
    }

    /// Signs cookies instead of encrypting them.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Sends cookies with `Max-Age`, as a `PersistentSession` does.
    #[must_use]
    pub fn persistent(mut self, session_ttl: Duration) -> Self {
        self.ttl = Some(session_ttl);
        self
    }
}

impl Format for ActixSession {
    fn name(&self) -> &'static str {
        "actix-session"
    }

    fn settings(&self) -> FormatSettings {
        let settings = if self.in_redis { FormatSettings::in_store("") } else { FormatSettings::in_cookie() };
        let settings = settings.on_duplicate(OnDuplicate::First);
        match self.ttl {
            Some(ttl) => settings.max_age(ttl),
            None => settings.max_age(STATE_TTL).browser_session(true),
        }
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        Some(Box::new(Tokens { sealing: Sealing::new(keys, self.signed), in_redis: self.in_redis }))
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(*self))
    }
}

struct Tokens {
    sealing: Sealing,
    in_redis: bool,
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let (value, by_older_key) = self.sealing.open(text)?;
        let token = if self.in_redis {
            ReadToken::of_id(SessionId::parse(std::str::from_utf8(&value).ok()?)?)
        } else {
            // actix-session treats a session without data as missing.
            ReadToken::of_session(from_map_of_texts(&value).ok().filter(|session| !session.is_empty())?)
        };
        Some(token.by_older_key(by_older_key))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let value = match content {
            TokenContent::Id(id) => Cow::Borrowed(id.as_str()),
            TokenContent::Session(session) => Cow::Owned(to_map_of_texts(session)?),
        };
        push_encoded(&self.sealing.seal(&value)?, out);
        Ok(())
    }
}

impl SessionCodec for ActixSession {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        session.validate().map_err(|error| unwritable().with_source(error))?;
        to_map_of_texts(session).map(String::into_bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        from_map_of_texts(bytes)
    }
}

/// Reads a map whose values are the JSON texts of a session's values.
fn from_map_of_texts(bytes: &[u8]) -> Result<SessionMap, BackendError> {
    let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
    let texts = SessionMap::from_slice(bytes)?;
    let mut json = String::from("{");
    for (key, text) in texts.iter() {
        // The error of serde_json would quote the value.
        let text: String = serde_json::from_str(text).map_err(|_| corrupt().with_source("a value that is not text"))?;
        // Each value is checked separately, because a text such as `1,"admin":true` would become two entries.
        let value: &RawValue = serde_json::from_str(&text).map_err(|error| corrupt().with_source(error))?;
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&serde_json::to_string(&*key).map_err(|error| corrupt().with_source(error))?);
        json.push(':');
        json.push_str(value.get());
    }
    json.push('}');
    let session = SessionMap::from_json(json)?;
    session.validate().map_err(|error| corrupt().with_source(error))?;
    Ok(session)
}

/// Writes a map whose values are the JSON texts of a session's values.
fn to_map_of_texts(session: &SessionMap) -> Result<String, BackendError> {
    let mut texts = serde_json::Map::new();
    texts.extend(session.iter().map(|(key, json)| ((*key).to_owned(), json.into())));
    serde_json::to_string(&texts).map_err(|error| unwritable().with_source(error))
}

fn unwritable() -> BackendError {
    BackendError::new(BackendErrorKind::Other, Applied::No)
}

/// Appends a text, percent-encoded as the crate `cookie` does it.
fn push_encoded(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!$&'*+-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}
