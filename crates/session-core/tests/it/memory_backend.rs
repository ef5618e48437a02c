//! The memory backend.

mod eviction;
mod limits;
mod markers;
mod races;

use std::collections::HashSet;
use std::time::Duration;

use session_core::{
    AtomicBackend, Create, Marker, MemoryBackend, Remove, Replace, Rotate, SessionMap, Stored, Touch, Version,
    WriteOutcome,
};

use crate::support::{NOW, TestClock, put, stored};

const HOUR: Duration = Duration::from_secs(3600);

fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("the test's own JSON")
}

fn store() -> (TestClock, MemoryBackend) {
    let clock = TestClock::at(NOW);
    (clock.clone(), MemoryBackend::builder().clock(clock).build())
}

fn store_of(max_sessions: usize) -> MemoryBackend {
    MemoryBackend::builder().clock(TestClock::at(NOW)).max_sessions(max_sessions).build()
}

/// Returns how many sessions under keys of this name are in the store, and uses them.
fn fetched(store: &MemoryBackend, name: &str, numbers: impl IntoIterator<Item = usize>) -> usize {
    numbers.into_iter().filter(|number| stored(store, &format!("{name} {number}")).is_some()).count()
}

/// Stores a session for each number, under keys of this name.
fn fill(store: &MemoryBackend, name: &str, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        put(store, &format!("{name} {number}"), "{}", HOUR);
    }
}

async fn create(store: &MemoryBackend, key: &str, json: &str, exp: Duration) -> Version {
    match store.create(Create::new(key, &map(json), exp)).await.expect("memory does not fail") {
        WriteOutcome::Done(version) => version,
        other => panic!("{other:?}"),
    }
}

async fn found(store: &MemoryBackend, key: &str) -> Option<String> {
    store.fetch(key).await.expect("memory does not fail").map(|stored| stored.session.into_json())
}

async fn fetch(store: &MemoryBackend, key: &str) -> Stored {
    store.fetch(key).await.expect("memory does not fail").expect("it is there")
}

#[tokio::test]
async fn a_session_is_found_until_it_is_removed() {
    let (_, store) = store();
    assert_eq!(found(&store, "key").await, None);
    put(&store, "key", r#"{"a":1}"#, HOUR);
    put(&store, "key", r#"{"a":2}"#, HOUR);
    assert_eq!(found(&store, "key").await.as_deref(), Some(r#"{"a":2}"#));
    store.remove(Remove::new("key")).await.unwrap();
    store.remove(Remove::new("key")).await.unwrap();
    assert_eq!(found(&store, "key").await, None);
}

#[tokio::test]
async fn a_key_can_be_created_again_once_its_session_has_expired() {
    let (clock, store) = store();
    create(&store, "key", r#"{"a":1}"#, HOUR).await;
    assert!(matches!(store.create(Create::new("key", &map("{}"), HOUR)).await, Ok(WriteOutcome::Conflict(None))));
    clock.advance(HOUR);
    create(&store, "key", r#"{"a":2}"#, HOUR).await;
    assert_eq!(found(&store, "key").await.as_deref(), Some(r#"{"a":2}"#));
}

#[tokio::test]
async fn a_session_is_replaced_at_its_version_only() {
    let (_, store) = store();
    let first = create(&store, "key", r#"{"a":1}"#, HOUR).await;
    assert_eq!(fetch(&store, "key").await.version, first);
    let WriteOutcome::Done(second) =
        store.replace(Replace::new("key", &map(r#"{"a":2}"#), HOUR, &first)).await.unwrap()
    else {
        panic!("no other write came in between");
    };
    assert_eq!(fetch(&store, "key").await.version, second);
    match store.replace(Replace::new("key", &map(r#"{"a":3}"#), HOUR, &first)).await.unwrap() {
        WriteOutcome::Conflict(Some(current)) => {
            assert_eq!((current.session.into_json(), &current.version), (r#"{"a":2}"#.to_owned(), &second));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(found(&store, "key").await.as_deref(), Some(r#"{"a":2}"#));
    let absent = store.replace(Replace::new("absent", &map("{}"), HOUR, &second)).await.unwrap();
    assert!(matches!(absent, WriteOutcome::Gone(_)));
    assert_eq!(found(&store, "absent").await, None);
}

#[tokio::test]
async fn a_version_is_never_used_again() {
    let (clock, store) = store();
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let mut version = create(&store, "key", "{}", HOUR).await;
        for _ in 0..3 {
            assert!(seen.insert(version.as_bytes().to_vec()));
            // Equal data is written at another version all the same.
            let WriteOutcome::Done(next) =
                store.replace(Replace::new("key", &map("{}"), HOUR, &version)).await.unwrap()
            else {
                panic!("no other write came in between");
            };
            version = next;
        }
        put(&store, "key", "{}", HOUR);
        assert!(seen.insert(fetch(&store, "key").await.version.as_bytes().to_vec()));
        store.remove(Remove::new("key")).await.unwrap();
        clock.advance(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn a_session_is_removed_at_a_version_or_at_any() {
    let (_, store) = store();
    let first = create(&store, "key", "{}", HOUR).await;
    put(&store, "key", r#"{"a":1}"#, HOUR);
    match store.remove(Remove::new("key").at(&first)).await.unwrap() {
        WriteOutcome::Conflict(Some(current)) => assert_eq!(current.session.as_json(), r#"{"a":1}"#),
        other => panic!("{other:?}"),
    }
    let current = fetch(&store, "key").await.version;
    assert!(matches!(store.remove(Remove::new("key").at(&current)).await, Ok(WriteOutcome::Done(()))));
    assert_eq!(found(&store, "key").await, None);
    assert!(matches!(store.remove(Remove::new("key")).await, Ok(WriteOutcome::Gone(Some(Marker::Destroyed)))));
    create(&store, "other", "{}", HOUR).await;
    assert!(matches!(store.remove(Remove::new("other")).await, Ok(WriteOutcome::Done(()))));
    assert!(matches!(store.remove(Remove::new("other")).await, Ok(WriteOutcome::Gone(Some(Marker::Destroyed)))));
    assert!(matches!(store.remove(Remove::new("absent")).await, Ok(WriteOutcome::Gone(None))));
}

#[tokio::test]
async fn a_rotation_moves_a_session_and_says_where_to() {
    let (_, store) = store();
    let version = create(&store, "old", r#"{"a":1}"#, HOUR).await;
    let value = map(r#"{"a":2}"#);
    let rotation = Rotate::new("old", "new", &value, HOUR, &version);
    let WriteOutcome::Done(moved) = store.rotate(rotation).await.unwrap() else {
        panic!("no other write came in between")
    };
    assert_eq!(fetch(&store, "new").await.version, moved);
    assert_eq!((found(&store, "old").await, found(&store, "new").await), (None, Some(value.as_json().into_owned())));
    let renewed = Marker::Renewed { successor: "new".into() };
    assert_eq!(store.marker("old").await.unwrap(), Some(renewed.clone()));
    assert!(matches!(
        store.rotate(Rotate::new("old", "third", &value, HOUR, &version)).await,
        Ok(WriteOutcome::Gone(_))
    ));
    assert!(
        matches!(store.remove(Remove::new("old")).await, Ok(WriteOutcome::Gone(Some(marker))) if marker == renewed)
    );
}

#[tokio::test]
async fn a_rotation_to_the_same_key_is_a_replacement() {
    let (_, store) = store();
    let version = create(&store, "key", r#"{"n":1}"#, HOUR).await;
    let value = map(r#"{"n":2}"#);
    let rotation = Rotate::new("key", "key", &value, HOUR, &version);
    assert!(matches!(store.rotate(rotation).await.unwrap(), WriteOutcome::Done(_)));
    assert_eq!(found(&store, "key").await.as_deref(), Some(r#"{"n":2}"#));
}

#[tokio::test]
async fn a_rotation_at_another_version_changes_nothing() {
    let (_, store) = store();
    let stale = create(&store, "old", r#"{"a":1}"#, HOUR).await;
    put(&store, "old", r#"{"a":2}"#, HOUR);
    let value = map("{}");
    let rotation = Rotate::new("old", "new", &value, HOUR, &stale);
    assert!(matches!(store.rotate(rotation).await, Ok(WriteOutcome::Conflict(_))));
    assert_eq!(found(&store, "old").await.as_deref(), Some(r#"{"a":2}"#));
    assert_eq!(found(&store, "new").await, None);
    assert_eq!(store.marker("old").await.unwrap(), None);
}

#[tokio::test]
async fn sessions_expire_by_the_clock_for_every_operation() {
    let (clock, store) = store();
    let version = create(&store, "key", "{}", HOUR).await;
    clock.advance(Duration::from_secs(3599));
    assert!(found(&store, "key").await.is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(found(&store, "key").await, None);
    assert!(store.fetch("key").await.unwrap().is_none());
    assert!(!store.touch(Touch::new("key", HOUR)).await.unwrap());
    assert!(matches!(store.replace(Replace::new("key", &map("{}"), HOUR, &version)).await, Ok(WriteOutcome::Gone(_))));
    let value = map("{}");
    let rotation = Rotate::new("key", "new", &value, HOUR, &version);
    assert!(matches!(store.rotate(rotation).await, Ok(WriteOutcome::Gone(_))));
    assert!(matches!(store.remove(Remove::new("key")).await, Ok(WriteOutcome::Gone(None))));
}

#[tokio::test]
async fn a_touch_or_a_replacement_renews_the_expiry() {
    let (clock, store) = store();
    let version = create(&store, "key", "{}", HOUR).await;
    clock.advance(Duration::from_secs(3000));
    assert!(store.touch(Touch::new("key", HOUR)).await.unwrap());
    clock.advance(Duration::from_secs(3000));
    assert_eq!(fetch(&store, "key").await.version, version);
    store.replace(Replace::new("key", &map("{}"), HOUR, &version)).await.unwrap();
    clock.advance(Duration::from_secs(3599));
    assert!(found(&store, "key").await.is_some());
    assert!(!store.touch(Touch::new("absent", HOUR)).await.unwrap());
}

#[tokio::test]
async fn expired_sessions_are_freed_by_later_writes() {
    let (clock, store) = store();
    for number in 0..1000 {
        create(&store, &format!("old {number}"), "{}", HOUR).await;
    }
    assert_eq!(store.len(), 1000);
    clock.advance(HOUR);
    for number in 0..1000 {
        create(&store, &format!("new {number}"), "{}", HOUR).await;
    }
    assert_eq!(store.len(), 1000);
    for number in 0..1000 {
        assert!(found(&store, &format!("new {number}")).await.is_some());
    }
}

#[tokio::test]
async fn a_removed_session_is_not_counted() {
    let (_, store) = store();
    assert!(store.is_empty());
    create(&store, "key", "{}", HOUR).await;
    assert_eq!(store.len(), 1);
    store.remove(Remove::new("key")).await.unwrap();
    assert!(store.is_empty());
}

#[tokio::test]
async fn clones_are_one_store() {
    let (_, store) = store();
    put(&store.clone(), "key", "{}", HOUR);
    assert!(found(&store, "key").await.is_some());
}
