//! The requests and responses of the JSON routes.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use session_core::{Session, SessionError, SessionMap};

/// The largest body. It is more than a visitor types, and less than a session may hold.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The response header that tells scripts of a cookie: they see no `Set-Cookie`.
pub const COOKIE_HEADER: &str = "x-session-cookie";

const LONGEST_WAIT_MS: u64 = 60_000;

/// The query of `/increment`.
#[derive(Debug, Deserialize)]
pub struct Increment {
    /// The key of the number to count up.
    #[serde(default = "default_key")]
    pub key: String,
}

fn default_key() -> String {
    "n".to_owned()
}

/// The query of `/slow_update`.
#[derive(Debug, Deserialize)]
pub struct SlowUpdate {
    #[serde(default = "default_wait")]
    ms: u64,
}

fn default_wait() -> u64 {
    200
}

impl SlowUpdate {
    /// Returns the time to wait.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.ms.min(LONGEST_WAIT_MS))
    }
}

/// Returns the response `{"session": {...}}`, with the unchanged JSON text of the session.
#[must_use]
pub fn session_json(session: &SessionMap) -> String {
    format!(r#"{{"session": {}}}"#, session.as_json())
}

/// Returns the body of `GET /session`: the session, the fingerprint of its id, and the seconds after which it expires
/// without use.
#[must_use]
pub fn current_json(session: &Session) -> String {
    let id = serde_json::json!(session.id().map(|id| id.fingerprint()));
    let expires_in = serde_json::json!((!session.is_new()).then(|| session.expires_in().as_secs()));
    format!(r#"{{"id": {id}, "expires_in": {expires_in}, "session": {}}}"#, session.to_map().as_json())
}

/// Returns the value of [`COOKIE_HEADER`] for a value of `Set-Cookie`.
#[must_use]
pub fn cookie_news(set_cookie: &[u8]) -> &'static str {
    let is_removal = set_cookie.split(|byte| *byte == b';').any(|attribute| attribute.trim_ascii() == b"Max-Age=0");
    if is_removal { "removed" } else { "new" }
}

/// Reads a body that is a JSON object.
///
/// # Errors
///
/// Returns a message that says what is wrong with the body.
pub fn json_object(body: &[u8]) -> Result<SessionMap, String> {
    let map = SessionMap::from_slice(body).map_err(|error| error.to_string())?;
    // A session map checks a value when a handler reads it. These values come from the client and no handler reads
    // them, so check them now.
    map.validate().map_err(|error| error.to_string())?;
    Ok(map)
}

/// Returns the body of an error response, `{"error": "..."}`.
#[must_use]
pub fn error_json(message: &str) -> String {
    serde_json::json!({ "error": message }).to_string()
}

/// Returns true if the client caused the error. In this application keys and values come from the client.
#[must_use]
pub fn is_bad_request(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::ReservedKey { .. }
            | SessionError::TooManyKeys { .. }
            | SessionError::Value(_)
            | SessionError::InvalidUser { .. }
    )
}

/// Returns the message that a client gets for an error of a session.
#[must_use]
pub fn message(error: &SessionError) -> Cow<'static, str> {
    match error {
        // This message describes the visitor's own data, so the visitor may read it.
        SessionError::TooLarge { .. } | SessionError::CookieTooLarge { .. } => error.to_string().into(),
        _ => error.public_message().into(),
    }
}
