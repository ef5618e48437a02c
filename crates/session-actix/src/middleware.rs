//! The middleware that applications wrap around their routes.

use std::future::{Ready, ready};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{RequestHead, Service, ServiceRequest, ServiceResponse, Transform};
use session_core::{SessionConfig, SessionManager};

use crate::{ByRequest, OnError, PlainText, SessionService};

/// Gives every request a session; see the [crate's documentation](crate).
///
/// `E` makes the responses for sessions that can't be loaded or committed.
///
/// Clones share their manager. Make the middleware once, and clone it in the closure of `HttpServer::new`.
#[derive(Clone, Debug)]
pub struct SessionMiddleware<E = PlainText> {
    manager: SessionManager,
    on_error: E,
}

impl SessionMiddleware {
    /// Makes a middleware with this configuration.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self::with_manager(SessionManager::new(config))
    }

    /// Makes a middleware with this manager. Middleware with one manager shares its store and locks.
    #[must_use]
    pub fn with_manager(manager: SessionManager) -> Self {
        Self { manager, on_error: PlainText }
    }
}

impl<E> SessionMiddleware<E> {
    /// Sets a function that makes the responses for sessions that can't be loaded or committed. The default is a line
    /// of text.
    ///
    /// Its responses also replace those of extractors that fail, and of handlers that return a session error with `?`.
    ///
    /// ```
    /// use actix_web::HttpResponse;
    /// use actix_web::http::StatusCode;
    /// use session_actix::{SessionConfigBuilder, SessionError, SessionMiddleware};
    ///
    /// let config = SessionConfigBuilder::development("session").build()?;
    /// let sessions = SessionMiddleware::new(config).on_error(|error: &SessionError| {
    ///     let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///     HttpResponse::build(status).body(format!(r#"{{"error": "{}"}}"#, error.public_message()))
    /// });
    /// # Ok::<(), session_actix::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_error<F>(self, on_error: F) -> SessionMiddleware<F> {
        SessionMiddleware { manager: self.manager, on_error }
    }

    /// Sets a function like [`on_error`](Self::on_error) that depends on the head of the request.
    ///
    /// The function is called with the head of every request, even without an error, so it should only look at a header
    /// or two. It returns a function from the error to the response.
    ///
    /// ```
    /// use actix_web::HttpResponse;
    /// use actix_web::dev::RequestHead;
    /// use actix_web::http::{StatusCode, header::ACCEPT};
    /// use session_actix::{SessionConfigBuilder, SessionError, SessionMiddleware};
    ///
    /// let config = SessionConfigBuilder::development("session").build()?;
    /// let sessions = SessionMiddleware::new(config).on_error_by_request(|head: &RequestHead| {
    ///     let wants_json = head.headers().get(ACCEPT).is_some_and(|value| value == "application/json");
    ///     move |error: &SessionError| {
    ///         let message = error.public_message();
    ///         let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///         let mut response = HttpResponse::build(status);
    ///         match wants_json {
    ///             true => response.body(format!(r#"{{"error": "{message}"}}"#)),
    ///             false => response.body(format!("<p>{message}</p>")),
    ///         }
    ///     }
    /// });
    /// # Ok::<(), session_actix::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_error_by_request<F, O>(self, choose: F) -> SessionMiddleware<ByRequest<F, O>>
    where
        F: Fn(&RequestHead) -> O,
    {
        SessionMiddleware { manager: self.manager, on_error: ByRequest::new(choose) }
    }
}

impl<S, B, E> Transform<S, ServiceRequest> for SessionMiddleware<E>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
    E: OnError + Clone + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SessionService<S, E>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SessionService::new(inner, self.manager.clone(), self.on_error.clone())))
    }
}
