//! HTTP sessions for every tower service: axum, hyper, tonic.
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
//! If a session can't be loaded or committed, the layer makes the response: 503 with `Retry-After` if the store is
//! down, 409 if another request was faster; [`SessionError::status`] lists all. [`SessionLayer::on_error`] replaces
//! these responses. With [`SessionLayer::on_error_by_request`] they can depend on the request: HTML for browsers, JSON
//! for an API. Headers that inner layers have set are kept, such as those for CORS and cookies, unless they describe
//! the body.
//!
//! The layer makes this response too if the inner service returns a session error as its own error: a
//! [`SessionRejection`], a `SessionError`, or a boxed error with one of them among its sources.
//!
//! # Order of layers
//!
//! Middleware that uses the session belongs inside this layer: add it before this one with `Router::layer`, and after it
//! in a `ServiceBuilder`, whose first layer is the outermost. A layer that catches panics belongs outside. A panic
//! commits nothing.
//!
//! # Several sessions
//!
//! Layers can be nested. Layers of one cookie name share the request's session, and the outermost one commits it. Their
//! configurations must agree in keys, salt, mode, store and key prefix; otherwise every request is answered with 500.
//! Layers with different cookie names have separate sessions. Extractors and extensions return the session of the
//! innermost layer; [`SessionHandle::named`] finds the others:
//!
//! ```
//! use session_tower::{SessionHandle, SessionRejection};
//!
//! async fn is_admin(session: SessionHandle) -> Result<bool, SessionRejection> {
//!     Ok(session.named("admin")?.load().await?.contains_key("user"))
//! }
//! ```
//!
//! Give each cookie name its own salt with [`salt`](SessionConfigBuilder::salt), or use
//! [`SessionConfigBuilder::hardened`]. Otherwise a client can send the cookie of one session under the name of the
//! other, and both layers accept it. The log warns when the second of two such configurations is used.
//!
//! # WebSockets
//!
//! The handler of an upgrade can move its session into the connection's task. The response to the upgrade carries the
//! cookie. Later changes are stored only by [`Session::save`](session_core::Session::save).

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
#[cfg(feature = "serde")]
#[doc(no_inline)]
pub use session_core::{SessionSettings, SettingsError};
