//! HTTP sessions for actix-web.
//!
//! [`SessionMiddleware`] opens the session of each request and commits it with the response. [`Session`] is an extractor:
//!
//! ```no_run
//! use actix_web::{App, web};
//! use session_actix::{Session, SessionConfig, SessionMiddleware, SessionRejection};
//!
//! async fn visits(session: Session) -> Result<String, SessionRejection> {
//!     let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session").build()?;
//! let sessions = SessionMiddleware::new(config);
//! let app = App::new().wrap(sessions.clone()).route("/", web::get().to(visits));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Make the middleware *outside* of the closure that `HttpServer::new` takes, and clone it inside: actix-web calls the
//! closure once for each of its threads, and a backend that is made inside is one for each thread, with sessions and locks of
//! its own.
//!
//! Other middleware finds the session in the request with [`SessionHandle::of`]:
//!
//! ```
//! use actix_web::body::MessageBody;
//! use actix_web::dev::{ServiceRequest, ServiceResponse};
//! use actix_web::{Error, error::ErrorForbidden, middleware::Next};
//! use session_actix::{SessionHandle, SessionRejection};
//!
//! async fn members_only<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
//!     let session = SessionHandle::of(&request)?.load().await.map_err(SessionRejection::from)?;
//!     if !session.contains_key("user") {
//!         return Err(ErrorForbidden("members only"));
//!     }
//!     next.call(request).await
//! }
//! ```
//!
//! # Errors
//!
//! A session that can't be loaded or kept makes a response of its own: 503 with `Retry-After` when the store is down,
//! 409 when another request was faster, else 500. [`SessionMiddleware::on_error`] replaces it, for all of them at once,
//! and [`SessionMiddleware::on_error_by_request`] does so by the head of the request: HTML for browsers, JSON for an API.
//! The headers that middleware further in has set stay, such as those for CORS and cookies, unless they describe the body.
//!
//! A handler or an inner middleware that returns an error has its session committed by the status of the error's
//! response, as if it had returned that response. What the session has to tell the client is added to the error, which
//! outer middleware gets as it was.
//!
//! Don't ask for `Option<Session>`: it is `None` also when the store is down. `Option<SessionHandle>` is `None` on routes
//! without the middleware only.
//!
//! # Order of middleware
//!
//! Middleware that uses the session goes inside of (is wrapped before) this one. A panic commits nothing.
//!
//! # Several sessions
//!
//! The middleware can be nested, around the application, a scope or a resource. Middleware of one cookie name shares the
//! request's session, and the outermost one commits it. Its configurations must agree in keys, salt, mode, store and key
//! prefix; otherwise every request is answered with 500. Middleware with cookie names of its own has sessions of its own.
//! The extractors give the session of the innermost one; [`SessionHandle::named`] finds the others:
//!
//! ```
//! use session_actix::{SessionHandle, SessionRejection};
//!
//! async fn is_admin(session: SessionHandle) -> Result<bool, SessionRejection> {
//!     Ok(session.named("admin")?.load().await?.contains_key("user"))
//! }
//! ```
//!
//! Give each cookie name a salt of its own with [`salt`](SessionConfigBuilder::salt), or use [`SessionConfigBuilder::hardened`].
//! Under one secret and salt, a client can send the cookie of one session under the name of the other, and both accept it.
//! The log warns of such configurations when the second one is put to use.
//!
//! # WebSockets
//!
//! The handler of an upgrade sees its session and may move it into the connection's task. The response to the upgrade
//! carries the cookie; what is changed later is kept by [`Session::save`](session_core::Session::save).

pub mod guide;

mod extract;
mod middleware;
mod on_error;
mod response;
mod service;
mod session;

pub use middleware::SessionMiddleware;
pub use on_error::{ByRequest, OnError, PlainText};
pub use response::Responder;
pub use service::SessionService;
pub use session::{CurrentUser, Session, SessionHandle, SessionRejection};

#[doc(no_inline)]
pub use session_core::{
    self, ConfigError, Flash, FlashLevel, Lifetime, MemoryBackend, SameSite, SessionConfig, SessionConfigBuilder,
    SessionError, SessionKey, SessionManager, SessionMap, SessionRef, UserSession,
};
