//! Pools and codecs of the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendError, JsonCodec, SessionCodec, SessionMap, Touch};
use session_sql::SqlBackend;
use session_test_support::{Endpoint, Lag, PostgresServer};
use session_testkit::conformance::{Candidate, check};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, PgPool};
use tokio::task::JoinSet;

use crate::support::{Database, HOUR, Server, create, on_each_database, until};

on_each_database![a_pool_of_the_applications_conforms, a_codec_that_is_not_json_conforms];

/// The pools have the settings that applications have: SERIALIZABLE on PostgreSQL, REPEATABLE READ on MySQL.
async fn a_pool_of_the_applications_conforms(database: Database) {
    let pool = database.application_pool().await;
    let backend = database.builder().timeout(Duration::from_secs(20)).build_with_pool(pool);
    check(Candidate::atomic(backend)).await.assert_passed();
}

/// Not UTF-8, and another text each time.
struct Scrambled;

impl SessionCodec for Scrambled {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let salt = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) as u8;
        let bytes = JsonCodec.encode(session)?;
        Ok([salt].into_iter().chain(bytes.iter().map(|byte| byte ^ salt ^ 0x80)).collect())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let (salt, bytes) = bytes.split_first().unwrap_or((&0, &[]));
        JsonCodec.decode(&bytes.iter().map(|byte| byte ^ salt ^ 0x80).collect::<Vec<_>>())
    }
}

async fn a_codec_that_is_not_json_conforms(database: Database) {
    let table = format!("{}_bytes", database.table());
    let builder = database.builder().table(&table).unwrap().codec(Scrambled).timeout(Duration::from_secs(20));
    let backend = builder.connect(&database.url()).unwrap();
    backend.create_table().await.unwrap();
    check(Candidate::atomic(backend)).await.assert_passed();
}

#[tokio::test]
async fn a_pool_is_taken_as_it_is() {
    let database = Database::sqlite().await;
    let backend = SqlBackend::from_pool(database.application_pool().await);
    assert!(format!("{backend:?}").starts_with("SqlBackend"));
}

/// The next write is faster on a connection that has just written.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_keeps_its_connection_between_writes_and_gives_it_back() {
    static RETURNS: AtomicUsize = AtomicUsize::new(0);
    let database = Database::sqlite().await;
    let options = SqlitePoolOptions::new().min_connections(4).max_connections(4).after_release(|_, _| {
        RETURNS.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(true) })
    });
    let pool = options.connect(&database.url()).await.expect("the file is there");
    until("all connections are open", Duration::from_secs(5), || async { pool.num_idle() == 4 }).await;
    let backend = database.builder().timeout(Duration::from_secs(20)).build_with_pool(pool.clone());
    let (before, start) = (RETURNS.load(Ordering::Relaxed), Instant::now());
    for n in 0..100 {
        create(&backend, &n.to_string(), "{}").await;
    }
    let (returns, time) = (RETURNS.load(Ordering::Relaxed) - before, start.elapsed());
    assert!(returns as u128 <= time.as_millis() / 10 + 1, "{returns} in {time:?}");
    until("all connections are back", Duration::from_secs(5), || async { pool.num_idle() == 4 }).await;
}

async fn pool(url: &str, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).connect(url).await.expect("the server answers")
}

/// Reads a session in several tasks at once, and returns their number.
fn read(backend: &SqlBackend, is_over: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    for _ in 0..32 {
        let (backend, is_over) = (backend.clone(), is_over.clone());
        readers.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                assert!(backend.fetch("a").await.expect("the server answers").is_some());
            }
        });
    }
    readers
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_pass_a_connection_on_without_a_ping() {
    let server = PostgresServer::exclusive().await;
    create(&server.backend().await, "a", "{}").await;
    let proxy = Endpoint::to(server.port);
    let pool = pool(&server.url_by(proxy.port()), 1).await;
    let backend = server.builder().timeout(Duration::from_secs(20)).build_with_pool(pool);
    let read_all = async || {
        let mut readers = JoinSet::new();
        for _ in 0..200 {
            let backend = backend.clone();
            readers.spawn(async move { backend.fetch("a").await.expect("the server answers") });
        }
        readers.join_all().await;
    };
    read_all().await;
    let before = proxy.requests();
    read_all().await;
    let requests = proxy.requests() - before;
    // With two pings each, there would be 600.
    assert!((200..400).contains(&requests), "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_to_be_committed_together_pass_a_connection_on() {
    static LOANS: AtomicUsize = AtomicUsize::new(0);
    let server = PostgresServer::exclusive().await;
    create(&server.backend().await, "a", "{}").await;
    let options = PgPoolOptions::new().max_connections(1).before_acquire(|_, _| {
        LOANS.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(true) })
    });
    let pool = options.connect(&server.url()).await.expect("the server answers");
    let backend = server.builder().timeout(Duration::from_secs(20)).build_with_pool(pool);
    let start = Instant::now();
    let mut writes = JoinSet::new();
    for _ in 0..1000 {
        let backend = backend.clone();
        writes.spawn(async move { backend.touch(Touch::new("a", HOUR)).await.expect("the server answers") });
    }
    writes.join_all().await;
    let (loans, time) = (LOANS.load(Ordering::Relaxed), start.elapsed());
    // There are more than 60 transactions. A loan ends after 10 ms.
    assert!(loans as u128 <= time.as_millis() / 10 + 5, "{loans} in {time:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_leave_the_pool_to_the_application_too() {
    let server = PostgresServer::exclusive().await;
    create(&server.backend().await, "a", "{}").await;
    let pool = pool(&server.url(), 2).await;
    let backend = server.builder().timeout(Duration::from_secs(20)).build_with_pool(pool.clone());
    let is_over = Arc::default();
    let readers = read(&backend, &is_over);
    let lag = Lag::watch();
    for _ in 0..20 {
        let start = Instant::now();
        pool.execute("SELECT 1").await.expect("the server answers");
        let time = start.elapsed();
        assert!(time < Duration::from_millis(500) + lag.allowance(), "{time:?}");
    }
    is_over.store(true, Ordering::Relaxed);
    readers.join_all().await;
    until("all connections are back", Duration::from_secs(5), || async { pool.num_idle() == 2 }).await;
}
