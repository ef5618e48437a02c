//! The demo as its users meet it: the real program on a free port, and clients that speak HTTP to it. The modules are
//! actix-demo's tests, too.
//!
//! On Unix only: the program is ended by signals.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod client;
mod concurrency;
mod demo;
#[path = "../../../../crates/session-redis/tests/it/support/lag.rs"]
mod lag;
mod memcache;
#[path = "../../../../crates/session-memcache/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the tests of session-memcache use all of it, these a part")]
mod memcached;
mod page;
mod redis;
#[path = "../../../../crates/session-redis/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the tests of session-redis use all of it, these a part")]
mod redis_server;
#[path = "../../../../crates/session-redis/tests/it/support/resp.rs"]
mod resp;
mod routes;
mod scenarios;
mod served;
#[path = "../../../../crates/session-memcache/tests/it/support/signal.rs"]
mod signal;
mod start;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_axum-demo");
