//! A primary and its standby behind one address.

use std::time::{Duration, Instant};

use session_core::SessionManager;
use session_test_support::{Endpoint, PostgresServer};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Browser, Server, connect_to_postgres, manager};

/// Reads, writes, and logs another client in and out.
async fn use_sessions(manager: &SessionManager, browser: &mut Browser) -> Result<(), session_core::SessionError> {
    let handle = browser.open(manager);
    let session = handle.load().await?;
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    handle.commit(200).await.error.map_or(Ok(()), Err)?;

    let mut other = Browser::default();
    let handle = other.open(manager);
    handle.load().await?.insert("user", "ann")?;
    let commit = handle.commit(200).await;
    commit.error.clone().map_or(Ok(()), Err)?;
    other.receive(&commit);
    let handle = other.open(manager);
    handle.destroy();
    handle.commit(200).await.error.map_or(Ok(()), Err)
}

/// Returns the time until reads, writes and logouts succeed.
async fn recovery(manager: &SessionManager, browser: &mut Browser) -> Duration {
    let start = Instant::now();
    while let Err(error) = use_sessions(manager, browser).await {
        assert!(start.elapsed() < Duration::from_secs(20), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_at_the_standby_that_becomes_the_primary() {
    let mut primary = PostgresServer::start(&[]);
    let address = Endpoint::to(primary.port);
    primary.backend().await;
    let manager = manager(primary.builder().connect(&primary.url_by(address.port())).unwrap());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 0_u64).unwrap()).await;
    let standby = primary.start_standby();
    use_sessions(&manager, &mut browser).await.unwrap();
    // The standby has all that was acknowledged.
    let position = primary.ask("SELECT pg_current_wal_lsn()::text").await.remove(0);
    let arrived = format!("SELECT (pg_last_wal_replay_lsn() >= '{position}')::text");
    while standby.ask(&arrived).await != ["true"] {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    primary.kill();
    standby.promote();
    address.switch_to(standby.port);
    let time = recovery(&manager, &mut browser).await;
    println!("sessions work again after {time:?}");
    assert!(time < Duration::from_secs(4), "{time:?}");
    assert!(browser.see(&manager, "n").await >= Some(2));
}

/// A cluster manager may demote a primary without ending its connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_becomes_read_only_is_left() {
    let [old, new] = [PostgresServer::start(&[]), PostgresServer::start(&[])];
    let address = Endpoint::to(old.port);
    new.backend().await;
    old.backend().await;
    let manager = manager(old.builder().connect(&old.url_by(address.port())).unwrap());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 0_u64).unwrap()).await;
    let demote = "ALTER SYSTEM SET default_transaction_read_only = on";
    let mut operator = connect_to_postgres(&old).await;
    operator.execute(AssertSqlSafe(demote)).await.unwrap();
    operator.execute("SELECT pg_reload_conf()").await.unwrap();
    address.switch_to(new.port);
    // The sessions of the old primary are not on the new one: only the way to it is tested.
    use_sessions(&manager, &mut Browser::default()).await.unwrap();
}
