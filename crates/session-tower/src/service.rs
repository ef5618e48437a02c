//! The middleware.

use std::task::{Context, Poll};

use http::header::COOKIE;
use http::{HeaderValue, Request, Response};
use session_core::SessionManager;
use session_core::adapter::ResponseFuture;
use tower_service::Service;

use crate::{OnError, RequestHead, Responder, SessionHandle};

/// Opens the session of each request and commits it with the response. [`SessionLayer`](crate::SessionLayer) makes it.
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
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>, Error: 'static>,
    E: OnError<ResponseBody> + Clone,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, Responder<E>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let outer = request.extensions_mut().remove::<SessionHandle>();
        let cookies = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let handle = match outer {
            Some(outer) => self.manager.open_within(outer.0, cookies),
            None => self.manager.open(cookies),
        };
        request.extensions_mut().insert(SessionHandle(handle.clone()));
        let on_error = self.on_error.for_request(RequestHead::of(&request));
        ResponseFuture::new(self.inner.call(request), handle, Responder(on_error))
    }
}
