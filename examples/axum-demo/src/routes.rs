//! The JSON routes. Each answers with the session as the handler leaves it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use demo_common::api::{self, Increment, SlowUpdate};
use session_tower::{Session, SessionHandle, SessionKey, SessionMap};

use crate::error::ApiError;

/// Who is logged in.
const USER: SessionKey<String> = SessionKey::new("user");

pub(crate) async fn view_session(session: Session) -> SessionJson {
    session.into()
}

pub(crate) async fn setup_session(session: Session) -> Result<SessionJson, ApiError> {
    session.insert("data", "session_data")?;
    Ok(session.into())
}

/// Sets the keys of the body. Their values stay as they came: a number of 60 digits keeps all of them.
pub(crate) async fn update_session(session: Session, JsonObject(changes): JsonObject) -> Result<SessionJson, ApiError> {
    session.extend(&changes)?;
    Ok(session.into())
}

pub(crate) async fn clear_session(session: Session) -> Result<SessionJson, ApiError> {
    session.clear()?;
    Ok(session.into())
}

pub(crate) async fn login(session: Session, JsonObject(body): JsonObject) -> Result<SessionJson, ApiError> {
    let user = body.get("user").ok().flatten();
    let user = user.ok_or_else(|| ApiError::bad_request(r#""user" must be there and be a string"#))?;
    // Prevents session fixation: an attacker who knew the id before the login loses the session.
    session.renew()?;
    USER.insert(&session, &user)?;
    Ok(session.into())
}

/// Takes only the handle, because a session is destroyed without being loaded.
pub(crate) async fn logout(session: SessionHandle) -> SessionJson {
    session.destroy();
    SessionJson(SessionMap::new())
}

pub(crate) async fn renew(session: Session) -> Result<SessionJson, ApiError> {
    session.renew()?;
    Ok(session.into())
}

/// Counts exactly, however many requests do so at once, if the session is kept by a server. In a cookie the last
/// response wins.
pub(crate) async fn increment(
    session: Session,
    query: Result<Query<Increment>, QueryRejection>,
) -> Result<SessionJson, ApiError> {
    let Query(Increment { key }) = query?;
    session.update(&key, |count: Option<i64>| count.unwrap_or(0).saturating_add(1))?;
    Ok(session.into())
}

/// [`update_session`] with a pause between loading and changing, in which others may change the session too.
pub(crate) async fn slow_update(
    session: Session,
    query: Result<Query<SlowUpdate>, QueryRejection>,
    JsonObject(changes): JsonObject,
) -> Result<SessionJson, ApiError> {
    let Query(slow) = query?;
    tokio::time::sleep(slow.wait()).await;
    session.extend(&changes)?;
    Ok(session.into())
}

/// Does not ask for the session, so the session costs nothing: no store, no signature, no header.
pub(crate) async fn untouched() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "untouched": true }))
}

/// The response `{"session": {...}}`, with the very text of the session.
pub(crate) struct SessionJson(SessionMap);

impl From<Session> for SessionJson {
    fn from(session: Session) -> Self {
        Self(session.to_map())
    }
}

impl IntoResponse for SessionJson {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], api::session_json(&self.0)).into_response()
    }
}

/// A body that is a JSON object, whatever its content type.
pub(crate) struct JsonObject(SessionMap);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await?;
        api::json_object(&body).map(Self).map_err(ApiError::bad_request)
    }
}
