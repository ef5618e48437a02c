//! Requests that end before the store has answered.

use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Replace};
use session_redis::RedisBackend;
use session_test_support::DroppedRequests;
use tokio::time::timeout;

use crate::support::{Dice, HOUR, Server, create, manager, map, stored, until};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_dropped_requests_mix_up_no_sessions() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let mut requests = DroppedRequests::begin(manager(backend), 64).await;
    let mut dice = Dice::new(1);
    for n in 0..10_000 {
        requests.send(Duration::from_micros(dice.roll(15_000))).await;
        // The server pauses now and then, for less than the deadline and for more.
        if n % 1_000 == 500 {
            server.pause();
            tokio::time::sleep(Duration::from_millis(if n % 2_000 == 500 { 100 } else { 600 })).await;
            server.resume();
        }
    }
    let start = Instant::now();
    while !requests.wait().await {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not recover");
    }
    requests.check(100).await;
    let sessions = server.ask(&["DBSIZE"]);
    assert_eq!(sessions, [DroppedRequests::PEOPLE.to_string()], "no session was made beside those of the people");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_an_outage_are_not_applied_after_it() {
    for stop_kills in [false, true] {
        let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let backend = RedisBackend::connect(&server.url()).unwrap();
        let version = create(&backend, "session:a", r#"{"n":0}"#).await;
        if stop_kills {
            server.kill()
        } else {
            server.pause()
        }

        for n in 1..=40 {
            let value = map(&format!(r#"{{"old":{n}}}"#));
            let patience = Duration::from_millis(n % 7);
            let _ = timeout(patience, backend.replace(Replace::new("session:a", &value, HOUR, &version))).await;
        }
        if stop_kills {
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.run();
        } else {
            server.resume();
        }

        // After the outage, another process writes first, and its data is newer.
        let newer = r#"{"new":1}"#;
        server.ask(&["SET", "session:a", newer]);
        until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(newer));
    }
}

#[tokio::test]
async fn writes_that_were_dropped_early_count_as_unanswered() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", r#"{"n":0}"#).await;
    server.pause();
    let value = map(r#"{"n":1}"#);
    for _ in 0..5 {
        let early =
            timeout(Duration::from_millis(10), backend.replace(Replace::new("session:a", &value, HOUR, &version)))
                .await;
        assert!(early.is_err(), "the server can't have answered");
    }
    // The timeout passes without a further call.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let start = Instant::now();
    assert!(backend.fetch("session:a").await.is_err());
    assert!(start.elapsed() < Duration::from_millis(100), "the server is still asked");
    server.resume();
    until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
}
