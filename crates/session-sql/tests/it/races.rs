//! Requests of one session at the same time, in one process and in two.

use std::time::Instant;

use session_core::{AtomicBackend, Create, Marker, Remove, Replace, Rotate, SessionManager, Touch, WriteOutcome};
use tokio::task::JoinSet;

use crate::support::{Database, HOUR, create, manager, map, on_each_database, races, stored};

on_each_database![
    two_hundred_writes_of_different_keys_leave_two_hundred,
    two_hundred_increments_make_two_hundred,
    a_logout_during_a_slow_update_is_final,
    of_two_renewals_at_once_one_wins_and_the_other_is_told,
    a_logout_with_the_cookie_before_a_renewal_ends_the_renewed_session,
    of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation,
    a_rotation_during_touches_moves_the_session,
    of_a_creation_and_a_removal_at_once_the_removal_is_final,
];

/// Returns two managers that share only the database, as two processes do.
fn two_processes(database: &Database) -> [SessionManager; 2] {
    [(); 2].map(|()| manager(database.patient()))
}

async fn two_hundred_writes_of_different_keys_leave_two_hundred(database: Database) {
    races::writes_of_different_keys(two_processes(&database)).await;
}

async fn two_hundred_increments_make_two_hundred(database: Database) {
    let start = Instant::now();
    races::increments(two_processes(&database)).await;
    println!("200 increments in two processes took {:?}", start.elapsed());
}

async fn a_logout_during_a_slow_update_is_final(database: Database) {
    races::logout_during_an_update(two_processes(&database)).await;
    assert_eq!(database.sessions().await, 0);
}

async fn of_two_renewals_at_once_one_wins_and_the_other_is_told(database: Database) {
    races::renewals(two_processes(&database)).await;
    assert_eq!(database.sessions().await, 1);
}

async fn a_logout_with_the_cookie_before_a_renewal_ends_the_renewed_session(database: Database) {
    races::logout_with_the_cookie_before_a_renewal(two_processes(&database)).await;
}

async fn of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation(database: Database) {
    races::changes_during_a_revocation(two_processes(&database)).await;
    races::sign_ins_during_a_revocation(two_processes(&database)).await;
}

async fn a_rotation_during_touches_moves_the_session(database: Database) {
    let backend = database.patient();
    for n in 0..40 {
        let (old, new) = (format!("old{n}"), format!("new{n}"));
        let version = create(&backend, &old, r#"{"n":1}"#).await;
        let mut touches = JoinSet::new();
        for _ in 0..6 {
            let (backend, old) = (backend.clone(), old.clone());
            touches.spawn(async move { backend.touch(Touch::new(&old, HOUR)).await.unwrap() });
        }
        let value = map(r#"{"n":2}"#);
        let rotated = backend.rotate(Rotate::new(&old, &new, &value, HOUR, &version)).await.unwrap();
        assert!(matches!(rotated, WriteOutcome::Done(_)), "{rotated:?}");
        touches.join_all().await;
        assert_eq!(stored(&backend, &old).await, None);
        assert_eq!(stored(&backend, &new).await.as_deref(), Some(r#"{"n":2}"#));
        let renewed = Marker::Renewed { successor: new.into() };
        assert_eq!(backend.marker(&old).await.unwrap(), Some(renewed));
    }
}

async fn of_a_creation_and_a_removal_at_once_the_removal_is_final(database: Database) {
    let backend = database.patient();
    for n in 0..40 {
        let key = format!("key{n}");
        let mut removals = JoinSet::new();
        for _ in 0..3 {
            let (backend, key) = (backend.clone(), key.clone());
            removals.spawn(async move { backend.remove(Remove::new(&key)).await.unwrap() });
        }
        let created = backend.create(Create::new(&key, &map("{}"), HOUR)).await.unwrap();
        assert!(matches!(created, WriteOutcome::Done(_) | WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");
        removals.join_all().await;
        assert_eq!(stored(&backend, &key).await, None);
        assert_eq!(backend.marker(&key).await.unwrap(), Some(Marker::Destroyed));
    }
}

#[tokio::test]
async fn a_conflict_with_a_write_under_way_answers_with_what_that_has_written() {
    let database = Database::postgres().await;
    let backend = database.patient();
    let version = create(&backend, "a", r#"{"n":0}"#).await;
    let mut other = database.connect_to_postgres().await;
    let update = format!(r#"BEGIN; UPDATE {} SET value = '{{"n":7}}' WHERE session_key = 'a'"#, database.table());
    sqlx::raw_sql(sqlx::AssertSqlSafe(update)).execute(&mut other).await.unwrap();
    let write =
        tokio::spawn(
            async move { backend.replace(Replace::new("a", &map(r#"{"n":1}"#), HOUR, &version)).await.unwrap() },
        );
    let waits = "SELECT 'x' FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"{t}\"%'";
    while database.ask(waits).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let WriteOutcome::Conflict(Some(current)) = write.await.unwrap() else { panic!("it is no conflict") };
    assert_eq!(current.session.as_json(), r#"{"n":7}"#);
}

/// Runs `first`, which locks one of the rows of a rotation, and then, while the rotation waits for it, `second`, which locks
/// the other one.
macro_rules! rotate_into_a_deadlock {
    ($database:expr, $other:expr, $waits:expr, [$($first:expr),*], $second:expr) => {{
        let (database, mut other) = ($database, $other);
        let sql = |text: &str| text.replace("{t}", database.table()).replace("{future}", database.future());
        let backend = database.patient();
        let version = create(&backend, "a", r#"{"n":0}"#).await;
        for first in ["BEGIN", $($first),*] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql(first))).execute(&mut other).await.unwrap();
        }
        let rotation = tokio::spawn(async move {
            let rotated = backend.rotate(Rotate::new("a", "b", &map(r#"{"n":1}"#), HOUR, &version)).await;
            rotated.unwrap_or_else(|error| panic!("{}", crate::support::cause(&error)))
        });
        while database.ask($waits).await.is_empty() {
            assert!(!rotation.is_finished());
            // The table of transactions is renewed only if nothing has read it for a tenth of a second.
            tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        }
        for second in [$second, "ROLLBACK"] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql(second))).execute(&mut other).await.unwrap();
        }
        let rotated = rotation.await.unwrap();
        assert!(matches!(rotated, WriteOutcome::Done(_)), "{rotated:?}");
        assert_eq!(stored(&database.patient(), "b").await.as_deref(), Some(r#"{"n":1}"#));
    }};
}

const LOCK_OLD: &str = "SELECT 1 FROM {t} WHERE session_key = 'a' FOR UPDATE";
const INSERT_NEW: &str = "INSERT INTO {t} (session_key, marker, expires_at) VALUES ('b', 'destroyed', {future})";

#[tokio::test]
async fn a_deadlock_in_postgres_is_tried_again() {
    let database = Database::postgres().await;
    let other = database.connect_to_postgres().await;
    let waits = "SELECT 'x' FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"{t}\"%'";
    // The first transaction that looks for a deadlock is the victim.
    let late = "SET LOCAL deadlock_timeout = '1min'";
    rotate_into_a_deadlock!(database, other, waits, [late, INSERT_NEW], LOCK_OLD);
}

#[tokio::test]
async fn a_deadlock_in_mysql_is_tried_again() {
    let database = Database::mysql().await;
    let other = database.connect_to_mysql().await;
    let waits =
        "SELECT 'x' FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%`{t}`%'";
    // The transaction that has changed fewer rows is the victim.
    let many = "INSERT INTO {t} (session_key, marker, expires_at) \
        SELECT CONCAT('many', seq), 'destroyed', {future} FROM seq_1_to_100";
    rotate_into_a_deadlock!(database, other, waits, [many, LOCK_OLD], INSERT_NEW);
}
