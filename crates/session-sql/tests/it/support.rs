//! Helpers that several modules of tests share.

mod database;
mod manager;
mod mysql;
mod postgres;
mod server;
mod sqlite;

use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendError, Create, SessionMap, Version, WriteOutcome};
use session_sql::SqlBackend;

pub(crate) use database::{Database, on_each_database};
pub(crate) use manager::{config, manager, manager_with_clock};
pub(crate) use postgres::connect_to_postgres;
pub(crate) use server::{Server, on_each_server};
pub(crate) use session_test_support::Browser;

/// Longer than any test takes.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("a test writes JSON")
}

/// Stores a new session.
pub(crate) async fn create(backend: &SqlBackend, key: &str, json: &str) -> Version {
    match backend.create(Create::new(key, &map(json), HOUR)).await.expect("the database answers") {
        WriteOutcome::Done(version) => version,
        other => panic!("there is one already: {other:?}"),
    }
}

/// Returns the text of a stored session.
pub(crate) async fn stored(backend: &SqlBackend, key: &str) -> Option<String> {
    backend.fetch(key).await.expect("the database answers").map(|stored| stored.session.into_json())
}

/// Returns the words that say why a call failed.
pub(crate) fn cause(error: &BackendError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Tries until it succeeds, and returns how long that took.
pub(crate) async fn until<F: Future<Output = bool>>(
    what: &str,
    limit: Duration,
    mut done: impl FnMut() -> F,
) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}
