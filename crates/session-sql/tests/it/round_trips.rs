//! The cost of each call and of each kind of request, by the database's own count.

use std::sync::atomic::{AtomicU64, Ordering};

use session_core::{
    AtomicBackend, Create, JsonCodec, Remove, Replace, Rotate, Session, SessionManager, Touch, Version, WriteOutcome,
};
use session_sql::SqlBackend;
use session_test_support::{MariaDbServer, PostgresServer};
use session_testkit::TestClock;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::sync::MutexGuard;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{Browser, Database, HOUR, Server, create, manager_with_clock, map};

enum Counter {
    /// Counts the calls of the client library, which logs them.
    Sqlite {
        file: Database,
    },
    Postgres(MutexGuard<'static, PostgresServer>),
    MySql(MutexGuard<'static, MariaDbServer>),
}

struct Counted {
    counter: Counter,
    backend: SqlBackend,
    manager: SessionManager,
    clock: TestClock,
    /// The count at the last question.
    last: u64,
}

impl Counted {
    async fn sqlite() -> Self {
        let database = Database::sqlite().await;
        let _another_test_was_faster = tracing::subscriber::set_global_default(CountStatements);
        let options = SqliteConnectOptions::new()
            .filename(database.file())
            .log_statements("info".parse().expect("it is a level"));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("it opens");
        let backend = database.builder().build_with_pool(pool);
        Self::of(Counter::Sqlite { file: database }, backend).await
    }

    async fn postgres() -> Self {
        let server = PostgresServer::exclusive().await;
        let backend = server.backend().await;
        server.ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await;
        Self::of(Counter::Postgres(server), backend).await
    }

    async fn mysql() -> Self {
        let server = MariaDbServer::exclusive().await;
        let backend = server.backend().await;
        Self::of(Counter::MySql(server), backend).await
    }

    /// Counts on the tables of Django.
    async fn django() -> Self {
        let server = MariaDbServer::exclusive().await;
        let (key, data) = ("session_key varchar(40) NOT NULL PRIMARY KEY", "session_data longtext NOT NULL");
        server.ask("DROP TABLE IF EXISTS django_session, django_session_markers").await;
        server.ask(&format!("CREATE TABLE django_session ({key}, {data}, expire_date datetime(6) NOT NULL)")).await;
        let backend = server.builder().django(JsonCodec).connect(&server.url()).expect("the url is good");
        backend.create_table().await.expect("the server answers");
        Self::of(Counter::MySql(server), backend).await
    }

    async fn of(counter: Counter, backend: SqlBackend) -> Self {
        let clock = TestClock::at(1_700_000_000);
        let manager = manager_with_clock(backend.clone(), clock.clone());
        let mut counted = Self { counter, manager, clock, backend, last: 0 };
        // Connections are made, and statements prepared.
        counted.calls().await;
        counted.calls().await;
        counted.last = counted.count().await;
        counted
    }

    async fn count(&self) -> u64 {
        let number = |texts: Vec<String>| texts.iter().map(|text| text.parse::<u64>().expect("it is a number")).sum();
        match &self.counter {
            Counter::Sqlite { .. } => STATEMENTS.load(Ordering::SeqCst),
            Counter::Postgres(server) => {
                let calls = "SELECT sum(calls)::text FROM pg_stat_statements WHERE query LIKE '%\"http_sessions\"%'";
                number(server.ask(calls).await)
            }
            Counter::MySql(server) => {
                let names = "'Com_stmt_execute', 'Com_begin', 'Com_commit', 'Com_rollback'";
                let table = "information_schema.global_status";
                number(
                    server.ask(&format!("SELECT variable_value FROM {table} WHERE variable_name IN ({names})")).await,
                )
            }
        }
    }

    /// Returns the number of round trips since the last question.
    async fn spent(&mut self) -> u64 {
        let count = self.count().await;
        count - std::mem::replace(&mut self.last, count)
    }

    /// Makes each call once, and returns the cost of each.
    async fn calls(&mut self) -> Vec<(&'static str, u64)> {
        let mut costs = Vec::new();
        let (value, other) = (map(r#"{"n":1}"#), map(r#"{"n":2}"#));
        let backend = self.backend.clone();
        let [a, b] = [unique("a"), unique("b")];
        let done = |outcome: WriteOutcome| match outcome {
            WriteOutcome::Done(version) => version,
            other => panic!("{other:?}"),
        };
        self.spent().await;
        let first: Version = done(backend.create(Create::new(&a, &value, HOUR)).await.unwrap());
        costs.push(("create", self.spent().await));
        assert!(backend.fetch(&a).await.unwrap().is_some());
        costs.push(("fetch", self.spent().await));
        let second = done(backend.replace(Replace::new(&a, &other, HOUR, &first)).await.unwrap());
        costs.push(("replace", self.spent().await));
        let conflict = backend.replace(Replace::new(&a, &value, HOUR, &first)).await.unwrap();
        assert!(matches!(conflict, WriteOutcome::Conflict(Some(_))), "{conflict:?}");
        costs.push(("conflict", self.spent().await));
        assert!(backend.touch(Touch::new(&a, HOUR)).await.unwrap());
        costs.push(("touch", self.spent().await));
        done(backend.rotate(Rotate::new(&a, &b, &value, HOUR, &second)).await.unwrap());
        costs.push(("rotate", self.spent().await));
        assert!(backend.marker(&a).await.unwrap().is_some());
        costs.push(("marker", self.spent().await));
        let removed = backend.remove(Remove::new(&b)).await.unwrap();
        assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
        costs.push(("remove", self.spent().await));
        costs
    }

    async fn delete_all_sessions(&mut self) {
        let delete = "DELETE FROM http_sessions WHERE marker IS NULL";
        match &self.counter {
            Counter::Sqlite { file } => drop(file.ask("DELETE FROM {t} WHERE marker IS NULL").await),
            Counter::Postgres(server) => drop(server.ask(delete).await),
            Counter::MySql(server) => drop(server.ask(delete).await),
        }
        self.spent().await;
    }

    async fn request(&mut self, browser: &mut Browser, work: impl FnOnce(&Session)) -> u64 {
        browser.request(&self.manager, work).await;
        self.spent().await
    }
}

fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{name}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn assert_costs(mut counted: Counted, rotation: u64) {
    let costs = counted.calls().await;
    let expected = [
        ("create", 1),
        ("fetch", 1),
        ("replace", 1),
        ("conflict", 2),
        ("touch", 1),
        ("rotate", rotation),
        ("marker", 1),
        ("remove", 1),
    ];
    assert_eq!(costs, expected);

    let mut browser = Browser::default();
    assert_eq!(counted.request(&mut browser, |session| session.insert("a", 1).unwrap()).await, 1, "first insert");
    assert_eq!(counted.request(&mut browser, |session| assert_eq!(session.to_map().len(), 1)).await, 1, "read");
    assert_eq!(counted.request(&mut browser, |session| session.insert("a", 1).unwrap()).await, 1, "same value");
    assert_eq!(counted.request(&mut browser, |session| session.insert("a", 2).unwrap()).await, 2, "modified");
    assert_eq!(counted.request(&mut browser, |session| session.renew().unwrap()).await, 1 + rotation, "renewed");
    let sign_in = |session: &Session| session.sign_in("ann").unwrap();
    assert_eq!(counted.request(&mut Browser::default(), sign_in).await, 1, "signed in without a session");
    assert_eq!(counted.request(&mut browser, sign_in).await, 1 + rotation, "signed in");
    assert_eq!(counted.request(&mut browser, |session| assert!(session.is_signed_in())).await, 1, "read of a user");
    assert_eq!(counted.request(&mut browser, |session| session.insert("a", 3).unwrap()).await, 2, "write of a user");
    let (slow, session) = browser.load(&counted.manager).await;
    session.insert("slow", 1).unwrap();
    counted.request(&mut browser.clone(), |session| session.insert("fast", 1).unwrap()).await;
    assert!(slow.commit(200).await.error.is_none());
    assert_eq!(counted.spent().await, 3, "replay after a conflict");
    assert_eq!(counted.request(&mut browser, |session| session.clear().unwrap()).await, 2, "emptied");
    counted.request(&mut browser, |session| session.insert("a", 1).unwrap()).await;
    counted.clock.advance(HOUR * 48);
    let (saving, session) = browser.load(&counted.manager).await;
    session.insert("a", 2).unwrap();
    session.save().await.unwrap();
    assert_eq!(counted.spent().await, 2, "saved");
    let commit = saving.commit(200).await;
    assert!(commit.set_cookie.is_some() && counted.spent().await == 1, "the refresh that the save left due");
    assert_eq!(
        counted.request(&mut browser, |session| assert_eq!(session.to_map().len(), 1)).await,
        2,
        "read, refresh due"
    );

    let mut other = Browser::default();
    counted.request(&mut other, |session| session.insert("a", 1).unwrap()).await;
    let headers = [browser.header(), other.header()];
    let handle = counted.manager.open(headers.iter().map(|header| header.as_bytes()));
    handle.destroy();
    assert!(handle.commit(200).await.set_cookie.is_some());
    assert_eq!(counted.spent().await, 2, "two verified cookies, destroyed without reading");

    counted.request(&mut other, |session| session.insert("a", 1).unwrap()).await;
    counted.delete_all_sessions().await;
    assert_eq!(counted.request(&mut other, |session| assert!(session.is_empty())).await, 1, "unknown id, read");
    assert_eq!(counted.request(&mut other, |session| session.insert("a", 1).unwrap()).await, 3, "unknown id, insert");
    let handle = browser.open(&counted.manager);
    assert!(handle.commit(200).await.error.is_none());
    assert_eq!(counted.spent().await, 0, "untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_one_call_for_each_and_one_more_for_a_conflict() {
    assert_costs(Counted::sqlite().await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_takes_one_statement_for_each_and_one_more_for_a_conflict() {
    assert_costs(Counted::postgres().await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_takes_one_more_for_a_conflict_and_three_more_for_a_rotation() {
    assert_costs(Counted::mysql().await, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_django_take_a_transaction_where_a_marker_counts() {
    let costs = Counted::django().await.calls().await;
    let expected = [
        ("create", 4),
        ("fetch", 1),
        ("replace", 1),
        ("conflict", 2),
        ("touch", 1),
        // Two more than without the lock that `create` has left, which MySQL has to delete first.
        ("rotate", 8),
        ("marker", 1),
        ("remove", 6),
    ];
    assert_eq!(costs, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_connections_cost_a_ping_and_others_none() {
    let server = PostgresServer::exclusive().await;
    let backend = server.backend().await;
    create(&backend, "a", "{}").await;
    let ids = server.connections().await;
    for _ in 0..10 {
        backend.fetch("a").await.unwrap();
    }
    assert_eq!(server.connections().await, ids, "one connection serves calls that come one after the other");
}

static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// Counts the calls of the client library on tables of these tests, from threads that have no other subscriber.
struct CountStatements;

impl Subscriber for CountStatements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statement);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Statement;

impl Visit for Statement {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "db.statement" && format!("{value:?}").contains("session_key") {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
}
