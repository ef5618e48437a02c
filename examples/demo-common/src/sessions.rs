//! A user's sessions: signing in, and the routes under `/sessions`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use session_core::{Lifetime, Session, SessionError, SessionHandle, SessionManager, SessionMap, SessionRef};

/// The label that distinguishes a user's devices.
const DEVICE: &str = "device";

/// The lifetime of a session whose user wants to stay logged in.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);

/// The body of `/login`, `{"user": "...", "remember": true}`.
#[derive(Debug)]
pub struct Login {
    user: String,
    remember: bool,
}

impl Login {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// If it names no user, and if `remember` is neither true nor false.
    pub fn read(body: &SessionMap) -> Result<Self, &'static str> {
        let user = body.get("user").ok().flatten().ok_or(r#""user" must be there and be a string"#)?;
        let remember: Option<bool> = body.get("remember").map_err(|_| r#""remember" must be true or false"#)?;
        Ok(Self { user, remember: remember.unwrap_or_default() })
    }

    /// Signs the user in under any name. The session gets a new id, so that an attacker who knew the old one loses it.
    ///
    /// # Errors
    ///
    /// If the name is empty or too long, and if the session can't be changed any more.
    pub fn sign_in(&self, session: &Session, user_agent: Option<&str>) -> Result<(), SessionError> {
        session.sign_in(&self.user)?;
        session.set_label(DEVICE, user_agent.unwrap_or("unknown"))?;
        if self.remember {
            session.set_lifetime(Lifetime::For(REMEMBERED))?;
        }
        // Other services that share the session can read the name under this key.
        session.insert("user", &self.user)
    }
}

/// Returns the body of `GET /sessions`, which lists the user's sessions.
///
/// # Errors
///
/// If no user is signed in, and if the store fails or has no index of users.
pub async fn list(handle: &SessionHandle) -> Result<String, SessionError> {
    let (session, user) = current(handle).await?;
    let listed = SessionManager::of(handle).sessions_of(user).await?;
    let sessions: Vec<Value> = listed
        .iter()
        .map(|one| {
            json!({
                "ref": one.reference().as_str(),
                "current": one.is_current(&session),
                "created": seconds(one.signed_in_at()),
                "last_seen": one.last_seen().map(seconds),
                "label": one.label(DEVICE),
            })
        })
        .collect();
    Ok(json!({ "sessions": sessions }).to_string())
}

/// Reads the body of `/sessions/revoke`, `{"ref": "..."}`.
///
/// # Errors
///
/// If the body has no reference.
pub fn reference(body: &SessionMap) -> Result<SessionRef, &'static str> {
    let text: Option<String> = body.get("ref").ok().flatten();
    text.and_then(|text| text.parse().ok()).ok_or(r#""ref" must be there and be the reference of a session"#)
}

/// Ends one of the user's sessions.
///
/// # Errors
///
/// If no user is signed in, and if the store fails or has no index of users.
pub async fn revoke(handle: &SessionHandle, reference: SessionRef) -> Result<String, SessionError> {
    let (_, user) = current(handle).await?;
    let revoked = SessionManager::of(handle).revoke(user, reference).await?;
    Ok(revoked_json(Some(usize::from(revoked))))
}

/// Ends all of the user's sessions but this one.
///
/// # Errors
///
/// If no user is signed in, and if the store fails or has no index of users.
pub async fn revoke_others(handle: &SessionHandle) -> Result<String, SessionError> {
    let (session, _) = current(handle).await?;
    Ok(revoked_json(SessionManager::of(handle).revoke_others(&session).await?.into()))
}

/// Ends all of the user's sessions.
///
/// # Errors
///
/// If no user is signed in, and if the store fails or has no index of users.
pub async fn revoke_all(handle: &SessionHandle) -> Result<String, SessionError> {
    let (_, user) = current(handle).await?;
    Ok(revoked_json(SessionManager::of(handle).revoke_all(user).await?))
}

async fn current(handle: &SessionHandle) -> Result<(Session, String), SessionError> {
    let session = handle.load().await?;
    let user = session.user()?.ok_or(SessionError::NotSignedIn)?;
    Ok((session, user))
}

/// Returns the body. A store that keeps epochs of users returns no number.
fn revoked_json(count: Option<usize>) -> String {
    json!({ "revoked": count }).to_string()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default()
}
