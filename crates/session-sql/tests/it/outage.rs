//! Servers that are slow, gone, restarted or read-only.

use std::time::{Duration, Instant};

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Remove, Replace, Rotate, SessionError, SessionManager,
    Touch, WriteOutcome,
};
use session_sql::SqlBackend;
use session_test_support::{Lag, PostgresServer};

use crate::support::{Browser, HOUR, Server, cause, config, create, manager, map, on_each_server, stored, until};

const TIMEOUT: Duration = Duration::from_millis(250);

on_each_server![
    a_call_may_take_as_long_as_the_request_unless_a_timeout_is_set,
    a_server_that_stands_still_costs_the_timeout_then_nothing_and_recovers,
    a_server_that_is_killed_costs_nothing_and_recovers_when_restarted,
    a_backend_starts_before_its_server,
    a_restart_goes_unnoticed,
    connections_that_the_server_closed_go_unnoticed,
    a_server_without_a_free_connection_serves_with_those_that_it_has,
    a_write_whose_reply_is_lost_may_have_been_applied,
    an_outage_is_a_503_and_no_cookie_is_lost,
    calls_that_are_cancelled_give_their_connections_back,
];

async fn timed(backend: &SqlBackend) -> (Result<(), BackendError>, Duration) {
    let start = Instant::now();
    let outcome = backend.fetch("a").await.map(drop);
    (outcome, start.elapsed())
}

async fn assert_fails_at_once(backend: &SqlBackend) {
    let mut times = Vec::new();
    for _ in 0..100 {
        let (outcome, time) = timed(backend).await;
        let error = outcome.expect_err("no server can have answered");
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::No));
        times.push(time);
    }
    times.sort_unstable();
    println!("with an open breaker a call takes {:?}", times[50]);
    assert!(times[50] < Duration::from_millis(1), "{times:?}");
}

async fn assert_recovers(backend: &SqlBackend) {
    let answers = || async { backend.fetch("a").await.is_ok() };
    println!("answers again after {:?}", until("recovery", Duration::from_secs(5), answers).await);
}

async fn a_server_that_stands_still_costs_the_timeout_then_nothing_and_recovers<S: Server>() {
    let server = S::exclusive().await;
    create(&server.backend().await, "a", "{}").await;
    let backend = server.builder().timeout(TIMEOUT).connect(&server.url()).unwrap();
    for _ in 0..2 {
        server.pause();
        let (lag, mut times) = (Lag::watch(), Vec::new());
        for _ in 0..5 {
            let (outcome, time) = timed(&backend).await;
            let error = outcome.unwrap_err();
            assert!(matches!(error.kind(), BackendErrorKind::Timeout | BackendErrorKind::Unavailable));
            assert!(cause(&error).contains("within 250ms, the `timeout` of the backend"), "{}", cause(&error));
            times.push(time);
        }
        // On a machine that is busy with other tests one of them may be late.
        times.sort_unstable();
        assert!(times[2] < TIMEOUT + Duration::from_millis(50) + lag.allowance(), "{times:?}");
        assert_fails_at_once(&backend).await;
        server.resume();
        assert_recovers(&backend).await;
        assert_eq!(stored(&backend, "a").await.as_deref(), Some("{}"));
    }
}

async fn a_call_may_take_as_long_as_the_request_unless_a_timeout_is_set<S: Server>() {
    let server = S::exclusive().await;
    create(&server.backend().await, "a", "{}").await;
    let builder = || SqlBackend::builder().without_clean_up();
    for (builder, limit) in [(builder(), "within 400ms"), (builder().timeout(TIMEOUT), "within 250ms")] {
        let backend = builder.connect(&server.url()).unwrap();
        let deadline = Duration::from_millis(400);
        let _manager = SessionManager::new(config(backend.clone()).request_deadline(deadline).build().unwrap());
        // The connection is in use before the server stops.
        until("a connection", Duration::from_secs(5), || async { backend.fetch("a").await.is_ok() }).await;
        server.pause();
        let error = timed(&backend).await.0.unwrap_err();
        server.resume();
        assert!(cause(&error).contains(limit), "{}", cause(&error));
    }
}

async fn a_server_that_is_killed_costs_nothing_and_recovers_when_restarted<S: Server>() {
    let mut server = S::exclusive().await;
    let backend = server.backend().await;
    create(&backend, "a", r#"{"n":1}"#).await;
    server.kill();
    for _ in 0..5 {
        let (outcome, time) = timed(&backend).await;
        assert_eq!(outcome.unwrap_err().kind(), BackendErrorKind::Unavailable);
        assert!(time < Duration::from_secs(1), "{time:?}");
    }
    assert_fails_at_once(&backend).await;
    let error = backend.fetch("a").await.unwrap_err();
    assert!(cause(&error).ends_with(": connection refused"), "{}", cause(&error));
    server.run();
    assert_recovers(&backend).await;
    assert_eq!(stored(&backend, "a").await.as_deref(), Some(r#"{"n":1}"#), "it was acknowledged");
}

async fn a_backend_starts_before_its_server<S: Server>() {
    let mut server = S::exclusive().await;
    server.backend().await;
    server.shut_down();
    let backend = server.builder().connect(&server.url()).unwrap();
    for _ in 0..6 {
        assert!(backend.fetch("a").await.is_err());
    }
    server.run();
    assert_recovers(&backend).await;
    create(&backend, "a", "{}").await;
}

async fn a_restart_goes_unnoticed<S: Server>() {
    let mut server = S::exclusive().await;
    let backend = server.backend().await;
    let mut version = create(&backend, "a", r#"{"n":0}"#).await;
    for n in 1..=2 {
        server.shut_down();
        server.run();
        // A connection that was unused for a second is tested before a write.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let value = map(&format!(r#"{{"n":{n}}}"#));
        let replaced = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap();
        let WriteOutcome::Done(new) = replaced else { panic!("{replaced:?}") };
        version = new;
    }
}

async fn connections_that_the_server_closed_go_unnoticed<S: Server>() {
    let server = S::exclusive().await;
    let backend = server.backend().await;
    create(&backend, "a", "{}").await;
    for _ in 0..3 {
        let reads: Vec<_> = (0..8).map(|_| read_in_a_task(&backend)).collect();
        for read in reads {
            assert!(read.await.unwrap().unwrap().is_some());
        }
        server.disconnect_all().await;
    }
}

async fn a_server_without_a_free_connection_serves_with_those_that_it_has<S: Server>() {
    let server = S::start(&["max_connections=8"]);
    create(&server.backend().await, "a", "{}").await;
    let backend = server.builder().max_connections(16).connect(&server.url()).unwrap();
    for _ in 0..20 {
        let reads: Vec<_> = (0..16).map(|_| read_in_a_task(&backend)).collect();
        for read in reads {
            let read = read.await.unwrap();
            assert!(read.as_ref().is_ok_and(Option::is_some), "{:?}", read.map_err(|error| cause(&error)));
        }
    }
}

async fn a_write_whose_reply_is_lost_may_have_been_applied<S: Server>() {
    let mut server = S::exclusive().await;
    let backend = server.backend().await;
    let version = create(&backend, "a", r#"{"n":0}"#).await;
    for (kills, kind) in [(false, BackendErrorKind::Timeout), (true, BackendErrorKind::Unavailable)] {
        // A connection is at hand.
        assert!(stored(&backend, "a").await.is_some());
        server.pause();
        let (backend, version) = (backend.clone(), version.clone());
        let write = tokio::spawn(async move {
            let value = map(r#"{"n":1}"#);
            backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap_err()
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        if kills {
            server.kill();
        }
        let error = write.await.unwrap();
        assert_eq!((error.kind(), error.applied()), (kind, Applied::Maybe), "{}", cause(&error));
        if kills {
            server.run();
        } else {
            server.resume();
        }
        let fresh = server.builder().connect(&server.url()).unwrap();
        until("recovery", Duration::from_secs(5), || async { fresh.fetch("a").await.is_ok() }).await;
    }
}

async fn an_outage_is_a_503_and_no_cookie_is_lost<S: Server>() {
    let mut server = S::exclusive().await;
    let manager = manager(server.backend().await);
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 7).unwrap()).await;
    server.kill();
    let handle = browser.open(&manager);
    let error = handle.load().await.unwrap_err();
    assert!(matches!(error, SessionError::Store(_)), "{error:?}");
    assert_eq!(error.status(), 503);
    assert_eq!(handle.commit(503).await.set_cookie, None);
    server.run();
    until("recovery", Duration::from_secs(5), || async { browser.open(&manager).load().await.is_ok() }).await;
    assert_eq!(browser.see(&manager, "n").await, Some(7));
}

async fn calls_that_are_cancelled_give_their_connections_back<S: Server>() {
    let server = S::exclusive().await;
    let backend = server.backend().await;
    create(&backend, "a", "{}").await;
    let read_all = || async {
        let reads: Vec<_> = (0..64).map(|_| read_in_a_task(&backend)).collect();
        for read in reads {
            assert!(read.await.unwrap().unwrap().is_some());
        }
    };
    read_all().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = server.connections().await;
    for n in 0..500 {
        let _cancelled = tokio::time::timeout(Duration::from_micros(n * 4), backend.fetch("a")).await;
    }
    read_all().await;
    // The server needs a while to forget the connections of the test itself.
    let same = || async { server.connections().await == before };
    until("the same connections", Duration::from_secs(5), same).await;
}

fn read_in_a_task(backend: &SqlBackend) -> tokio::task::JoinHandle<Result<Option<session_core::Stored>, BackendError>> {
    let backend = backend.clone();
    tokio::spawn(async move { backend.fetch("a").await })
}

#[tokio::test]
async fn postgres_acknowledges_a_write_when_it_is_on_disk() {
    let server = PostgresServer::start(&["wal_writer_delay=10s", "bgwriter_delay=10s", "autovacuum=off"]);
    let backend = server.backend().await;
    let value = map(r#"{"n":1}"#);
    let unflushed = || async {
        let difference =
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn())::bigint::text";
        server.ask(difference).await.remove(0)
    };
    let version = create(&backend, "a", "{}").await;
    assert_eq!(unflushed().await, "0", "create");
    let replaced = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap();
    let WriteOutcome::Done(version) = replaced else { panic!("{replaced:?}") };
    assert_eq!(unflushed().await, "0", "replace");
    assert!(backend.touch(Touch::new("a", HOUR)).await.unwrap());
    assert_eq!(unflushed().await, "0", "touch");
    backend.rotate(Rotate::new("a", "b", &value, HOUR, &version)).await.unwrap();
    assert_eq!(unflushed().await, "0", "rotate");
    backend.remove(Remove::new("b").at(&version)).await.unwrap();
    assert_eq!(unflushed().await, "0", "remove at a version");
    backend.remove(Remove::new("c")).await.unwrap();
    assert_eq!(unflushed().await, "0", "remove");
}

/// The statement would hold its locks for a minute.
#[tokio::test]
async fn postgres_ends_a_statement_whose_deadline_has_passed() {
    let server = PostgresServer::start(&[]);
    let version = create(&server.backend().await, "a", "{}").await;
    let sleep = "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$";
    server.ask(sleep).await;
    server.ask("CREATE TRIGGER slow BEFORE UPDATE ON http_sessions FOR EACH ROW EXECUTE FUNCTION sleep()").await;
    let backend = server.builder().timeout(TIMEOUT).connect(&server.url()).unwrap();
    let (lag, start, value) = (Lag::watch(), Instant::now(), map(r#"{"n":1}"#));
    let error = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap_err();
    let time = start.elapsed();
    assert!(time < TIMEOUT + Duration::from_millis(100) + lag.allowance(), "{time:?}");
    assert_eq!(error.kind(), BackendErrorKind::Timeout, "{}", cause(&error));
    let active = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    until("the end of the statement", Duration::from_secs(5), || async { server.ask(active).await.is_empty() }).await;
    assert_eq!(stored(&backend, "a").await.as_deref(), Some("{}"));
    server.ask("DROP TRIGGER slow ON http_sessions").await;
    let replaced = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
}
