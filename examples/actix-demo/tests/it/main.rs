//! The demo as its users meet it: it passes all tests of axum-demo.
//!
//! On Unix only: the program is ended by signals.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

#[path = "../../../axum-demo/tests/it/client.rs"]
mod client;
#[path = "../../../axum-demo/tests/it/concurrency.rs"]
mod concurrency;
#[path = "../../../axum-demo/tests/it/demo.rs"]
mod demo;
#[path = "../../../../crates/session-redis/tests/it/support/lag.rs"]
mod lag;
#[path = "../../../axum-demo/tests/it/memcache.rs"]
mod memcache;
#[path = "../../../../crates/session-memcache/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the tests of session-memcache use all of it, these a part")]
mod memcached;
#[path = "../../../axum-demo/tests/it/page.rs"]
mod page;
#[path = "../../../axum-demo/tests/it/redis.rs"]
mod redis;
#[path = "../../../../crates/session-redis/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the tests of session-redis use all of it, these a part")]
mod redis_server;
#[path = "../../../../crates/session-redis/tests/it/support/resp.rs"]
mod resp;
#[path = "../../../axum-demo/tests/it/routes.rs"]
mod routes;
#[path = "../../../axum-demo/tests/it/scenarios.rs"]
mod scenarios;
mod served;
#[path = "../../../../crates/session-memcache/tests/it/support/signal.rs"]
mod signal;
#[path = "../../../axum-demo/tests/it/start.rs"]
mod start;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_actix-demo");
