//! Responses for sessions that can't be loaded or committed.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use session_core::SessionError;
use session_core::adapter::PlainResponse;

/// Makes a response for a session that can't be loaded or committed.
///
/// [`PlainText`] implements it, and so does every function from `&SessionError` to a response; see
/// [`SessionMiddleware::on_error`](crate::SessionMiddleware::on_error).
#[diagnostic::on_unimplemented(
    message = "session errors can't be turned into responses by `{Self}`",
    note = "`on_error` takes a function like `|error: &SessionError| HttpResponse::InternalServerError().finish()`"
)]
pub trait OnError {
    /// Returns the response that reports `error`.
    fn error_response(&self, error: &SessionError) -> HttpResponse;

    /// Returns the implementation to use for one request. The middleware calls it before it passes the request on.
    ///
    /// By default a clone of `self`; see
    /// [`SessionMiddleware::on_error_by_request`](crate::SessionMiddleware::on_error_by_request).
    fn for_request(self: &Rc<Self>, _head: &RequestHead) -> Rc<Self>
    where
        Self: Sized,
    {
        self.clone()
    }
}

/// Makes error responses that depend on the head of the request; see
/// [`SessionMiddleware::on_error_by_request`](crate::SessionMiddleware::on_error_by_request).
#[derive(Clone, Debug)]
pub struct ByRequest<F, E> {
    choose: F,
    chosen: Option<E>,
}

impl<F, E> ByRequest<F, E> {
    pub(crate) fn new(choose: F) -> Self {
        Self { choose, chosen: None }
    }
}

impl<F: Fn(&RequestHead) -> E + Clone, E: OnError> OnError for ByRequest<F, E> {
    fn error_response(&self, error: &SessionError) -> HttpResponse {
        self.chosen.as_ref().expect("the middleware has chosen it for the request").error_response(error)
    }

    fn for_request(self: &Rc<Self>, head: &RequestHead) -> Rc<Self> {
        Rc::new(Self { choose: self.choose.clone(), chosen: Some((self.choose)(head)) })
    }
}

impl<F: Fn(&SessionError) -> HttpResponse> OnError for F {
    fn error_response(&self, error: &SessionError) -> HttpResponse {
        self(error)
    }
}

/// Makes responses of one line of text, with the error's status and `Retry-After`. The text reveals nothing about the
/// service.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl OnError for PlainText {
    fn error_response(&self, error: &SessionError) -> HttpResponse {
        let PlainResponse { headers, body, .. } = PlainResponse::new(error);
        let mut response = HttpResponse::build(status_of(error));
        for header in headers {
            response.insert_header(header);
        }
        response.body(body)
    }
}

pub(crate) fn status_of(error: &SessionError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
