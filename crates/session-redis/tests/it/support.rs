//! Helpers that several modules of tests share.

mod cluster;
mod manager;
mod server;

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use session_redis::RedisBackend;

pub(crate) use cluster::Cluster;
pub(crate) use manager::{SECRET, config, manager};
pub(crate) use server::{REMEMBER, allow_user, forget_calls, sent};
pub(crate) use session_test_support::{
    Browser, Dice, Endpoint, HOUR, Lag, Log, RedisConnection as Connection, RedisServer as Server, create, free_port,
    map, races, stored, until,
};

/// Returns a connected client of the application.
pub(crate) async fn client(server: &Server) -> Client {
    let client = Client::new(Config::from_url(&server.url()).expect("the url is good"), None, None, None);
    client.init().await.expect("the server answers");
    client
}

/// Waits until a condition of a test holds.
pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a backend for tests whose load takes longer than the usual timeout.
pub(crate) fn patient(url: &str) -> RedisBackend {
    RedisBackend::builder().timeout(Duration::from_secs(20)).connect(url).expect("the url is good")
}
