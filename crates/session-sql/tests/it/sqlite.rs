//! An SQLite file: its permissions, other processes, and the end of this one.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendErrorKind, Create, Replace, WriteOutcome};
use session_sql::SqlBackend;
use session_test_support::Lag;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection as _, Executor, SqliteConnection};
use tokio::task::JoinSet;

use crate::support::{Database, HOUR, cause, create, map, stored};

/// The table and the URL of a process that a test starts.
const CHILD: &str = "SESSION_SQL_CHILD";

/// Runs a test of this program in another process.
fn start_child(test: &str, database: &Database) -> Child {
    Command::new(std::env::current_exe().expect("it has a path"))
        .args([&format!("sqlite::{test}"), "--exact", "--nocapture"])
        .env(CHILD, format!("{} {}", database.table(), database.url()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test program can be started")
}

/// Returns the table and the URL that a child is told; `None` in the process of the other tests.
fn told() -> Option<(String, String)> {
    let told = std::env::var(CHILD).ok()?;
    let (table, url) = told.split_once(' ').expect("there are two words");
    Some((table.to_owned(), url.to_owned()))
}

#[tokio::test]
async fn a_child_locks_the_file() {
    let Some((_, url)) = told() else { return };
    let mut connection = SqliteConnection::connect(&url).await.expect("the file can be opened");
    connection.execute("BEGIN IMMEDIATE").await.expect("nothing else writes");
    println!("locked");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_increments() {
    let Some((table, url)) = told() else { return };
    let builder = SqlBackend::builder().table(&table).expect("the name is good").timeout(Duration::from_secs(20));
    let backend = builder.connect(&url).expect("the url is good");
    // Several at once, so that writes share a transaction.
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let backend = backend.clone();
        clients.spawn(async move {
            loop {
                increment(&backend).await;
                println!("acknowledged");
            }
        });
    }
    clients.join_all().await;
}

async fn increment(backend: &SqlBackend) {
    let mut current = backend.fetch("a").await.expect("the file can be read").expect("there is one");
    loop {
        let n = current.session.get::<u64>("n").expect("it is a number").expect("it is there");
        let value = map(&format!(r#"{{"n":{}}}"#, n + 1));
        match backend.replace(Replace::new("a", &value, HOUR, &current.version)).await.expect("it can be written") {
            WriteOutcome::Done(_) => break,
            WriteOutcome::Conflict(Some(newer)) => current = newer,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_the_end_of_the_process() {
    let database = Database::sqlite().await;
    create(&database.patient(), "a", r#"{"n":0}"#).await;
    for _ in 0..3 {
        let before = number(&database).await;
        let mut child = start_child("a_child_increments", &database);
        let mut acknowledged = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            acknowledged += u64::from(line.unwrap() == "acknowledged");
            if acknowledged == 20 {
                // This is a SIGKILL.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let lost = (before + acknowledged).saturating_sub(number(&database).await);
        assert_eq!(lost, 0, "of {acknowledged}");
    }
    assert_eq!(database.ask("PRAGMA integrity_check").await, ["ok"]);
}

async fn number(database: &Database) -> u64 {
    database.patient().fetch("a").await.unwrap().unwrap().session.get("n").unwrap().unwrap()
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let database = Database::sqlite().await;
    // The last connection to close removes the files beside the database.
    let backend = database.backend();
    create(&backend, "a", "{}").await;
    let folder = database.file().parent().unwrap().to_owned();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["sessions.db", "sessions.db-shm", "sessions.db-wal"]);
}

/// SQLite gives up at nine tenths of the timeout. The rest must be enough for a busy machine to tell the cause.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_process_delays_writes_until_the_deadline_and_no_reads() {
    const TIMEOUT: Duration = Duration::from_secs(3);
    let database = Database::sqlite().await;
    let backend = database.builder().timeout(TIMEOUT).connect(&database.url()).unwrap();
    let version = create(&backend, "a", "{}").await;
    let mut child = start_child("a_child_locks_the_file", &database);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    let (lag, start) = (Lag::watch(), Instant::now());
    let write = tokio::spawn({
        let (backend, version) = (backend.clone(), version.clone());
        async move { backend.replace(Replace::new("a", &map(r#"{"n":1}"#), HOUR, &version)).await }
    });
    while start.elapsed() < TIMEOUT / 2 {
        assert_eq!(stored(&backend, "a").await.as_deref(), Some("{}"));
        assert!(!write.is_finished(), "it waits for its turn");
    }
    let error = write.await.unwrap().unwrap_err();
    assert!(start.elapsed() < TIMEOUT + lag.allowance(), "{:?}", start.elapsed());
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::No));
    let expected = "another process or transaction locks the database (SQLITE_BUSY)";
    assert!(cause(&error).ends_with(expected), "{}", cause(&error));
    child.kill().unwrap();
    child.wait().unwrap();
    let replaced = backend.replace(Replace::new("a", &map(r#"{"n":1}"#), HOUR, &version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
}

/// Returns the number of pages in the log of the file.
fn pages(database: &Database) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::metadata(database.file().with_extension("db-wal")).expect("the file has a log");
    (log.len() as usize - HEADER) / FRAME
}

/// An index would take another page.
#[tokio::test]
async fn a_write_changes_no_page_but_that_of_its_row() {
    let database = Database::sqlite().await;
    let (backend, value) = (database.patient(), map(r#"{"n":1}"#));
    let created = backend.create(Create::new("a", &value, HOUR).of_user(Some("ann"))).await.unwrap();
    let WriteOutcome::Done(version) = created else { panic!("{created:?}") };
    let before = pages(&database);
    let replaced = backend.replace(Replace::new("a", &map(r#"{"n":2}"#), HOUR * 2, &version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
    assert_eq!(pages(&database) - before, 1);
}

#[tokio::test]
async fn a_file_that_can_not_be_opened_is_an_outage_that_ends() {
    let database = Database::sqlite().await;
    let folder = database.file().parent().unwrap().join("later");
    let url = format!("sqlite:{}", folder.join("sessions.db").display());
    let backend = SqlBackend::builder().without_clean_up().timeout(Duration::from_secs(5)).connect(&url).unwrap();
    let error = backend.fetch("a").await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::No));
    assert!(cause(&error).ends_with(": there is no such file or folder"), "{}", cause(&error));
    std::fs::create_dir(&folder).unwrap();
    backend.create_table().await.unwrap();
    create(&backend, "a", "{}").await;
}

#[tokio::test]
async fn a_read_only_file_refuses_writes() {
    let database = Database::sqlite().await;
    create(&database.backend(), "a", "{}").await;
    let backend = database.builder().connect(&format!("{}?mode=ro", database.url())).unwrap();
    assert_eq!(stored(&backend, "a").await.as_deref(), Some("{}"));
    let error = backend.create(Create::new("b", &map("{}"), HOUR)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Refused, Applied::No));
    assert!(cause(&error).ends_with("the file is read-only (SQLITE_READONLY)"), "{}", cause(&error));
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_changes_nothing() {
    let database = Database::sqlite().await;
    create(&database.backend(), "a", r#"{"n":1}"#).await;
    let options = SqliteConnectOptions::new().filename(database.file()).pragma("max_page_count", "12");
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let backend = database.builder().build_with_pool(pool);
    let version = backend.fetch("a").await.unwrap().unwrap().version;
    let long = map(&format!(r#"{{"long":"{}"}}"#, "x".repeat(100_000)));
    let error = backend.replace(Replace::new("a", &long, HOUR, &version)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Refused, Applied::No));
    assert!(cause(&error).ends_with("the disk is full (SQLITE_FULL)"), "{}", cause(&error));
    assert_eq!(stored(&backend, "a").await.as_deref(), Some(r#"{"n":1}"#));
    let replaced = backend.replace(Replace::new("a", &map(r#"{"n":2}"#), HOUR, &version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
}
