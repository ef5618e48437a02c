//! The demo as its users meet it: the real program on a free port, and clients that speak HTTP to it. actix-demo runs
//! the same modules.
//!
//! On Unix only: the program is ended by signals.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod churn;
mod client;
mod concurrency;
mod demo;
mod memcache;
mod page;
mod redis;
mod routes;
mod scenarios;
mod served;
mod sessions;
#[cfg(feature = "sql")]
mod sql;
mod start;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_axum-demo");
