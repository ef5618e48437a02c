//! Servers that are slow, gone, full or read-only.

use std::time::{Duration, Instant};

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Remove, Replace, Rotate, SessionError,
    SessionManager, WriteOutcome,
};

use session_core::adapter::CommitState;
use session_redis::{RedisBackend, RedisBackendBuilder};
use tokio::time::timeout;

use crate::support::{
    Browser, Endpoint, HOUR, Lag, Log, Server, config, create, free_port, manager, map, stored, until,
};

const TIMEOUT: Duration = Duration::from_millis(250);

async fn timed(backend: &RedisBackend) -> (Result<(), BackendError>, Duration) {
    let start = Instant::now();
    let outcome = backend.fetch("session:a").await.map(drop);
    (outcome, start.elapsed())
}

/// Makes calls until they fail fast.
async fn open_breaker(backend: &RedisBackend) {
    let lag = Lag::watch();
    let mut times = Vec::new();
    for _ in 0..5 {
        let (outcome, time) = timed(backend).await;
        assert!(outcome.is_err());
        times.push(time);
    }
    // One of them may be late on a machine that is busy with other tests.
    times.sort_unstable();
    assert!(times[2] < TIMEOUT + Duration::from_millis(50) + lag.allowance(), "{times:?}");
    assert!(times[4] < Duration::from_secs(2), "{times:?}");
}

async fn assert_fails_at_once(backend: &RedisBackend) {
    let mut times = Vec::new();
    for _ in 0..100 {
        let (outcome, time) = timed(backend).await;
        let error = outcome.expect_err("the server can't have answered");
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::No));
        times.push(time);
    }
    times.sort_unstable();
    println!("with an open breaker a call takes {:?}", times[50]);
    assert!(times[50] < Duration::from_millis(1), "{times:?}");
}

async fn assert_recovers(backend: &RedisBackend) {
    let lag = Lag::watch();
    let answers = || async { backend.fetch("session:a").await.is_ok() };
    let time = until("recovery", Duration::from_secs(10), answers).await;
    assert!(time < Duration::from_secs(1) + lag.allowance(), "{time:?}");
    println!("answers again after {time:?}");
}

#[tokio::test]
async fn a_call_may_take_as_long_as_the_request_unless_a_timeout_is_set() {
    let server = Server::start(&[]);
    let connected = [RedisBackend::connect(&server.url()).unwrap(), patient_for(70).connect(&server.url()).unwrap()];
    for backend in &connected {
        // The connection is made before the manager tells its deadline.
        assert_eq!(stored(backend, "session:a").await, None);
    }
    for (backend, limit) in connected.into_iter().zip(["within 400ms", "within 70ms"]) {
        let deadline = Duration::from_millis(400);
        let _manager = SessionManager::new(config(backend.clone()).request_deadline(deadline).build().unwrap());
        server.pause();
        let error = timed(&backend).await.0.unwrap_err();
        server.resume();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(limit), "{cause}");
    }
}

fn patient_for(millis: u64) -> RedisBackendBuilder {
    RedisBackend::builder().timeout(Duration::from_millis(millis))
}

#[tokio::test]
async fn calls_to_a_stopped_server_time_out_then_fail_fast_and_recover() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    for _ in 0..2 {
        server.pause();
        open_breaker(&backend).await;
        assert_fails_at_once(&backend).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.resume();
        assert_recovers(&backend).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some("{}"));
    }
}

#[tokio::test]
async fn cancelled_calls_open_the_breaker_if_they_waited_for_about_the_timeout() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    server.pause();
    for _ in 0..10 {
        let early = timeout(TIMEOUT / 10, backend.fetch("session:a")).await;
        assert!(early.is_err(), "the server can't have answered");
    }
    assert!(timeout(TIMEOUT / 10, backend.fetch("session:a")).await.is_err(), "it is still asked");
    for _ in 0..5 {
        // Just before the call would end by itself. On a busy machine it may indeed do so.
        let _ = timeout(TIMEOUT - Duration::from_millis(10), backend.fetch("session:a")).await;
    }
    assert_fails_at_once(&backend).await;
    server.resume();
    assert_recovers(&backend).await;
}

#[tokio::test]
async fn calls_to_a_killed_server_fail_fast_and_succeed_after_its_restart() {
    let mut server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    for _ in 0..2 {
        server.kill();
        open_breaker(&backend).await;
        assert_fails_at_once(&backend).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.run();
        assert_recovers(&backend).await;
        assert_eq!(stored(&backend, "session:a").await, None, "it kept nothing");
    }
}

#[tokio::test]
async fn a_backend_starts_before_its_server() {
    let mut server = Server::new(free_port(), &[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    open_breaker(&backend).await;
    server.run();
    assert_recovers(&backend).await;
    create(&backend, "session:a", "{}").await;
}

#[test]
fn a_backend_can_be_made_before_the_runtime() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        create(&backend, "session:a", r#"{"a":1}"#).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
    });
}

#[tokio::test]
async fn a_restart_between_two_requests_goes_unnoticed() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", r#"{"a":1}"#).await;
    let log = Log::capture("session_redis");
    for n in 0..5 {
        server.kill();
        server.run();
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
        server.kill();
        server.run();
        // A write is not sent twice, so the runtime has to notice that the connection was closed.
        tokio::time::sleep(Duration::from_millis(20)).await;
        create(&backend, &format!("session:{n}"), "{}").await;
    }
    assert_eq!(log.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_script_that_has_to_be_sent_twice_has_one_deadline_for_both() {
    let server = Server::start(&[]);
    let way = Endpoint::to(server.port);
    let backend = RedisBackend::connect(&format!("redis://127.0.0.1:{}", way.port())).unwrap();
    let version = create(&backend, "session:a", "{}").await;
    way.delay(TIMEOUT * 3 / 4);
    let error = backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::Maybe));
    way.delay(Duration::ZERO);
    until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
    assert_eq!(server.calls().get("eval"), Some(&2), "neither script was known at first");
}

#[tokio::test]
async fn requests_to_a_stopped_server_are_refused_and_keep_their_cookie() {
    let server = Server::start(&[]);
    let manager = manager(RedisBackend::connect(&server.url()).unwrap());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 1).unwrap()).await;
    server.pause();

    let untouched = browser.open(&manager);
    assert!(
        matches!(untouched.try_commit(200), CommitState::Ready(_)),
        "who never asks for the session waits for nothing"
    );

    let handle = browser.open(&manager);
    let error = handle.load().await.unwrap_err();
    assert!(matches!(&error, SessionError::Store(_)) && error.status() == 503, "{error}");
    assert_eq!(handle.commit(503).await.set_cookie, None);

    server.resume();
    until("recovery", Duration::from_secs(5), || async { browser.open(&manager).load().await.is_ok() }).await;
    assert_eq!(browser.see(&manager, "n").await, Some(1));
}

#[tokio::test]
async fn a_session_survives_a_renewal_that_is_refused_for_lack_of_memory() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", r#"{"user":"ann"}"#).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);

    let value = map(r#"{"user":"ann","admin":true}"#);
    let rotation = Rotate::new("session:a", "session:b", &value, HOUR, &version);
    let refused = |error: BackendError| {
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Refused, Applied::No));
    };
    for _ in 0..2 {
        refused(backend.rotate(rotation).await.unwrap_err());
        refused(backend.replace(Replace::new("session:a", &value, HOUR, &version)).await.unwrap_err());
        refused(backend.create(Create::new("session:c", &value, HOUR)).await.unwrap_err());
    }
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"user":"ann"}"#));
    assert_eq!(stored(&backend, "session:b").await, None);

    // Logging out needs no memory.
    backend.remove(Remove::new("session:a")).await.unwrap();
    assert_eq!(stored(&backend, "session:a").await, None);
    assert!(backend.marker("session:a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_became_a_replica_refuses_writes() {
    let (primary, server) = (Server::start(&[]), Server::start(&[]));
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", "{}").await;
    server.ask(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    let error = until_refused(&backend).await;
    assert_eq!(error.applied(), Applied::No);
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    let outcome = backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Done(_) | WriteOutcome::Gone(_)));
}

/// A new replica may be loading for a moment.
async fn until_refused(backend: &RedisBackend) -> BackendError {
    for n in 0..200 {
        match backend.create(Create::new(&format!("session:{n}"), &map("{}"), HOUR)).await {
            Err(error) if error.kind() == BackendErrorKind::Refused => return error,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("a replica takes no writes");
}

#[tokio::test]
async fn after_a_flush_sessions_are_empty_and_requests_succeed() {
    let server = Server::start(&[]);
    let manager = manager(RedisBackend::connect(&server.url()).unwrap());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 1).unwrap()).await;
    server.ask(&["FLUSHALL"]);
    assert_eq!(browser.see(&manager, "n").await, None);
    browser.request(&manager, |session| session.insert("n", 2).unwrap()).await;
    assert_eq!(browser.see(&manager, "n").await, Some(2));
}

#[tokio::test]
async fn a_script_that_runs_forever_is_an_outage_that_ends() {
    let server = Server::start(&["--busy-reply-threshold", "10"]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    let port = server.port;
    let busy = std::thread::spawn(move || {
        crate::support::Connection::open(port).unwrap().ask(&["EVAL", "while true do end", "0"])
    });
    let refused = || async { backend.fetch("session:a").await.is_err() };
    until("the script", Duration::from_secs(5), refused).await;
    server.ask(&["SCRIPT", "KILL"]);
    assert_recovers(&backend).await;
    assert!(busy.join().unwrap().is_ok_and(|reply| reply.is_err()));
}
