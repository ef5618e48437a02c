//! HTTP sessions for everything that is a tower service: axum, hyper, tonic.
//!
//! [`SessionLayer`] opens the session of each request and commits it with the response. With feature `axum`,
//! [`Session`] is an extractor:
//!
//! ```no_run
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use session_tower::{Session, SessionConfig, SessionLayer, SessionRejection};
//!
//! async fn visits(session: Session) -> Result<String, SessionRejection> {
//!     let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session").build()?;
//! let app: Router = Router::new().route("/", get(visits)).layer(SessionLayer::new(config));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without axum, the request's extensions hold a [`SessionHandle`]:
//!
//! ```
//! use http::{Request, Response};
//! use session_tower::{SessionHandle, SessionRejection};
//!
//! async fn visits(request: Request<String>) -> Result<Response<String>, SessionRejection> {
//!     let session = SessionHandle::of(&request)?.load().await?;
//!     let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
//!     Ok(Response::new(format!("visit {visits}")))
//! }
//! ```
//!
//! # Errors
//!
//! A session that can't be loaded or kept makes a response of its own: 503 with `Retry-After` when the store is down,
//! 409 when another request was faster, else 500. [`SessionLayer::on_error`] replaces it, for all of them at once, and
//! [`SessionLayer::on_error_by_request`] does so by the head of the request: HTML for browsers, JSON for an API.
//! The headers that layers further in have set stay, such as those for CORS and cookies, unless they describe the body.
//! A service that returns a session error as its own error gets this answer, too: as [`SessionRejection`], `SessionError` or a
//! boxed error with one of them among its sources.
//!
//! # Order of layers
//!
//! Middleware that uses the session goes inside of (is added before) this layer. A layer that catches panics goes outside
//! of it; a panic commits nothing.
//!
//! # Several sessions
//!
//! Layers can be nested. Those of one cookie name share the request's session, and the outermost one commits it. Their
//! configurations must agree in keys, salt, mode, store and key prefix; otherwise every request is answered with 500.
//! Layers with cookie names of their own have sessions of their own. Extractors and extensions give the session of the innermost
//! one; [`SessionHandle::named`] finds the others:
//!
//! ```
//! use session_tower::{SessionHandle, SessionRejection};
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

mod cause;
#[cfg(feature = "axum")]
mod extract;
mod layer;
mod on_error;
mod response;
mod service;
mod session;

pub use layer::SessionLayer;
pub use on_error::{ByRequest, OnError, PlainText, RequestHead};
pub use response::Responder;
pub use service::SessionService;
pub use session::{CurrentUser, Session, SessionHandle, SessionRejection};

#[doc(no_inline)]
pub use session_core::{
    self, ConfigError, Flash, FlashLevel, Lifetime, MemoryBackend, SameSite, SessionConfig, SessionConfigBuilder,
    SessionError, SessionKey, SessionManager, SessionMap, SessionRef, UserSession,
};
