//! The rows of Django's table, and their copies in its cache.

use session_compat::DjangoCachedDb;
use session_core::{Applied, AtomicBackend, MemoryBackend, Remove, Replace, Rotate, Touch, Version, WriteOutcome};
use session_test_support::{HOUR, create, map, stored};
use session_testkit::{Fault, Operation, Probe};

const COPY: &str = "shop:2:django.contrib.sessions.cached_dbkey";

/// The rows, their copies, and a probe for each of them.
fn stores() -> (DjangoCachedDb, MemoryBackend, [Probe; 2]) {
    let (copies, probes) = (MemoryBackend::new(), [Probe::new(), Probe::new()]);
    let rows = probes[0].watch(MemoryBackend::new());
    (DjangoCachedDb::new(rows, probes[1].watch(copies.clone())).key_prefix("shop", 2), copies, probes)
}

fn done(outcome: WriteOutcome) -> Version {
    match outcome {
        WriteOutcome::Done(version) => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_write_of_a_row_removes_its_copy_before_and_after() {
    use Operation::{Create, Fetch, Remove as Removal, Rotate as Rotation};
    let (django, copies, [of_rows, of_copies]) = stores();
    let copy = async || drop(create(&copies, COPY, r#"{"old":1}"#).await);
    let version = create(&django, "key", r#"{"n":1}"#).await;
    copy().await;
    assert!(django.touch(Touch::new("key", HOUR)).await.unwrap());
    assert_eq!(stored(&django, "key").await.as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(of_copies.calls(), [], "a row is read without its copy");
    assert_eq!(of_rows.calls(), [Create, Operation::Touch, Fetch]);

    let session = map(r#"{"n":2}"#);
    let version = done(django.replace(Replace::new("key", &session, HOUR, &version)).await.unwrap());
    assert_eq!(of_copies.calls(), [Removal, Removal]);
    assert_eq!(stored(&copies, COPY).await, None);
    done(django.rotate(Rotate::new("key", "other", &session, HOUR, &version)).await.unwrap());
    assert_eq!(of_copies.calls(), [Removal, Removal]);
    assert!(matches!(django.remove(Remove::new("other")).await, Ok(WriteOutcome::Done(()))));
    assert_eq!(of_copies.calls(), [Removal, Removal]);
    assert_eq!(of_rows.calls(), [Operation::Replace, Rotation, Removal]);
}

#[tokio::test]
async fn no_row_is_written_while_its_copy_can_not_be_removed() {
    let (django, _, [of_rows, of_copies]) = stores();
    let version = create(&django, "key", r#"{"n":1}"#).await;
    of_rows.calls();
    of_copies.fail(Operation::Remove, Fault::LostReply);
    let session = map(r#"{"n":2}"#);
    let failed = [
        django.replace(Replace::new("key", &session, HOUR, &version)).await.map(drop),
        django.rotate(Rotate::new("key", "other", &session, HOUR, &version)).await.map(drop),
        django.remove(Remove::new("key")).await.map(drop),
    ];
    for outcome in failed {
        assert_eq!(outcome.unwrap_err().applied(), Applied::No);
    }
    assert_eq!(of_rows.calls(), []);
    assert_eq!(stored(&django, "key").await.as_deref(), Some(r#"{"n":1}"#));
}
