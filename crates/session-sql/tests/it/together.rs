//! Writes that wait at the same time, and are committed together.

use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Replace, Touch, WriteOutcome};
use session_sql::SqlBackend;
use session_test_support::{Lag, PostgresServer};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection, SqliteConnection};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::support::{Database, HOUR, Server, cause, connect_to_postgres, create, map, stored};

const WRITES: usize = 30;

/// Longer than the writes of a test need to join the queue.
const MOMENT: Duration = Duration::from_millis(100);

/// Keeps all others from writing, as another process may.
async fn lock(database: &Database) -> SqliteConnection {
    let mut other = SqliteConnectOptions::new().filename(database.file()).connect().await.expect("the file is there");
    other.execute("BEGIN IMMEDIATE").await.expect("nothing else writes");
    other
}

/// Returns a backend on its own connections, and one on a pool of the application.
async fn backends(database: &Database) -> [SqlBackend; 2] {
    let builder = database.builder().timeout(Duration::from_secs(20));
    [database.patient(), builder.build_with_pool(database.application_pool().await)]
}

/// Starts to replace the values of sessions that [`create_all`] has made, and returns once all writes wait.
async fn replace_all(
    backend: &SqlBackend,
    sessions: usize,
    n: usize,
) -> JoinSet<(usize, Result<WriteOutcome, BackendError>)> {
    let mut versions = Vec::new();
    for key in 0..sessions {
        versions.push(backend.fetch(&key.to_string()).await.expect("it can be read").expect("it is there").version);
    }
    let mut writes = JoinSet::new();
    for (key, version) in versions.into_iter().enumerate() {
        let (backend, value) = (backend.clone(), map(&format!(r#"{{"n":{n}}}"#)));
        writes
            .spawn(async move { (key, backend.replace(Replace::new(&key.to_string(), &value, HOUR, &version)).await) });
    }
    sleep(MOMENT).await;
    writes
}

async fn create_all(backend: &SqlBackend, sessions: usize) {
    for key in 0..sessions {
        create(backend, &key.to_string(), r#"{"n":0}"#).await;
    }
}

/// Counts the commits in the log of the file: the frames that tell the size of the database after them.
fn commits(database: &Database) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::read(database.file().with_extension("db-wal")).expect("the file has a log");
    log[HEADER..].chunks(FRAME).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_a_commit() {
    let database = Database::sqlite().await;
    let [own, on_a_pool] = backends(&database).await;
    create_all(&own, WRITES).await;
    for (n, backend) in [own, on_a_pool].iter().enumerate() {
        let before = commits(&database);
        let mut other = lock(&database).await;
        let writes = replace_all(backend, WRITES, n + 1).await;
        other.execute("COMMIT").await.unwrap();
        for (_, outcome) in writes.join_all().await {
            assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
        }
        let commits = commits(&database) - before;
        // One commit for the first write, and one for all others. A few writes may have come late.
        assert!((1..=6).contains(&commits), "{commits}");
        for key in 0..WRITES {
            assert_eq!(stored(backend, &key.to_string()).await, Some(format!(r#"{{"n":{}}}"#, n + 1)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_fails_alone() {
    let database = Database::sqlite().await;
    let [own, on_a_pool] = backends(&database).await;
    create_all(&own, WRITES).await;
    // ROLLBACK ends the whole transaction, as a full disk may. After it, writes share transactions again.
    let rounds = [(&own, "ABORT"), (&own, "ROLLBACK"), (&own, "ROLLBACK"), (&on_a_pool, "ROLLBACK")];
    for (n, (backend, end)) in rounds.into_iter().enumerate() {
        let trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON {t} WHEN NEW.session_key = '7' BEGIN SELECT";
        database.ask(&format!("{trigger} RAISE({end}, 'refused'); END")).await;
        let mut other = lock(&database).await;
        let writes = replace_all(backend, WRITES, n + 1).await;
        other.execute("COMMIT").await.unwrap();
        for (key, outcome) in writes.join_all().await {
            match outcome {
                Err(error) if key == 7 => assert_eq!(error.applied(), Applied::No),
                Ok(WriteOutcome::Done(_)) if key != 7 => {}
                other => panic!("{key}: {other:?}"),
            }
            let expected = if key == 7 { 0 } else { n + 1 };
            assert_eq!(stored(backend, &key.to_string()).await, Some(format!(r#"{{"n":{expected}}}"#)), "{key}");
        }
        database.ask("DROP TRIGGER refuse").await;
    }
}

/// Returns a server that would need a minute to find a deadlock.
fn postgres() -> PostgresServer {
    PostgresServer::start(&["deadlock_timeout=60s"])
}

/// Starts a write that takes the only connection of a backend, and waits for the lock that this returns.
async fn occupy(server: &PostgresServer, backend: &SqlBackend) -> (PgConnection, JoinHandle<bool>) {
    create(backend, "first", "{}").await;
    let mut other = connect_to_postgres(server).await;
    let lock = "BEGIN; SELECT FROM http_sessions WHERE session_key = 'first' FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut other).await.expect("the row is there");
    let backend = backend.clone();
    let first = tokio::spawn(async move { backend.touch(Touch::new("first", HOUR)).await.expect("it succeeds") });
    sleep(MOMENT).await;
    (other, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_for_a_connection_to_postgres_share_a_commit() {
    let server = postgres();
    server.backend().await;
    let builder = server.builder().max_connections(1).timeout(Duration::from_secs(20));
    let (one, many) = (builder.connect(&server.url()).unwrap(), server.backend().await);
    create_all(&many, WRITES).await;
    let mut versions = Vec::new();
    for key in 0..WRITES {
        versions.push(many.fetch(&key.to_string()).await.unwrap().unwrap().version);
    }
    let (mut other, first) = occupy(&server, &one).await;
    let mut writes = JoinSet::new();
    for (key, version) in versions.into_iter().enumerate() {
        let one = one.clone();
        let value = map(r#"{"n":1}"#);
        writes.spawn(async move {
            (key, one.replace(Replace::new(&key.to_string(), &value, HOUR, &version)).await.unwrap())
        });
    }
    sleep(MOMENT).await;
    server.ask(r#"UPDATE http_sessions SET value = '{"n":7}' WHERE session_key = '7'"#).await;
    let transactions = async || server.ask("SELECT txid_current()::text").await[0].parse::<u64>().unwrap();
    let before = transactions().await;
    other.execute("COMMIT").await.unwrap();
    assert!(first.await.unwrap());
    for (key, outcome) in writes.join_all().await {
        match outcome {
            WriteOutcome::Conflict(Some(current)) if key == 7 => assert_eq!(current.session.as_json(), r#"{"n":7}"#),
            WriteOutcome::Done(_) if key != 7 => {}
            other => panic!("{key}: {other:?}"),
        }
    }
    // Two transactions of 16 and 14 writes, and that of the question. A few writes may have come late.
    let transactions = transactions().await - before;
    assert!((3..=9).contains(&transactions), "{transactions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_postgres_do_not_wait_for_each_other_in_a_circle() {
    let server = postgres();
    let backends = [(); 2].map(|()| {
        let builder = server.builder().max_connections(1).timeout(Duration::from_secs(5));
        builder.connect(&server.url()).expect("the url is good")
    });
    create_all(&server.backend().await, 16).await;
    for _ in 0..20 {
        let mut touches = JoinSet::new();
        for key in 0..16_usize {
            for (backend, key) in [(&backends[0], key), (&backends[1], 15 - key)] {
                let backend = backend.clone();
                touches.spawn(async move { backend.touch(Touch::new(&key.to_string(), HOUR)).await });
            }
        }
        for touched in touches.join_all().await {
            assert!(touched.as_ref().is_ok_and(|touched| *touched), "{:?}", touched.map_err(|error| cause(&error)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_postgres_refuses_fails_alone() {
    let server = postgres();
    let builder = server.builder().max_connections(1).timeout(Duration::from_secs(20));
    let (one, many) = (builder.connect(&server.url()).unwrap(), server.backend().await);
    create_all(&many, WRITES).await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE disk_full USING MESSAGE = 'no room'; END $$";
    server.ask(refuse).await;
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON http_sessions FOR EACH ROW WHEN (NEW.session_key = '7')
        EXECUTE FUNCTION refuse()";
    server.ask(trigger).await;
    let (mut other, first) = occupy(&server, &one).await;
    let mut touches = JoinSet::new();
    for key in 0..WRITES {
        let one = one.clone();
        touches.spawn(async move { (key, one.touch(Touch::new(&key.to_string(), HOUR)).await) });
    }
    sleep(MOMENT).await;
    other.execute("COMMIT").await.unwrap();
    assert!(first.await.unwrap());
    for (key, touched) in touches.join_all().await {
        match touched {
            Err(error) if key == 7 => assert_eq!(error.applied(), Applied::No, "{}", cause(&error)),
            Ok(true) if key != 7 => {}
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writes_that_share_a_call_each_has_its_own_outcome() {
    let database = Database::sqlite().await;
    let backend = database.patient();
    create_all(&backend, WRITES).await;
    let mut other = lock(&database).await;
    let writes = replace_all(&backend, WRITES, 1).await;
    let change = r#"UPDATE {t} SET value = '{"n":7}' WHERE session_key % 5 = 3"#.replace("{t}", database.table());
    other.execute(sqlx::AssertSqlSafe(change)).await.unwrap();
    other.execute("COMMIT").await.unwrap();
    for (key, outcome) in writes.join_all().await {
        match outcome.unwrap() {
            WriteOutcome::Conflict(Some(current)) if key % 5 == 3 => {
                assert_eq!(current.session.as_json(), r#"{"n":7}"#)
            }
            WriteOutcome::Done(_) if key % 5 != 3 => {}
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_take_no_connection_from_reads() {
    let database = Database::sqlite().await;
    for backend in backends(&database).await {
        create(&backend, "read", "{}").await;
        let mut other = lock(&database).await;
        let mut writes = JoinSet::new();
        for n in 0..WRITES {
            let backend = backend.clone();
            writes.spawn(async move { backend.create(Create::new(&n.to_string(), &map("{}"), HOUR)).await });
        }
        sleep(MOMENT).await;
        let read = timeout(Duration::from_secs(2), stored(&backend, "read")).await;
        assert_eq!(read.expect("a connection is free").as_deref(), Some("{}"));
        other.execute("COMMIT").await.unwrap();
        assert!(writes.join_all().await.iter().all(Result::is_ok));
        database.ask("DELETE FROM {t}").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_end_in_time_and_are_not_made_later() {
    let database = Database::sqlite().await;
    let backend = database.backend();
    // More than one transaction takes.
    let sessions = 100;
    create_all(&database.patient(), sessions).await;
    let mut other = lock(&database).await;
    let (lag, start) = (Lag::watch(), Instant::now());
    let writes = replace_all(&backend, sessions, 1).await;
    let mut unapplied = Vec::new();
    for (key, outcome) in writes.join_all().await {
        let error = outcome.expect_err("the file is locked");
        assert_eq!(error.kind(), BackendErrorKind::Timeout, "{}", cause(&error));
        if error.applied() == Applied::No {
            unapplied.push(key.to_string());
        }
    }
    assert!(start.elapsed() < Duration::from_millis(500) + lag.allowance(), "{:?}", start.elapsed());
    assert!(unapplied.len() > 20, "of writes that were not begun, it is known: {unapplied:?}");
    other.execute("COMMIT").await.unwrap();
    sleep(MOMENT).await;
    for key in unapplied {
        assert_eq!(stored(&backend, &key).await.as_deref(), Some(r#"{"n":0}"#), "{key}");
    }
}
