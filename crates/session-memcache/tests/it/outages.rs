//! Servers that are killed, restarted, or hang.

use std::error::Error;
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendErrorKind, Create, Rotate, SessionConfig, SessionManager, WriteOutcome};

use session_core::adapter::CommitState;
use session_memcache::MemcacheBackend;

use crate::support::{LONG, PlainCalls, Server, map, version};

/// The default timeout, and room for a busy machine.
const BOUND: Duration = Duration::from_secs(1);

/// A backend with the defaults: a call takes at most 250 ms.
fn backend(server: &Server) -> MemcacheBackend {
    MemcacheBackend::new([server.address()]).expect("the address is good")
}

/// Makes calls for this time. Each call must fail within the bound. Returns the time that each took.
async fn fails_for(backend: &MemcacheBackend, time: Duration) -> Vec<Duration> {
    let begin = Instant::now();
    let mut waits = Vec::new();
    while begin.elapsed() < time {
        let asked = Instant::now();
        let error = backend.get("key").await.expect_err("it is down");
        assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{error}");
        waits.push(asked.elapsed());
        assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    waits
}

/// Returns the time until a call succeeds again.
async fn recovery(backend: &MemcacheBackend) -> Duration {
    let begin = Instant::now();
    while backend.get("key").await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(1), "it does not recover");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begin.elapsed()
}

#[tokio::test]
async fn a_killed_server_fails_at_once_and_is_used_again_when_it_is_back() {
    let mut server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map("{}"), LONG).await.unwrap();
    server.kill();
    fails_for(&backend, Duration::from_millis(700)).await;
    server.start_again();
    recovery(&backend).await;
    assert_eq!(backend.get("key").await.unwrap(), None, "it has forgotten everything");
    assert!(matches!(backend.create(Create::new("key", &map("{}"), LONG)).await.unwrap(), WriteOutcome::Done(_)));
}

#[tokio::test]
async fn a_server_that_hangs_costs_a_bounded_wait_and_then_none_until_it_goes_on() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map("{}"), LONG).await.unwrap();
    server.pause();
    let waits = fails_for(&backend, Duration::from_secs(3)).await;
    let short = waits.iter().filter(|wait| **wait < Duration::from_millis(20)).count();
    assert!(short * 2 > waits.len(), "most requests don't wait for a server that is known to hang: {waits:?}");
    server.resume();
    recovery(&backend).await;
    assert_eq!(backend.get("key").await.unwrap(), Some(map("{}")));
}

#[tokio::test]
async fn a_restart_between_two_calls_goes_unnoticed_by_reads() {
    let mut server = Server::start();
    let backend = backend(&server);
    // Several connections wait in the pool.
    let reads: Vec<_> = (0..8).map(|_| backend.get("key")).collect();
    futures_util::future::join_all(reads).await;
    server.kill();
    server.start_again();
    for _ in 0..20 {
        assert_eq!(backend.get("key").await.unwrap(), None);
    }
    assert!(matches!(backend.create(Create::new("key", &map("{}"), LONG)).await.unwrap(), WriteOutcome::Done(_)));
}

#[tokio::test]
async fn a_call_is_bounded_by_the_timeout_and_the_longest_one_is_no_panic() {
    let server = Server::start();
    for timeout in [Duration::from_secs(2), Duration::MAX] {
        let backend = MemcacheBackend::builder([server.address()]).timeout(timeout).build().unwrap();
        assert!(backend.call_timeout().is_some_and(|limit| limit >= timeout));
        let (old, new, session) = (format!("old{timeout:?}"), format!("new{timeout:?}"), map("{}"));
        let at = version(backend.create(Create::new(&old, &session, LONG)).await.unwrap());
        version(backend.rotate(Rotate::new(&old, &new, &session, LONG, &at)).await.unwrap());
        assert!(backend.get(&new).await.unwrap().is_some());
        backend.delete(&new).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_may_take_as_long_as_the_request_unless_a_timeout_is_set() {
    let server = Server::start();
    let builder = || MemcacheBackend::builder([server.address()]);
    let backends = [builder().build().unwrap(), builder().timeout(Duration::from_millis(70)).build().unwrap()];
    for (backend, limit) in backends.into_iter().zip(["within 400ms", "within 70ms"]) {
        backend.set("key", &map("{}"), LONG).await.unwrap();
        let config = SessionConfig::builder("a secret of at least thirty-two bytes", "id").backend(backend.clone());
        let _manager = SessionManager::new(config.request_deadline(Duration::from_millis(400)).build().unwrap());
        server.pause();
        let error = backend.get("key").await.unwrap_err();
        server.resume();
        let cause = std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string);
        let cause: Vec<_> = cause.collect();
        assert!(cause.concat().contains(limit), "{cause:?}");
    }
}

#[tokio::test]
async fn a_request_deadline_shorter_than_the_timeout_opens_the_breaker_too() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map("{}"), LONG).await.unwrap();
    server.pause();
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(150), backend.get("key")).await.is_err());
    }
    let error = backend.get("key").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable, "it is known to be down");
}

#[tokio::test]
async fn requests_that_do_not_touch_their_session_do_not_notice_an_outage() {
    let mut server = Server::start();
    let config = SessionConfig::builder("a secret of at least thirty-two bytes", "id").backend(backend(&server));
    let manager = SessionManager::new(config.build().unwrap());
    let handle = manager.open([]);
    handle.load().await.unwrap().insert("user", "ann").unwrap();
    let set_cookie = handle.commit(200).await.set_cookie.expect("a new session");
    let cookie = set_cookie.as_str().split(';').next().expect("a part");
    server.kill();

    let untouched = manager.open([cookie.as_bytes()]);
    let CommitState::Ready(commit) = untouched.try_commit(200) else { panic!("there is nothing to wait for") };
    assert!(commit.error.is_none() && commit.set_cookie.is_none());

    let begin = Instant::now();
    let error = manager.open([cookie.as_bytes()]).load().await.map(drop).unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (503, Some(1)));
    assert!(begin.elapsed() < BOUND);
}
