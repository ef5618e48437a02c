//! HTTP sessions, without a web framework: what `session-tower` and `session-actix` are made of.
//!
//! Cookies are byte-compatible with those of Starlette and starlette-session, so that a service in Rust and one in Python
//! can share a login. Users of a framework take the adapter crate, which re-exports what they need; this crate is for
//! authors of adapters and backends, and works alone:
//!
//! ```
//! use session_core::{MemoryBackend, SessionConfig, SessionConfigBuilder, SessionManager};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = SessionConfigBuilder::development("session")
//!     .backend(MemoryBackend::new())
//!     .build()?;
//! let manager = SessionManager::new(config);
//!
//! // Each request: open, load when the handler asks, change, commit.
//! let handle = manager.open([]);
//! let session = handle.load().await?;
//! session.insert("user", "ann")?;
//! let commit = handle.commit(200).await;
//!
//! // The client sends back what it was given.
//! let set_cookie = commit.set_cookie.expect("a new session has a cookie");
//! let cookie = set_cookie.as_str().split(';').next().unwrap_or_default();
//! let handle = manager.open([cookie.as_bytes()]);
//! let session = handle.load().await?;
//! assert_eq!(session.get::<String>("user")?.as_deref(), Some("ann"));
//! # Ok(())
//! # }
//! ```
//!
//! # Parts
//!
//! - [`SessionConfig`]: all parameters, checked as a whole.
//! - [`SessionManager`]: opens a request's session, commits it with the response.
//! - [`SessionHandle`] and [`Session`]: the session before and after it is loaded.
//! - [`ISessionBackend`] and [`AtomicBackend`]: what a store does; [`MemoryBackend`] is one. A store with a [`UserIndex`]
//!   lists and ends the sessions of a user: see [`Session::sign_in`] and [`SessionManager::sessions_of`].
//! - [`SessionMap`]: the data, as JSON text that stays as it came.
//! - [`signer`]: `itsdangerous` in Rust, of use without sessions too.
//!
//! # What a request costs
//!
//! | | signatures verified and made | calls of the store | `Set-Cookie` |
//! |---|---|---|---|
//! | never asks for its session | 0 | 0 | no |
//! | reads | 1 | 1 | no |
//! | writes, session in a store | 1 | 2 | no |
//! | writes, session in the cookie | 2 | 0 | yes |
//!
//! and once in a tenth of the lifetime (in the cookie: in half of it) a new signature, and a call that extends the stored
//! session's TTL. [`AtomicBackend`] tells
//! which calls these are. The text of a session is scanned for its keys; only values that a request asks for are parsed.
//! The project's README has the cost in instructions, allocations and time, beside other crates.
//!
//! # Log
//!
//! Events go through `tracing`. They name a session by a fingerprint, never by its id. An untouched request logs nothing.
//!
//! - `session_core::absence`, level `debug`: one event for each request that asks for its session and has none, with the
//!   cause and the number of such events so far. [`Session::absence`] returns the cause to the application.
//! - `session_core::lifecycle`, level `debug`: sessions created, renewed, refreshed and destroyed, and changes that were
//!   dropped.
//! - Other targets that start with the name of a crate: warnings and errors.
//!
//! [`on_event`](SessionConfigBuilder::on_event) tells the application itself, with the user: for audit logs and mails.
//!
//! # Runtime
//!
//! Backends that wait need a Tokio runtime with time enabled, for the deadline. Sessions in the cookie and in memory need
//! no runtime at all.

pub mod adapter;
pub mod format;
pub mod guide;
pub mod signer;

mod absence;
mod backend;
mod changes;
mod clock;
mod codec;
mod config;
mod cookie;
mod encoding;
mod error;
mod event;
mod handle;
mod id;
mod log;
mod manager;
mod map;
mod meta;
mod request;
mod session;
mod shared_tokens;
mod sync;
mod text;
mod token;
mod user;

pub use absence::Absence;
pub use async_trait::async_trait;
pub use backend::{
    Applied, AtomicBackend, Backend, BackendError, BackendErrorKind, Create, ISessionBackend, IndexedSession,
    MARKER_LIFETIME, Marker, MemoryBackend, MemoryBackendBuilder, Remove, Replace, Rotate, ScanCursor, ScanPage,
    SessionScan, StoreFuture, Stored, Touch, UserEpochs, UserIndex, Version, WriteOutcome,
};
pub use clock::{Clock, SystemClock};
pub use codec::{JsonCodec, SessionCodec};
pub use config::{
    ConfigError, Https, OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite, SessionConfig,
    SessionConfigBuilder,
};
pub use error::SessionError;
pub use event::{SessionEvent, SessionEventKind};
pub use handle::SessionHandle;
pub use id::SessionId;
pub use manager::{ScannedSession, SessionManager};
pub use map::{MapError, SessionMap, ValueError};
pub use session::{Flash, FlashLevel, Lifetime, Session, SessionKey};
pub use user::{ParseSessionRefError, SessionRef, UserSession};

/// The names of starlette-session.
pub mod starlette {
    pub use crate::config::{BackendType, UnknownPredefinedBackend};
}
