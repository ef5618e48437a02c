//! Responses for sessions that can't be loaded or kept.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use session_core::SessionError;

/// Makes a response for a session that can't be loaded or kept.
///
/// Implemented by [`PlainText`], and by every function from `&SessionError` to a response; see
/// [`SessionMiddleware::on_error`](crate::SessionMiddleware::on_error).
#[diagnostic::on_unimplemented(
    message = "session errors can't be turned into responses by `{Self}`",
    note = "`on_error` takes a function like `|error: &SessionError| HttpResponse::InternalServerError().finish()`"
)]
pub trait OnError {
    /// The response that reports `error`.
    fn error_response(&self, error: &SessionError) -> HttpResponse;
}

impl<F: Fn(&SessionError) -> HttpResponse> OnError for F {
    fn error_response(&self, error: &SessionError) -> HttpResponse {
        self(error)
    }
}

/// A line of text that tells a stranger nothing of the service, with the error's status and `Retry-After`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl OnError for PlainText {
    fn error_response(&self, error: &SessionError) -> HttpResponse {
        let mut response = text_response(status_of(error), error.public_message());
        if let Some(seconds) = error.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub(crate) fn status_of(error: &SessionError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(crate) fn text_response(status: StatusCode, text: &str) -> HttpResponse {
    let mut response = HttpResponse::new(status).set_body(format!("{text}\n")).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
