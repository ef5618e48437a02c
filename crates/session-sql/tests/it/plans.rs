//! The ways in which a database finds rows.

use std::time::Duration;

use session_core::{AtomicBackend, Create, Remove, Replace, Rotate, Touch, WriteOutcome};

use crate::support::{Database, HOUR, map, until};

/// Calls that find their rows by an index, as the statistics of the server tell.
#[tokio::test]
async fn postgres_reads_no_whole_table_for_a_call() {
    let database = Database::postgres().await;
    let insert = "INSERT INTO {t} (session_key, value, user_id, expires_at)
        SELECT 'row' || n, repeat('x', 200), 'user' || n / 5, now() - interval '3 hours' FROM generate_series(1, 5000) AS n";
    database.ask(insert).await;
    database.ask("ANALYZE {t}").await;
    let scans = async |column| {
        let select = format!("SELECT {column}::text FROM pg_stat_user_tables WHERE relname = '{}'", database.table());
        database.ask(&select).await[0].parse::<u64>().expect("it is a number")
    };
    let (whole, by_index) = (scans("seq_scan").await, scans("idx_scan").await);

    let (backend, value) = (database.patient(), map("{}"));
    let done = |outcome| match outcome {
        WriteOutcome::Done(version) => version,
        other => panic!("{other:?}"),
    };
    // A server plans a statement for any values after it has run five times with single ones.
    for _ in 0..8 {
        let created = backend.create(Create::new("s:a", &value, HOUR).of_user(Some("ann"))).await.unwrap();
        let replaced = backend.replace(Replace::new("s:a", &value, HOUR, &done(created))).await.unwrap();
        assert!(backend.touch(Touch::new("s:a", HOUR)).await.unwrap());
        let rotated = backend.rotate(Rotate::new("s:a", "s:b", &value, HOUR, &done(replaced))).await.unwrap();
        assert!(backend.fetch("s:b").await.unwrap().is_some());
        assert_eq!(backend.user_index().unwrap().sessions("ann").await.unwrap().len(), 1);
        assert_eq!(backend.session_scan().unwrap().page("s:", None).await.unwrap().sessions.len(), 1);
        backend.remove(Remove::new("s:b").at(&done(rotated))).await.unwrap();
        backend.remove(Remove::new("s:c")).await.unwrap();
        assert!(backend.marker("s:b").await.unwrap().is_some());
        assert_eq!(backend.delete_expired().await.unwrap(), 500);
        database.ask("DELETE FROM {t} WHERE session_key = ANY (ARRAY['s:a', 's:b', 's:c'])").await;
    }
    drop(backend);
    // The connections tell the statistics when they end.
    until("the statistics", Duration::from_secs(10), || async { scans("idx_scan").await >= by_index + 8 * 8 }).await;
    assert_eq!(scans("seq_scan").await, whole);
}
