//! The JSON routes. Each responds with the session as the handler leaves it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::web::{Bytes, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use demo_common::api::{self, Increment, SlowUpdate};
use demo_common::sessions::{self, Login};
use session_actix::{Session, SessionHandle, SessionMap};

use crate::error::ApiError;

pub(crate) async fn view_session(session: Session) -> SessionJson {
    session.into()
}

pub(crate) async fn session(session: Session) -> HttpResponse {
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
    request: HttpRequest,
    JsonObject(body): JsonObject,
) -> Result<SessionJson, ApiError> {
    let login = Login::read(&body).map_err(ApiError::bad_request)?;
    login.sign_in(&session, request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()))?;
    Ok(session.into())
}

/// Takes only the handle, because signing out does not load the session.
pub(crate) async fn logout(session: SessionHandle) -> HttpResponse {
    session.sign_out();
    json(r#"{"session": {}}"#)
}

pub(crate) async fn renew(session: Session) -> Result<SessionJson, ApiError> {
    session.renew()?;
    Ok(session.into())
}

pub(crate) async fn list_sessions(session: SessionHandle) -> Result<HttpResponse, ApiError> {
    Ok(json(sessions::list(&session).await?))
}

pub(crate) async fn revoke(session: SessionHandle, JsonObject(body): JsonObject) -> Result<HttpResponse, ApiError> {
    let reference = sessions::reference(&body).map_err(ApiError::bad_request)?;
    Ok(json(sessions::revoke(&session, reference).await?))
}

pub(crate) async fn revoke_others(session: SessionHandle) -> Result<HttpResponse, ApiError> {
    Ok(json(sessions::revoke_others(&session).await?))
}

pub(crate) async fn revoke_all(session: SessionHandle) -> Result<HttpResponse, ApiError> {
    Ok(json(sessions::revoke_all(&session).await?))
}

/// Increments a number. The count is exact for any number of concurrent requests if sessions are in a store. With
/// sessions in the cookie the last response wins.
pub(crate) async fn increment(session: Session, query: Query<Increment>) -> Result<SessionJson, ApiError> {
    session.update(&query.key, |count: Option<i64>| count.unwrap_or(0).saturating_add(1))?;
    Ok(session.into())
}

/// [`update_session`] with a pause between loading and changing, in which other requests may change the session.
pub(crate) async fn slow_update(
    session: Session,
    query: Query<SlowUpdate>,
    JsonObject(changes): JsonObject,
) -> Result<SessionJson, ApiError> {
    tokio::time::sleep(query.wait()).await;
    session.extend(&changes)?;
    Ok(session.into())
}

/// Does not use the session, so there is no store call, no signature check and no header.
pub(crate) async fn untouched() -> HttpResponse {
    json(r#"{"untouched":true}"#)
}

/// The response `{"session": {...}}`, with the unchanged JSON text of the session.
pub(crate) struct SessionJson(SessionMap);

impl From<Session> for SessionJson {
    fn from(session: Session) -> Self {
        Self(session.to_map())
    }
}

impl Responder for SessionJson {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        json(api::session_json(&self.0))
    }
}

fn json(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body.into())
}

/// A body that is a JSON object, with any content type.
pub(crate) struct JsonObject(SessionMap);

impl FromRequest for JsonObject {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await.map_err(|error| ApiError::body(&error))?;
            api::json_object(&body).map(Self).map_err(ApiError::bad_request)
        })
    }
}
