//! The clean-up of expired rows.

use std::time::Duration;

use session_core::{AtomicBackend, MARKER_LIFETIME, Replace, Touch, WriteOutcome};
use sha2::{Digest, Sha256};

use crate::support::{Database, HOUR, create, map, on_each_database, stored, until};

on_each_database![
    expired_rows_are_deleted_in_batches_and_others_stay,
    expired_rows_are_found_among_sessions_that_were_extended,
    the_task_deletes_by_itself,
    the_task_is_begun_anew_where_its_runtime_has_ended,
];

/// Inserts rows that expired hours ago.
async fn insert_expired(database: &Database, rows: usize) {
    insert(database, "expired", rows, database.long_ago()).await;
}

async fn insert(database: &Database, name: &str, rows: usize, expires_at: &str) {
    let values: Vec<_> = (0..rows).map(|n| format!("('{name}{n}', '{{}}', {expires_at})")).collect();
    database.ask(&format!("INSERT INTO {{t}} (session_key, value, expires_at) VALUES {}", values.join(", "))).await;
}

async fn rows(database: &Database) -> usize {
    database.ask("SELECT session_key FROM {t} WHERE session_key <> '(schema)'").await.len()
}

async fn expired_rows_are_deleted_in_batches_and_others_stay(database: Database) {
    let backend = database.patient();
    create(&backend, "live", r#"{"n":1}"#).await;
    insert_expired(&database, 1200).await;
    let mut deleted = Vec::new();
    for _ in 0..4 {
        deleted.push(backend.delete_expired().await.unwrap());
    }
    assert_eq!(deleted, [500, 500, 200, 0]);
    assert_eq!(rows(&database).await, 1);
    assert_eq!(stored(&backend, "live").await.as_deref(), Some(r#"{"n":1}"#));
    backend.check().await.unwrap();
}

/// The rows of another program have no hour, so the clean-up looks at all of them.
async fn expired_rows_are_found_among_sessions_that_were_extended(database: Database) {
    insert(&database, "first", 700, database.future()).await;
    insert_expired(&database, 600).await;
    insert(&database, "last", 700, database.future()).await;
    let (backend, mut deleted) = (database.patient(), 0);
    loop {
        match backend.delete_expired().await.unwrap() {
            0 => break,
            rows => deleted += rows,
        }
    }
    assert_eq!(deleted, 600);
    assert_eq!(rows(&database).await, 1400);
    // The hour may have changed between the two insertions.
    let due = "SELECT 'x' FROM {t} WHERE due_hour < (SELECT due_hour FROM {t} WHERE session_key = 'last0') - 1";
    assert_eq!(database.ask(due).await.len(), 0, "the next clean-up does not look at them again");
}

async fn the_task_deletes_by_itself(database: Database) {
    insert_expired(&database, 700).await;
    let backend = database.builder().clean_up_every(Duration::from_secs(1)).connect(&database.url()).unwrap();
    create(&backend, "live", "{}").await;
    until("the clean-up", Duration::from_secs(20), || async { rows(&database).await == 1 }).await;
}

async fn the_task_is_begun_anew_where_its_runtime_has_ended(database: Database) {
    insert_expired(&database, 10).await;
    let backend = database.builder().clean_up_every(Duration::from_secs(1)).connect(&database.url()).unwrap();
    let first = backend.clone();
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(create(&first, "live", "{}"));
    })
    .await
    .unwrap();
    stored(&backend, "live").await;
    until("the clean-up", Duration::from_secs(20), || async { rows(&database).await == 1 }).await;
}

/// MySQL computes the hour itself.
#[tokio::test]
async fn a_write_moves_the_hour_only_of_a_session_that_will_soon_expire() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let backend = database.patient();
        let hour =
            async || database.ask("SELECT CAST(due_hour AS TEXT) FROM {t} WHERE session_key = 'a'").await.remove(0);
        let version = create(&backend, "a", "{}").await;
        let first = hour().await;
        let value = map(r#"{"n":1}"#);
        let replaced = backend.replace(Replace::new("a", &value, HOUR * 48, &version)).await.unwrap();
        assert!(backend.touch(Touch::new("a", HOUR * 48)).await.unwrap());
        assert_eq!(hour().await, first, "extended");
        database.ask("UPDATE {t} SET due_hour = due_hour + 100 WHERE session_key = 'a'").await;
        let WriteOutcome::Done(version) = replaced else { panic!("{replaced:?}") };
        let empty = map("{}");
        let emptied = Replace::new("a", &empty, MARKER_LIFETIME, &version);
        assert!(matches!(backend.replace(emptied).await.unwrap(), WriteOutcome::Done(_)));
        assert!(hour().await <= first, "emptied");
    }
}

/// Returns the number that the crate's documentation says: the start of a digest of the table's name.
fn lock_number(table: &str) -> i64 {
    let digest = Sha256::digest(format!("session-sql {table}"));
    i64::from_be_bytes(digest[..8].try_into().expect("there are eight"))
}

#[tokio::test]
async fn one_server_of_postgres_cleans_up_at_a_time() {
    let database = Database::postgres().await;
    let backend = database.patient();
    insert_expired(&database, 10).await;
    let mut other = database.connect_to_postgres().await;
    let lock = lock_number(database.table());
    sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut other).await.unwrap();
    assert_eq!(backend.delete_expired().await.unwrap(), 0);
    drop(other);
    until("the lock", Duration::from_secs(5), || async { backend.delete_expired().await.unwrap() == 10 }).await;
}

#[tokio::test]
async fn one_server_of_mysql_cleans_up_at_a_time() {
    let database = Database::mysql().await;
    let backend = database.patient();
    insert_expired(&database, 10).await;
    let mut other = database.connect_to_mysql().await;
    let lock = format!("session-sql {:x}", lock_number(database.table()));
    sqlx::query("SELECT GET_LOCK(?, 0)").bind(lock).execute(&mut other).await.unwrap();
    assert_eq!(backend.delete_expired().await.unwrap(), 0);
    drop(other);
    until("the lock", Duration::from_secs(5), || async { backend.delete_expired().await.unwrap() == 10 }).await;
}

#[tokio::test]
async fn a_row_that_a_request_holds_is_left_for_the_next_time() {
    let database = Database::postgres().await;
    let backend = database.backend();
    insert_expired(&database, 10).await;
    let mut other = database.connect_to_postgres().await;
    let lock = format!("BEGIN; SELECT FROM {} WHERE session_key = 'expired7' FOR UPDATE", database.table());
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut other).await.unwrap();
    assert_eq!(backend.delete_expired().await.unwrap(), 9);
}
