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
//! Make the middleware *outside* of the closure that `HttpServer::new` takes, and clone it inside. actix-web calls the
//! closure once for each of its threads. If a backend is made inside, each thread has its own, with separate sessions
//! and locks.
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
//! If a session can't be loaded or committed, the middleware makes the response: 503 with `Retry-After` if the store is
//! down, 409 if another request was faster; [`SessionError::status`] lists all. [`SessionMiddleware::on_error`]
//! replaces these responses. With [`SessionMiddleware::on_error_by_request`] they can depend on the request: HTML for
//! browsers, JSON for an API. Headers that inner middleware has set are kept, such as those for CORS and cookies,
//! unless they describe the body.
//!
//! If a handler or an inner middleware returns an error, the session is committed with the status of the error's
//! response. The session's headers are added to that response. Outer middleware receives the error itself. If the
//! commit fails, outer middleware receives the session error instead.
//!
//! Don't use `Option<Session>` as an extractor, because it is also `None` if the store is down. `Option<SessionHandle>`
//! is `None` only on routes without the middleware.
//!
//! # Order of middleware
//!
//! Middleware that uses the session belongs inside this one: pass it to `wrap` before this one. A panic commits
//! nothing.
//!
//! # Several sessions
//!
//! The middleware can be nested, around the application, a scope or a resource. Middleware of one cookie name shares
//! the request's session, and the outermost one commits it. The configurations must agree in keys, salt, mode, store
//! and key prefix; otherwise every request is answered with 500. Middleware with different cookie names has separate
//! sessions. The extractors return the session of the innermost one; [`SessionHandle::named`] finds the others:
//!
//! ```
//! use session_actix::{SessionHandle, SessionRejection};
//!
//! async fn is_admin(session: SessionHandle) -> Result<bool, SessionRejection> {
//!     Ok(session.named("admin")?.load().await?.contains_key("user"))
//! }
//! ```
//!
//! Give each cookie name its own salt with [`salt`](SessionConfigBuilder::salt), or use
//! [`SessionConfigBuilder::hardened`]. Otherwise a client can send the cookie of one session under the name of the
//! other, and both accept it. The log warns when the second of two such configurations is used.
//!
//! # WebSockets
//!
//! The handler of an upgrade can move its session into the connection's task. The response to the upgrade carries the
//! cookie. Later changes are stored only by [`Session::save`](session_core::Session::save).

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
#[cfg(feature = "serde")]
#[doc(no_inline)]
pub use session_core::{SessionSettings, SettingsError};
