//! The formats of other frameworks at actix-demo, which runs these tests: those of axum-demo, with another program.

#[allow(dead_code, unused_imports, unused_macros, reason = "axum-demo has tests that need more of it")]
mod support;

mod actix_session;
mod cookie_session;
mod django_cache;
#[cfg(feature = "sql")]
mod django_cached_db;
mod django_cookie;
#[cfg(feature = "sql")]
mod django_db;
mod express;
mod flask;
mod flask_session;
#[cfg(unix)]
mod pickle;
mod tower_sessions;

/// The program that the tests start.
const PROGRAM: &str = env!("CARGO_BIN_EXE_actix-demo");
