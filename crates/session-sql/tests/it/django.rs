//! The table of Django, with the markers beside it.

use std::time::Duration;

use session_compat::DjangoDb;
use session_core::{
    AtomicBackend, BackendErrorKind, Create, JsonCodec, Marker, Remove, Replace, Session, SessionConfig, SessionError,
    SessionManager, WriteOutcome,
};
use session_sql::{SqlBackend, SqlBackendBuilder};
use session_testkit::conformance::{Candidate, check};

use crate::support::{Browser, Database, HOUR, cause, create, map, on_each_database, stored};

on_each_database![
    it_conforms,
    it_conforms_on_a_pool_of_the_application,
    a_row_is_the_one_that_django_would_write,
    a_write_of_django_is_a_conflict_that_is_replayed,
    increments_in_two_processes_are_all_counted,
    a_row_that_django_has_deleted_is_not_brought_back,
    a_creation_that_is_under_way_ends_before_a_removal,
    a_removal_that_is_under_way_ends_before_a_creation,
    a_clean_up_deletes_expired_markers_and_nothing_of_django,
    a_missing_table_is_an_error_that_says_whose_it_is,
];

const SECRET_KEY: &str = "django-insecure-but-only-in-a-test-of-the-library";

/// Creates the table as Django's migration does.
async fn migrate(database: &Database) {
    migrate_with_key(database, "varchar(40)").await;
}

/// Creates the table for the suite, whose keys are longer than Django's and differ in case only.
async fn migrate_for_suite(database: &Database) {
    let is_mysql = database.django_types().0 == "longtext";
    let key = if is_mysql { "varchar(255) CHARACTER SET ascii COLLATE ascii_bin" } else { "varchar(255)" };
    migrate_with_key(database, key).await;
}

async fn migrate_with_key(database: &Database, key: &str) {
    let (text, time) = database.django_types();
    let key = format!("session_key {key} NOT NULL PRIMARY KEY");
    let columns = format!("{key}, session_data {text} NOT NULL, expire_date {time} NOT NULL");
    let options = if time == "datetime(6)" { "DEFAULT CHARACTER SET utf8mb4" } else { "" };
    database.ask(&format!("CREATE TABLE {{t}}_django ({columns}) {options}")).await;
}

fn builder(database: &Database) -> SqlBackendBuilder {
    let builder = SqlBackend::builder().django(DjangoDb::new(SECRET_KEY)).without_clean_up();
    builder.table(&format!("{}_django", database.table())).expect("the name is good").timeout(Duration::from_secs(20))
}

async fn backend(database: &Database) -> SqlBackend {
    migrate(database).await;
    let backend = builder(database).connect(&database.url()).expect("the url is good");
    backend.create_table().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
    backend
}

/// The suite expects values back byte for byte, but Django's escapes change them.
async fn it_conforms(database: Database) {
    migrate_for_suite(&database).await;
    let backend = builder(&database).django(JsonCodec).connect(&database.url()).expect("the url is good");
    backend.create_table().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
    check(Candidate::atomic(backend)).await.assert_passed();
    let backend = builder(&database).connect(&database.url()).expect("the url is good");
    let report = check(Candidate::atomic(backend)).await;
    assert_eq!(report.failures().collect::<Vec<_>>(), ["a_stored_session_comes_back_byte_for_byte"], "{report}");
}

/// The isolation of such a pool is another one.
async fn it_conforms_on_a_pool_of_the_application(database: Database) {
    migrate_for_suite(&database).await;
    let backend = builder(&database).django(JsonCodec).build_with_pool(database.application_pool().await);
    backend.create_table().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
    check(Candidate::atomic(backend)).await.assert_passed();
}

async fn a_row_is_the_one_that_django_would_write(database: Database) {
    let backend = backend(&database).await;
    create(&backend, "aodmbckyra6sn0iljcew3iliccf9stox", r#"{"user":"ann"}"#).await;
    let data = &database.ask("SELECT session_data FROM {t}_django").await[0];
    assert!(data.starts_with("eyJ1c2VyIjoiYW5uIn0:") && data.split(':').count() == 3, "{data}");
    let (_, time) = database.django_types();
    let expiry = &database.ask(&format!("SELECT CAST(expire_date AS {}) FROM {{t}}_django", text_of(time))).await[0];
    // 2026-12-10 05:06:58.409485
    assert_eq!(expiry.split(['-', ' ', ':', '.']).next().map(str::len), Some(4), "{expiry}");
    if time == "datetime" {
        assert_eq!(expiry.len(), "2026-12-10 05:06:58.409485".len(), "{expiry}");
    }
    // As Django finds its sessions.
    let live = format!("SELECT session_key FROM {{t}}_django WHERE expire_date > {}", database.django_time(0));
    assert_eq!(database.ask(&live).await, ["aodmbckyra6sn0iljcew3iliccf9stox"]);
    let live = format!("SELECT session_key FROM {{t}}_django WHERE expire_date > {}", database.django_time(3601));
    assert!(database.ask(&live).await.is_empty());
    // A time without fraction, as Django writes every millionth.
    let (past, future) = (database.django_time(-2), database.django_time(2));
    database.ask(&format!("UPDATE {{t}}_django SET expire_date = {past}")).await;
    assert_eq!(stored(&backend, "aodmbckyra6sn0iljcew3iliccf9stox").await, None);
    database.ask(&format!("UPDATE {{t}}_django SET expire_date = {future}")).await;
    assert!(stored(&backend, "aodmbckyra6sn0iljcew3iliccf9stox").await.is_some());
    assert!(backend.user_index().is_none() && backend.session_scan().is_none(), "Django's table has no such columns");
}

fn text_of(time: &str) -> &str {
    if time == "datetime(6)" { "char" } else { "text" }
}

fn manager(backend: SqlBackend) -> SessionManager {
    let config = SessionConfig::builder("a secret of at least thirty-two bytes", DjangoDb::COOKIE_NAME)
        .format(DjangoDb::new(SECRET_KEY))
        .backend(backend)
        .request_deadline(Duration::from_secs(20));
    SessionManager::new(config.build().expect("the configuration is good"))
}

/// The text that Django stores for this session, by the same code: its bytes are compared with Django's elsewhere.
fn of_django(json: &str) -> String {
    use session_core::SessionCodec;
    let text = DjangoDb::new(SECRET_KEY).encode(&map(json)).expect("it is JSON");
    String::from_utf8(text).expect("it is text")
}

async fn a_write_of_django_is_a_conflict_that_is_replayed(database: Database) {
    let manager = manager(backend(&database).await);
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 1).expect("it is JSON")).await;
    let (slow, session) = browser.load(&manager).await;
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).expect("it is JSON");
    // Saves as a model of Django does: the whole row, no matter what it was.
    let data = of_django(r#"{"n": 10, "django": true}"#);
    database.ask(&format!("UPDATE {{t}}_django SET session_data = '{data}'")).await;
    assert!(slow.commit(200).await.error.is_none());
    let (_, session) = browser.load(&manager).await;
    assert_eq!(session.to_map().into_json(), r#"{"n": 11, "django": true}"#);
}

async fn increments_in_two_processes_are_all_counted(database: Database) {
    let here = manager(backend(&database).await);
    let there = manager(builder(&database).connect(&database.url()).expect("the url is good"));
    let mut browser = Browser::default();
    browser.request(&here, |session| session.insert("n", 0).expect("it is JSON")).await;
    let increments = async |manager: &SessionManager| {
        for _ in 0..50 {
            let increment = |session: &Session| {
                session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).expect("it is a number");
            };
            browser.clone().request(manager, increment).await;
        }
    };
    tokio::join!(increments(&here), increments(&there));
    assert_eq!(browser.see(&here, "n").await, Some(100));
}

async fn a_row_that_django_has_deleted_is_not_brought_back(database: Database) {
    let manager = manager(backend(&database).await);
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 1).expect("it is JSON")).await;
    let (slow, session) = browser.load(&manager).await;
    session.insert("n", 2).expect("it is JSON");
    database.ask("DELETE FROM {t}_django").await;
    let commit = slow.commit(200).await;
    assert!(matches!(commit.error, Some(SessionError::Gone)), "{:?}", commit.error);
    assert!(database.ask("SELECT session_key FROM {t}_django").await.is_empty());
}

/// Statements of a `create` that another process makes, up to its end.
async fn a_creation_that_is_under_way_ends_before_a_removal(database: Database) {
    let backend = backend(&database).await;
    let (past, future) = (database.django_time(-60), database.django_time(3600));
    let data = of_django("{}");
    let mut other = database.transaction().await;
    other.run(&format!("INSERT INTO {{t}}_django_markers VALUES ('key', '', {past})")).await;
    other.run(&format!("INSERT INTO {{t}}_django VALUES ('key', '{data}', {future})")).await;
    let removal = tokio::spawn({
        let backend = backend.clone();
        async move { backend.remove(Remove::new("key")).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!removal.is_finished(), "it waits for the other transaction");
    other.commit().await;
    let removed = removal.await.expect("it does not panic").expect("the database answers");
    assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
    assert!(database.ask("SELECT session_key FROM {t}_django").await.is_empty());
    assert_eq!(backend.marker("key").await.expect("the database answers"), Some(Marker::Destroyed));
}

async fn a_removal_that_is_under_way_ends_before_a_creation(database: Database) {
    let backend = backend(&database).await;
    let mut other = database.transaction().await;
    let soon = database.django_time(60);
    other.run(&format!("INSERT INTO {{t}}_django_markers VALUES ('key', 'destroyed', {soon})")).await;
    let creation = tokio::spawn({
        let backend = backend.clone();
        async move { backend.create(Create::new("key", &map("{}"), HOUR)).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!creation.is_finished(), "it waits for the other transaction");
    other.commit().await;
    let created = creation.await.expect("it does not panic").expect("the database answers");
    assert!(matches!(created, WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");
    assert!(database.ask("SELECT session_key FROM {t}_django").await.is_empty());
}

async fn a_clean_up_deletes_expired_markers_and_nothing_of_django(database: Database) {
    let backend = backend(&database).await;
    let (first, past) = (create(&backend, "a", "{}").await, database.django_time(-3));
    assert!(matches!(backend.remove(Remove::new("b")).await, Ok(WriteOutcome::Gone(None))));
    database.ask(&format!("UPDATE {{t}}_django SET expire_date = {past}")).await;
    // The lock of the creation is no marker by any clock.
    let (old, marked) = (database.django_time(-30), "SELECT session_key FROM {t}_django_markers WHERE expires_at");
    assert_eq!(database.ask(&format!("{marked} < {old}")).await, ["a"]);
    assert_eq!(backend.delete_expired().await.expect("the database answers"), 1);
    assert_eq!(backend.delete_expired().await.expect("the database answers"), 0);
    assert_eq!(database.ask("SELECT session_key FROM {t}_django").await, ["a"]);
    assert_eq!(backend.marker("b").await.expect("the database answers"), Some(Marker::Destroyed));
    // An expired row counts as absent, and makes room.
    let empty = map("{}");
    let replaced = backend.replace(Replace::new("a", &empty, HOUR, &first)).await.expect("the database answers");
    assert!(matches!(replaced, WriteOutcome::Gone(None)), "{replaced:?}");
    create(&backend, "a", r#"{"n":1}"#).await;
    assert_eq!(stored(&backend, "a").await.as_deref(), Some(r#"{"n":1}"#));
    database.ask(&format!("UPDATE {{t}}_django_markers SET expires_at = {past} WHERE session_key = 'b'")).await;
    create(&backend, "b", "{}").await;
}

async fn a_missing_table_is_an_error_that_says_whose_it_is(database: Database) {
    let backend = builder(&database).connect(&database.url()).expect("the url is good");
    for error in [backend.check().await.expect_err("no table is there"), {
        backend.create_table().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
        backend.fetch("a").await.expect_err("Django's table is missing")
    }] {
        assert_eq!(error.kind(), BackendErrorKind::Unavailable);
        assert!(cause(&error).contains("run the migrations of `django.contrib.sessions`"), "{}", cause(&error));
    }
}
