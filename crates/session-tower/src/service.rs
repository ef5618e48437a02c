//! The middleware.

use std::task::{Context, Poll};

use http::header::COOKIE;
use http::{Extensions, HeaderValue, Request, Response};
use session_core::SessionManager;
use tower_service::Service;

use crate::{OnError, ResponseFuture, SessionHandle};

/// Opens the session of each request and commits it with the response. Made by [`SessionLayer`](crate::SessionLayer).
#[derive(Clone, Debug)]
pub struct SessionService<S, E> {
    inner: S,
    manager: SessionManager,
    on_error: E,
}

impl<S, E> SessionService<S, E> {
    pub(crate) fn new(inner: S, manager: SessionManager, on_error: E) -> Self {
        Self { inner, manager, on_error }
    }
}

impl<S, E, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S, E>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    E: OnError<ResponseBody> + Clone,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResponseBody, S::Error, E>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let cookies = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let handle = self.manager.open(cookies);
        let nested = hand_in(request.extensions_mut(), handle.clone().into());
        ResponseFuture::new(self.inner.call(request), handle, nested, self.on_error.clone())
    }
}

/// Puts a handle into a request. Returns whether there is one of a layer further out.
fn hand_in(extensions: &mut Extensions, handle: SessionHandle) -> bool {
    let Some(outer) = extensions.insert(handle) else { return false };
    if let Some(handle) = extensions.get_mut::<SessionHandle>() {
        handle.nest_in(outer);
    }
    true
}
