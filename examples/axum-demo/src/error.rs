//! Errors, which become responses of the form `{"error": "..."}`.

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use demo_common::api;
use session_tower::{SessionError, SessionRejection};

/// The reason why a route responds with an error.
pub(crate) enum ApiError {
    /// The request is invalid.
    Request(StatusCode, String),
    /// The session can't be loaded, changed or stored.
    Session(SessionRejection),
}

impl ApiError {
    pub(crate) fn bad_request(message: impl ToString) -> Self {
        Self::Request(StatusCode::BAD_REQUEST, message.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Request(status, message) => error_response(status, &message),
            // Passes the error to the layer, which calls `session_error` to make the response.
            Self::Session(rejection) => rejection.into_response(),
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoUserIndex => Self::Request(StatusCode::NOT_IMPLEMENTED, error.to_string()),
            error if api::is_bad_request(&error) => Self::bad_request(error),
            error => Self::Session(error.into()),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

/// The `on_error` hook of the session layer. It makes the response for every session error, no matter whether the
/// extractor, a handler or the commit reports it.
pub(crate) fn session_error(error: &SessionError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = error_response(status, &api::message(error));
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn error_response(status: StatusCode, message: &str) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, api::error_json(message)).into_response()
}
