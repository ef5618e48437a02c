//! Responses for sessions that can't be loaded or committed.

use http::{HeaderMap, Method, Request, Response, Uri};
use session_core::SessionError;
use session_core::adapter::PlainResponse;

/// Makes a response for a session that can't be loaded or committed.
///
/// [`PlainText`] implements it, and so does every function from `&SessionError` to a response; see
/// [`SessionLayer::on_error`](crate::SessionLayer::on_error).
#[diagnostic::on_unimplemented(
    message = "session errors can't be turned into responses with the body `{B}`",
    label = "no error responses with this body",
    note = "bodies that are `From<String>` work by default; for others, add `.on_error(|error: &SessionError| ...)` to the `SessionLayer`"
)]
pub trait OnError<B> {
    /// Returns the response that reports `error`.
    fn error_response(&self, error: &SessionError) -> Response<B>;

    /// Returns the implementation to use for one request. The layer calls it before it passes the request on.
    ///
    /// By default a clone of `self`; see
    /// [`SessionLayer::on_error_by_request`](crate::SessionLayer::on_error_by_request).
    fn for_request(&self, _head: RequestHead<'_>) -> Self
    where
        Self: Clone,
    {
        self.clone()
    }
}

/// The parts of a request's head on which an error response can depend.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The URI, such as `/cart?page=2`.
    pub uri: &'a Uri,
    /// The headers, such as `Accept`.
    pub headers: &'a HeaderMap,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn of<T>(request: &'a Request<T>) -> Self {
        Self { method: request.method(), uri: request.uri(), headers: request.headers() }
    }
}

/// Makes error responses that depend on the head of the request; see
/// [`SessionLayer::on_error_by_request`](crate::SessionLayer::on_error_by_request).
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

impl<B, F, E> OnError<B> for ByRequest<F, E>
where
    F: Fn(RequestHead<'_>) -> E + Clone,
    E: OnError<B>,
{
    fn error_response(&self, error: &SessionError) -> Response<B> {
        self.chosen.as_ref().expect("the layer has chosen it for the request").error_response(error)
    }

    fn for_request(&self, head: RequestHead<'_>) -> Self {
        Self { choose: self.choose.clone(), chosen: Some((self.choose)(head)) }
    }
}

impl<B, F: Fn(&SessionError) -> Response<B>> OnError<B> for F {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        self(error)
    }
}

/// Makes responses of one line of text, with the error's status and `Retry-After`. The text reveals nothing about the
/// service.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl<B: From<String>> OnError<B> for PlainText {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        let PlainResponse { status, headers, body, .. } = PlainResponse::new(error);
        let response = Response::builder().status(status);
        let response = headers.into_iter().fold(response, |response, (name, value)| response.header(name, value));
        response.body(body.into()).expect("the core names valid statuses and headers")
    }
}
