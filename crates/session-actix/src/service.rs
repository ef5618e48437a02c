//! The service that the middleware puts around the inner service.

use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::{Error, HttpMessage};
use session_core::SessionManager;
use session_core::adapter::ResponseFuture;

use crate::{OnError, Responder, SessionHandle};

/// Opens the session of each request and commits it with the response. [`SessionMiddleware`](crate::SessionMiddleware)
/// makes it.
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
    B: MessageBody + 'static,
    E: OnError + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, Responder<E>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let outer = request.extensions_mut().remove::<SessionHandle>();
        let cookies = request.headers().get_all(COOKIE).map(HeaderValue::as_bytes);
        let handle = match outer {
            Some(outer) => self.manager.open_within(outer.0, cookies),
            None => self.manager.open(cookies),
        };
        request.extensions_mut().insert(SessionHandle(handle.clone()));
        let on_error = self.on_error.for_request(request.head());
        ResponseFuture::new(self.inner.call(request), handle, Responder(on_error))
    }
}
