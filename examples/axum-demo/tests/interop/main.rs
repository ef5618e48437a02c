//! Rust and the real Python, which share one cookie.
//!
//! The Python side is `xtask/python/peer.py`: starlette-session, and Starlette's own session middleware, whose cookies
//! are the same. It runs in the interpreter that the environment variable `SESSION_PYTHON` names; `cargo xtask test`
//! sets it.

mod support;

mod actix_session;
mod adopt;
mod cookie_session;
mod defects;
mod differential;
mod django_cache;
#[cfg(feature = "sql")]
mod django_cached_db;
mod django_cookie;
#[cfg(feature = "sql")]
mod django_db;
mod exact_bytes;
mod express;
mod flask;
mod flask_session;
mod forgery;
mod lifetime;
#[cfg(unix)]
mod pickle;
mod redis;
mod reserved_key;
mod rotation;
mod sharing;
mod tower_sessions;
mod values;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_axum-demo");
