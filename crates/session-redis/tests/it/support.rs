//! Helpers that several modules of tests share.

mod cluster;
mod manager;
mod server;

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use session_core::{AtomicBackend, Create, SessionMap, Version, WriteOutcome};
use session_redis::RedisBackend;

pub(crate) use cluster::Cluster;
pub(crate) use manager::{SECRET, config, manager};
pub(crate) use server::{REMEMBER, allow_user, forget_calls, sent};
pub(crate) use session_test_support::{
    Browser, Endpoint, Lag, Log, RedisConnection as Connection, RedisServer as Server, free_port,
};

/// Longer than any test takes.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("a test writes JSON")
}

/// Returns a connected client of the application's.
pub(crate) async fn client(server: &Server) -> Client {
    let client = Client::new(Config::from_url(&server.url()).expect("the url is good"), None, None, None);
    client.init().await.expect("the server answers");
    client
}

/// Stores a new session.
pub(crate) async fn create(backend: &RedisBackend, key: &str, json: &str) -> Version {
    match backend.create(Create::new(key, &map(json), HOUR)).await.expect("the server answers") {
        WriteOutcome::Done(version) => version,
        other => panic!("{other:?}"),
    }
}

/// Returns the text of a stored session.
pub(crate) async fn stored(backend: &RedisBackend, key: &str) -> Option<String> {
    backend.fetch(key).await.expect("the server answers").map(|stored| stored.session.into_json())
}

/// Tries until it succeeds, and returns the time that this took.
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

/// Waits until a condition holds that a test needs.
pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a backend for tests whose load the machine can't carry within the usual timeout.
pub(crate) fn patient(url: &str) -> RedisBackend {
    RedisBackend::builder().timeout(Duration::from_secs(20)).connect(url).expect("the url is good")
}
