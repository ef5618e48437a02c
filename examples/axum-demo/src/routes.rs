//! The JSON routes. Each responds with the session as the handler leaves it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::response::{IntoResponse, Response};
use demo_common::api::{self, Increment, SlowUpdate};
use demo_common::sessions::{self, Login};
use session_tower::{Session, SessionHandle, SessionMap};

use crate::error::ApiError;

pub(crate) async fn view_session(session: Session) -> SessionJson {
    session.into()
}

pub(crate) async fn session(session: Session) -> Response {
    json(api::current_json(&session))
}

pub(crate) async fn setup_session(session: Session) -> Result<SessionJson, ApiError> {
    session.insert("data", "session_data")?;
    Ok(session.into())
}

/// Sets the keys of the body. Values are stored unchanged, so a number of 60 digits keeps all its digits.
pub(crate) async fn update_session(session: Session, JsonObject(changes): JsonObject) -> Result<SessionJson, ApiError> {
    session.extend(&changes)?;
    Ok(session.into())
}

pub(crate) async fn clear_session(session: Session) -> Result<SessionJson, ApiError> {
    session.clear()?;
    Ok(session.into())
}

pub(crate) async fn login(
    session: Session,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<SessionJson, ApiError> {
    let login = Login::read(&body).map_err(ApiError::bad_request)?;
    login.sign_in(&session, headers.get(USER_AGENT).and_then(|value| value.to_str().ok()))?;
    Ok(session.into())
}

/// Takes only the handle, because signing out does not load the session.
pub(crate) async fn logout(session: SessionHandle) -> SessionJson {
    session.sign_out();
    SessionJson(SessionMap::new())
}

pub(crate) async fn renew(session: Session) -> Result<SessionJson, ApiError> {
    session.renew()?;
    Ok(session.into())
}

pub(crate) async fn list_sessions(session: SessionHandle) -> Result<Response, ApiError> {
    Ok(json(sessions::list(&session).await?))
}

pub(crate) async fn revoke(session: SessionHandle, JsonObject(body): JsonObject) -> Result<Response, ApiError> {
    let reference = sessions::reference(&body).map_err(ApiError::bad_request)?;
    Ok(json(sessions::revoke(&session, reference).await?))
}

pub(crate) async fn revoke_others(session: SessionHandle) -> Result<Response, ApiError> {
    Ok(json(sessions::revoke_others(&session).await?))
}

pub(crate) async fn revoke_all(session: SessionHandle) -> Result<Response, ApiError> {
    Ok(json(sessions::revoke_all(&session).await?))
}

/// Increments a number. The count is exact for any number of concurrent requests if sessions are in a store. With
/// sessions in the cookie the last response wins.
pub(crate) async fn increment(
    session: Session,
    query: Result<Query<Increment>, QueryRejection>,
) -> Result<SessionJson, ApiError> {
    let Query(Increment { key }) = query?;
    session.update(&key, |count: Option<i64>| count.unwrap_or(0).saturating_add(1))?;
    Ok(session.into())
}

/// [`update_session`] with a pause between loading and changing, in which other requests may change the session.
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

/// Does not use the session, so there is no store call, no signature check and no header.
pub(crate) async fn untouched() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "untouched": true }))
}

/// The response `{"session": {...}}`, with the unchanged JSON text of the session.
pub(crate) struct SessionJson(SessionMap);

impl From<Session> for SessionJson {
    fn from(session: Session) -> Self {
        Self(session.to_map())
    }
}

impl IntoResponse for SessionJson {
    fn into_response(self) -> Response {
        json(api::session_json(&self.0))
    }
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body that is a JSON object, with any content type.
pub(crate) struct JsonObject(SessionMap);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await?;
        api::json_object(&body).map(Self).map_err(ApiError::bad_request)
    }
}
