//! What the JSON routes take and answer.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use session_core::{SessionError, SessionMap};

/// More than anybody types in, and far less than a session may hold.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

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
    /// How long to wait.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.ms.min(LONGEST_WAIT_MS))
    }
}

/// The response `{"session": {...}}`, with the very text of the session.
#[must_use]
pub fn session_json(session: &SessionMap) -> String {
    format!(r#"{{"session": {}}}"#, session.as_json())
}

/// Reads a body that is a JSON object.
///
/// # Errors
///
/// What is wrong with it.
pub fn json_object(body: &[u8]) -> Result<SessionMap, String> {
    let map = SessionMap::from_slice(body).map_err(|error| error.to_string())?;
    // A session map checks values when they are read. These are a stranger's and read by nobody here, so: now.
    map.validate().map_err(|error| error.to_string())?;
    Ok(map)
}

/// The response for an error, `{"error": "..."}`.
#[must_use]
pub fn error_json(message: &str) -> String {
    serde_json::json!({ "error": message }).to_string()
}

/// Whether an error is the client's: in this application keys and values come from it, and so do mistakes in them.
#[must_use]
pub fn is_bad_request(error: &SessionError) -> bool {
    matches!(error, SessionError::ReservedKey { .. } | SessionError::TooManyKeys { .. } | SessionError::Value(_))
}

/// What a client is told of a session's error.
#[must_use]
pub fn message(error: &SessionError) -> Cow<'static, str> {
    match error {
        // The visitor's own data, so the visitor may know.
        SessionError::TooLarge { .. } | SessionError::CookieTooLarge { .. } => error.to_string().into(),
        _ => error.public_message().into(),
    }
}
