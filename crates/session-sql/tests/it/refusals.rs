//! Servers that answer, and refuse: full, out of connections, in recovery or read-only.

use std::time::{Duration, Instant};

use session_core::{SessionError, SessionManager};
use session_test_support::{Lag, Log, PostgresServer};

use crate::support::{Browser, Server, cause, manager, on_each_server, until};

on_each_server![
    a_full_disk_is_a_503_and_reads_go_on,
    a_server_without_free_connections_is_a_503,
    a_server_that_stays_read_only_is_a_503_and_reads_go_on,
];

/// The time in which a server that refuses must have been left: the timeout of [`Server::builder`].
const TIMEOUT: Duration = Duration::from_secs(1);

async fn change(manager: &SessionManager, browser: &mut Browser) -> Result<(), SessionError> {
    let handle = browser.open(manager);
    handle.load().await?.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    let commit = handle.commit(200).await;
    browser.receive(&commit);
    commit.error.map_or(Ok(()), Err)
}

/// Makes a request that is refused for a cause, which the error and the log name.
async fn assert_refused(manager: &SessionManager, browser: &mut Browser, expected: &str) {
    let (lag, start) = (Lag::watch(), Instant::now());
    let error = change(manager, browser).await.expect_err("the server refuses");
    let time = start.elapsed();
    assert!(time < TIMEOUT + Duration::from_millis(100) + lag.allowance(), "{time:?}");
    assert_eq!(error.status(), 503);
    let SessionError::Store(error) = error else { panic!("{error:?}") };
    assert!(cause(&error).contains(expected), "{}", cause(&error));
}

/// Waits until sessions can be changed again, without any help.
async fn assert_recovers(manager: &SessionManager, browser: &mut Browser) {
    let start = Instant::now();
    while let Err(error) = change(manager, browser).await {
        assert!(start.elapsed() < Duration::from_secs(5), "{error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lets the server answer each update as it does on a full disk.
async fn a_full_disk_is_a_503_and_reads_go_on<S: Server>() {
    let server = S::exclusive().await;
    let manager = manager(server.backend().await);
    let mut browser = Browser::default();
    change(&manager, &mut browser).await.unwrap();
    for statement in S::FILL {
        server.ask(statement).await;
    }
    let lines = tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let log = Log::capture("session_sql");
        runtime.block_on(assert_refused(&manager, &mut browser, "the disk of the server is full"));
        log.take()
    });
    assert!(lines.iter().any(|line| line.contains("the disk of the server is full")), "{lines:?}");
    assert_eq!(browser.see(&manager, "n").await, Some(1));
    server.ask(S::MAKE_ROOM).await;
    assert_recovers(&manager, &mut browser).await;
    assert_eq!(browser.see(&manager, "n").await, Some(2));
}

async fn a_server_without_free_connections_is_a_503<S: Server>() {
    let server = S::start(&["max_connections=8"]);
    server.backend().await;
    let mut others = Vec::new();
    let mut last_free = Instant::now();
    // The server may still be closing the connections of the backend that made the table.
    while last_free.elapsed() < Duration::from_millis(500) {
        match <S::Connection as sqlx::Connection>::connect(&server.url()).await {
            Ok(other) => {
                others.push(other);
                last_free = Instant::now();
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    let manager = manager(server.builder().connect(&server.url()).unwrap());
    let mut browser = Browser::default();
    assert_refused(&manager, &mut browser, "as many connections as its max_connections allows").await;
    drop(others);
    assert_recovers(&manager, &mut browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_recovery_is_a_503() {
    let primary = PostgresServer::start(&[]);
    primary.backend().await;
    let server = primary.start_in_recovery();
    let manager = manager(server.builder().connect(&server.url()).unwrap());
    let mut browser = Browser::default();
    assert_refused(&manager, &mut browser, "the server is starting up, shutting down or in recovery (57P03)").await;
    server.promote();
    assert_recovers(&manager, &mut browser).await;
}

/// No address leads to a better server. An operator may write nevertheless, but not the user of an application.
async fn a_server_that_stays_read_only_is_a_503_and_reads_go_on<S: Server>() {
    let server = S::start(&[]);
    server.backend().await;
    server.make_user("app").await;
    server.ask(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON http_sessions TO {}", server.grantee("app"))).await;
    let url = server.url().replace(&format!("//{}@", server.owner()), "//app:secret@");
    let manager = manager(server.builder().connect(&url).unwrap());
    let mut browser = Browser::default();
    change(&manager, &mut browser).await.unwrap();
    for statement in S::READ_ONLY {
        server.ask(statement).await;
    }
    until("read-only", Duration::from_secs(5), || async { change(&manager, &mut browser.clone()).await.is_err() })
        .await;
    let before = browser.see(&manager, "n").await;
    let lines = tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let log = Log::capture("session_sql");
        let fresh = crate::support::manager(server.builder().connect(&url).unwrap());
        runtime.block_on(assert_refused(&fresh, &mut browser, "the server is read-only: a "));
        log.take()
    });
    assert!(lines.iter().any(|line| line.contains("ERROR") && line.contains("the server is read-only")), "{lines:?}");
    assert_eq!(browser.see(&manager, "n").await, before);
    for statement in S::WRITABLE {
        server.ask(statement).await;
    }
    assert_recovers(&manager, &mut browser).await;
    assert_eq!(browser.see(&manager, "n").await, before.map(|n| n + 1));
}
