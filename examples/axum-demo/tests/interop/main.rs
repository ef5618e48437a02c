//! Rust and the real Python, behind one cookie.
//!
//! The Python side is `xtask/python/peer.py`: starlette-session, and Starlette's own session middleware, whose cookies
//! are the same. It runs in the interpreter that the environment variable `SESSION_PYTHON` names; `cargo xtask test`
//! sets it.

mod support;

mod defects;
mod differential;
mod exact_bytes;
mod forgery;
mod lifetime;
mod redis;
#[path = "../../../../crates/session-redis/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the tests of session-redis use all of it, these a part")]
mod redis_server;
mod reserved_key;
#[path = "../../../../crates/session-redis/tests/it/support/resp.rs"]
mod resp;
mod rotation;
mod sharing;
#[path = "../../../../crates/session-memcache/tests/it/support/signal.rs"]
mod signal;
mod values;
