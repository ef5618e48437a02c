//! HTTP sessions without a web framework: the core of `session-tower` and `session-actix`.
//!
//! Cookies are byte-compatible with those of Starlette and starlette-session, so a Rust service and a Python service
//! can share a login.
//!
//! Applications depend on the adapter crate of their web framework, which re-exports the types that handlers need. This
//! crate is for authors of adapters and backends. It also works on its own:
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
//! // The client sends the cookie back.
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
//! - [`SessionConfig`]: all settings, validated together when it is built.
//! - [`SessionManager`]: opens the session of each request.
//! - [`SessionHandle`]: a request's session before it is loaded; it also commits the session with the response.
//!   [`Session`]: the session after it is loaded.
//! - [`ISessionBackend`] and [`AtomicBackend`]: the traits of a store. [`MemoryBackend`] is one implementation. A store
//!   with a [`UserIndex`] can list and end the sessions of a user; see [`Session::sign_in`] and
//!   [`SessionManager::sessions_of`].
//! - [`SessionMap`]: the data of a session, as JSON text. Values that no request changes stay byte for byte.
//! - [`signer`]: Python's `itsdangerous` in Rust. It can be used without sessions.
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
//! In addition, a session in use is refreshed each time a tenth of its lifetime has passed: one signature for a new
//! cookie, and one call that extends the stored session's TTL. A session in the cookie is refreshed after half of its
//! lifetime, without a call. [`AtomicBackend`] lists the calls of each request.
//!
//! The text of a session is scanned for its keys; only values that a request asks for are parsed. `xtask/bench` of the
//! project compares the cost in instructions, allocations and time with that of other crates.
//!
//! # Log
//!
//! The library logs through `tracing`. Log lines name a session by a fingerprint, never by its id. A request that never
//! asks for its session logs nothing.
//!
//! - `session_core::absence`, level `debug`: an event for each request that asks for its session and has none, with the
//!   cause and the number of events with this cause so far. If the request then writes, and the store knows that the
//!   session was destroyed or renewed, a second event says so. [`Session::absence`] returns the cause to the application.
//! - `session_core::lifecycle`, level `debug`: sessions created, renewed, refreshed and destroyed, and changes that were
//!   dropped.
//! - Other targets that start with the name of a crate: warnings and errors.
//!
//! For audit logs and mails, [`on_event`](SessionConfigBuilder::on_event) calls a function of the application at each
//! sign-in, sign-out and refusal, with the user's id where it is known.
//!
//! # Runtime
//!
//! A backend that does I/O needs a Tokio runtime with time enabled, because the request deadline is a Tokio timer.
//! Sessions in the cookie and in memory need no runtime.

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
mod metrics;
mod names;
mod request;
mod session;
mod session_cookie;
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
pub use codec::{CodecRefusal, JsonCodec, SessionCodec};
pub use config::{
    ConfigError, Https, OnCorrupt, OnDuplicate, OnGone, OnSessionLimit, Refresh, SameSite, SessionConfig,
    SessionConfigBuilder,
};
#[cfg(feature = "serde")]
pub use config::{SessionSettings, SettingsError};
pub use error::SessionError;
pub use event::{SessionEvent, SessionEventKind};
pub use handle::SessionHandle;
pub use id::SessionId;
pub use manager::{ScannedSession, SessionManager};
pub use map::{MapError, SessionMap, ValueError};
pub use names::UnknownName;
pub use session::{Flash, FlashLevel, Lifetime, Session, SessionKey};
pub use user::{ParseSessionRefError, SessionRef, UserSession};

/// The names of starlette-session.
pub mod starlette {
    pub use crate::config::{BackendType, UnknownPredefinedBackend};
}
