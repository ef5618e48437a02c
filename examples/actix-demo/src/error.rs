//! Errors, which become responses of the form `{"error": "..."}`.

use std::fmt;

use actix_web::error::QueryPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use demo_common::api;
use session_actix::{SessionError, SessionRejection};

/// The reason why a route responds with an error.
#[derive(Debug)]
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

    pub(crate) fn body(error: &Error) -> Self {
        match error.error_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!("the body is over the length limit of {} bytes", api::MAX_BODY_BYTES);
                Self::Request(StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            status => Self::Request(status, error.to_string()),
        }
    }

    /// Makes the error for a query. The error of actix-web names no parameter, so the message quotes the query.
    pub(crate) fn query(error: &QueryPayloadError, request: &HttpRequest) -> Self {
        Self::bad_request(format!("{:?}: {error}", request.query_string()))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Request(status, _) => *status,
            Self::Session(rejection) => rejection.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Request(status, message) => respond(*status).body(api::error_json(message)),
            // Passes the error to the middleware, which calls `session_error` to make the response.
            Self::Session(rejection) => rejection.error_response(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(_, message) => f.write_str(message),
            Self::Session(rejection) => rejection.fmt(f),
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

/// The `on_error` hook of the session middleware. It makes the response for every session error, no matter whether the
/// extractor, a handler or the commit reports it.
pub(crate) fn session_error(error: &SessionError) -> HttpResponse {
    let mut response = respond(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(seconds) = error.retry_after() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.body(api::error_json(&api::message(error)))
}

fn respond(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.content_type("application/json").insert_header((CACHE_CONTROL, "no-store"));
    response
}
