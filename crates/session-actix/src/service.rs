//! The middleware at work.

use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::{Error, HttpMessage};
use session_core::SessionManager;

use crate::{OnError, ResponseFuture, SessionHandle};

/// Opens the session of each request and commits it with the response. Made by
/// [`SessionMiddleware`](crate::SessionMiddleware).
#[derive(Debug)]
pub struct SessionService<S, E> {
    inner: S,
    manager: SessionManager,
    on_error: Rc<E>,
}

impl<S, E> SessionService<S, E> {
    pub(crate) fn new(inner: S, manager: SessionManager, on_error: E) -> Self {
        Self { inner, manager, on_error: Rc::new(on_error) }
    }
}

impl<S, B, E> Service<ServiceRequest> for SessionService<S, E>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
    E: OnError + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, B, E>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let handle = self.manager.open(request.headers().get_all(COOKIE).map(HeaderValue::as_bytes));
        let nested = hand_in(&mut request.extensions_mut(), handle.clone().into());
        ResponseFuture::new(self.inner.call(request), handle, nested, self.on_error.clone())
    }
}

/// Puts a handle into a request. Returns whether there is one of middleware further out.
fn hand_in(extensions: &mut Extensions, handle: SessionHandle) -> bool {
    let Some(outer) = extensions.insert(handle) else { return false };
    if let Some(handle) = extensions.get_mut::<SessionHandle>() {
        handle.nest_in(outer);
    }
    true
}
