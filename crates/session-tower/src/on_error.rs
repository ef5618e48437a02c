//! Responses for sessions that can't be loaded or kept.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use session_core::SessionError;

/// Makes a response for a session that can't be loaded or kept.
///
/// Implemented by [`PlainText`], and by every function from `&SessionError` to a response; see
/// [`SessionLayer::on_error`](crate::SessionLayer::on_error).
#[diagnostic::on_unimplemented(
    message = "session errors can't be turned into responses with the body `{B}`",
    label = "no error responses with this body",
    note = "bodies that are `From<String>` work by default; for others, add `.on_error(|error| ...)` to the `SessionLayer`"
)]
pub trait OnError<B> {
    /// The response that reports `error`.
    fn error_response(&self, error: &SessionError) -> Response<B>;
}

impl<B, F: Fn(&SessionError) -> Response<B>> OnError<B> for F {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        self(error)
    }
}

/// A line of text that tells a stranger nothing of the service, with the error's status and `Retry-After`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl<B: From<String>> OnError<B> for PlainText {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        let mut response = text_response(error.status(), error.public_message());
        if let Some(seconds) = error.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub(crate) fn text_response<B: From<String>>(status: u16, text: &str) -> Response<B> {
    let mut response = Response::new(B::from(format!("{text}\n")));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
