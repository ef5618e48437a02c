//! The demo as its users meet it: it passes all tests of axum-demo.
//!
//! On Unix only: the program is ended by signals.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod actix_session;
#[path = "../../../axum-demo/tests/it/client.rs"]
mod client;
#[path = "../../../axum-demo/tests/it/concurrency.rs"]
mod concurrency;
#[path = "../../../axum-demo/tests/it/demo.rs"]
mod demo;
#[path = "../../../axum-demo/tests/it/memcache.rs"]
mod memcache;
#[path = "../../../axum-demo/tests/it/page.rs"]
mod page;
#[path = "../../../axum-demo/tests/it/redis.rs"]
mod redis;
#[path = "../../../axum-demo/tests/it/routes.rs"]
mod routes;
#[path = "../../../axum-demo/tests/it/scenarios.rs"]
mod scenarios;
mod served;
#[path = "../../../axum-demo/tests/it/sessions.rs"]
mod sessions;
#[cfg(feature = "sql")]
#[path = "../../../axum-demo/tests/it/sql.rs"]
mod sql;
#[path = "../../../axum-demo/tests/it/start.rs"]
mod start;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_actix-demo");
