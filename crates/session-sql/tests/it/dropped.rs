//! Requests that end before the database has replied.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use session_core::{AtomicBackend, Replace, Version, WriteOutcome};
use session_sql::SqlBackend;
use session_test_support::DroppedRequests;

use crate::support::{Database, Dice, HOUR, create, manager, map, on_each_database, stored};

on_each_database![dropped_requests_mix_up_nothing, a_dropped_write_is_carried_out_to_its_end];

async fn dropped_requests_mix_up_nothing(database: Database) {
    let mut requests = DroppedRequests::begin(manager(database.patient()), 32).await;
    let mut dice = Dice::new(1);
    for n in 0..2_000 {
        requests.send(Duration::from_micros(dice.roll([300, 10_000, 300_000][n % 3]))).await;
    }
    assert!(requests.wait().await);
    requests.check(5).await;
    assert_eq!(database.sessions().await, DroppedRequests::PEOPLE, "nothing was made that no request asked for");
}

/// Polls a write once, which sends it, and drops it. Returns what it writes.
///
/// On a busy machine the database may answer within the poll. Then another write is sent.
async fn drop_replace(backend: &SqlBackend, mut version: Version) -> String {
    let mut n = 0;
    loop {
        n += 1;
        let json = format!(r#"{{"n":{n}}}"#);
        let value = map(&json);
        let mut call = backend.replace(Replace::new("a", &value, HOUR, &version));
        let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut call).poll(context))).await;
        drop(call);
        match polled {
            Poll::Pending => return json,
            Poll::Ready(Ok(WriteOutcome::Done(next))) => version = next,
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }
}

async fn a_dropped_write_is_carried_out_to_its_end(database: Database) {
    let backend = database.backend();
    let version = create(&backend, "a", r#"{"n":0}"#).await;
    let json = drop_replace(&backend, version).await;
    let written = || async { stored(&backend, "a").await.as_ref() == Some(&json) };
    crate::support::until("the write", Duration::from_secs(5), written).await;
}
