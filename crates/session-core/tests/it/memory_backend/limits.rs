//! The bytes that a store takes.

use std::fmt::Debug;

use session_core::{
    AtomicBackend, BackendError, BackendErrorKind, Create, MemoryBackend, Remove, Replace, Rotate, SessionMap,
    WriteOutcome,
};

use super::{HOUR, create, fetch, fetched, found, map};
use crate::support::{NOW, TestClock, at_once, put};

const KIB: usize = 1024;

fn store_of_bytes(max_bytes: usize) -> MemoryBackend {
    MemoryBackend::builder().clock(TestClock::at(NOW)).max_bytes(max_bytes).build()
}

/// The JSON text of a session with one key and about this many bytes.
fn text_of(bytes: usize) -> String {
    format!(r#"{{"key":"{}"}}"#, "x".repeat(bytes))
}

/// Creates sessions until some were evicted, and returns how many are left.
fn capacity(store: &MemoryBackend, json: &str) -> usize {
    for number in 0..2_000 {
        put(store, &format!("key {number}"), json, HOUR);
    }
    assert_eq!(fetched(store, "key", 1_990..2_000), 10);
    store.len()
}

#[test]
fn a_store_holds_as_many_sessions_as_fit_into_its_bytes() {
    for bytes in [KIB, 4 * KIB] {
        let held = capacity(&store_of_bytes(1024 * KIB), &text_of(bytes)) * bytes;
        assert!((512 * KIB..1024 * KIB).contains(&held), "{held}");
    }
    // An empty session takes memory, too.
    let held = capacity(&store_of_bytes(512 * KIB), "{}");
    assert!((800..1_600).contains(&held), "{held}");
}

#[test]
fn a_session_of_many_keys_counts_the_memory_of_each() {
    let many_keys: Vec<String> = (0..1_000).map(|key| format!(r#""{key}":0"#)).collect();
    let many_keys = format!("{{{}}}", many_keys.join(","));
    let one_key = text_of(many_keys.len());
    let [many, one] = [many_keys, one_key].map(|json| capacity(&store_of_bytes(4096 * KIB), &json));
    assert!(one > 2 * many, "{one} of one key, {many} of many");
}

#[tokio::test]
async fn a_session_that_grows_evicts_others_and_stays() {
    let store = store_of_bytes(100 * KIB);
    let version = create(&store, "grows", "{}", HOUR).await;
    let others = capacity(&store, &text_of(KIB)) - 1;
    assert!(found(&store, "grows").await.is_none(), "it was used least recently");
    let version_now = create(&store, "grows", "{}", HOUR).await;
    assert_ne!(version, version_now);
    let grown = map(&text_of(80 * KIB));
    let outcome = store.replace(Replace::new("grows", &grown, HOUR, &version_now)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Done(_)));
    assert_eq!(found(&store, "grows").await.map(|json| json.len()), Some(grown.json_len()));
    assert!(store.len() < others / 4, "{} are left", store.len());
}

fn assert_too_large<T: Debug>(outcome: Result<T, BackendError>) {
    let error = outcome.expect_err("it does not fit");
    assert_eq!((error.kind(), error.may_have_applied()), (BackendErrorKind::TooLarge, false));
}

#[tokio::test]
async fn a_session_larger_than_the_store_is_refused_and_changes_nothing() {
    let store = store_of_bytes(100 * KIB);
    let version = create(&store, "key", r#"{"a":1}"#, HOUR).await;
    let too_large = map(&text_of(100 * KIB));
    assert_too_large(store.create(Create::new("new", &too_large, HOUR)).await);
    assert_too_large(store.replace(Replace::new("key", &too_large, HOUR, &version)).await);
    assert_too_large(store.rotate(Rotate::new("key", "new", &too_large, HOUR, &version)).await);
    assert_eq!(fetch(&store, "key").await.version, version);
    assert_eq!((found(&store, "new").await, store.marker("key").await.unwrap()), (None, None));
}

#[test]
fn a_large_session_is_taken_with_the_default_limits() {
    let session = map(&text_of(1024 * KIB));
    assert!(matches!(
        at_once(MemoryBackend::new().create(Create::new("key", &session, HOUR))),
        Ok(WriteOutcome::Done(_))
    ));
}

#[test]
fn memory_that_sessions_have_left_is_free_again() {
    let store = store_of_bytes(100 * KIB);
    let session: SessionMap = map(&text_of(40 * KIB));
    for number in 0..10 {
        let key = format!("key {number}");
        put(&store, "stays", "{}", HOUR);
        assert!(matches!(at_once(store.create(Create::new(&key, &session, HOUR))), Ok(WriteOutcome::Done(_))));
        at_once(store.remove(Remove::new(&key))).unwrap();
        assert_eq!(store.len(), 1);
    }
}
