//! The sessions that are evicted when the store is full.

use session_core::{AtomicBackend, MemoryBackend, Remove, Replace, Rotate, Touch, WriteOutcome};

use super::{HOUR, create, fetched, fill, found, map, store_of};
use crate::support::at_once;

#[test]
fn users_in_use_outlast_visitors_that_never_come_back() {
    let store = store_of(10_000);
    fill(&store, "user", 0..5_000);
    for round in 0..10 {
        fill(&store, "visitor", round * 4_000..(round + 1) * 4_000);
        let users = fetched(&store, "user", 0..5_000);
        assert!(users >= 4_950, "{users} of 5,000 after {} visitors", (round + 1) * 4_000);
    }
    assert!(store.len() <= 10_000);
}

#[test]
fn a_quarter_of_the_room_is_kept_by_users_against_any_number_of_visitors() {
    let store = store_of(10_000);
    fill(&store, "user", 0..2_500);
    fetched(&store, "user", 0..2_500);
    fill(&store, "visitor", 0..100_000);
    assert_eq!(fetched(&store, "user", 0..2_500), 2_500);
}

#[tokio::test]
async fn a_full_store_holds_no_more_than_its_limit_and_keeps_what_is_in_use() {
    let store = store_of(1000);
    let used: Vec<_> = (0..20).map(|number| format!("old {number}")).collect();
    for number in 0..2000 {
        create(&store, &format!("old {number}"), "{}", HOUR).await;
        assert!(store.len() <= 1000);
        for key in used.iter().take(number + 1) {
            assert!(found(&store, key).await.is_some(), "{key} after {number}");
        }
    }
}

#[tokio::test]
async fn new_sessions_survive_in_a_store_that_is_full_of_used_ones() {
    let store = store_of(1000);
    for number in 0..1000 {
        create(&store, &format!("old {number}"), "{}", HOUR).await;
    }
    for number in (0..1000).chain(0..1000) {
        store.fetch(&format!("old {number}")).await.unwrap();
    }
    for number in 0..500 {
        create(&store, &format!("new {number}"), "{}", HOUR).await;
    }
    let mut surviving = 0;
    for number in 0..500 {
        surviving += usize::from(found(&store, &format!("new {number}")).await.is_some());
    }
    assert!(surviving >= 450, "{surviving} of 500");
}

/// Returns the numbers of the sessions that are in the store, and uses them.
fn left(store: &MemoryBackend) -> Vec<usize> {
    (0..10).filter(|&number| fetched(store, "key", [number]) == 1).collect()
}

#[test]
fn sessions_that_were_never_fetched_go_first_and_of_those_the_oldest() {
    let store = store_of(4);
    fill(&store, "key", 0..4);
    fetched(&store, "key", [0, 1]);
    fill(&store, "key", 4..7);
    assert_eq!(left(&store), [0, 1, 5, 6]);
}

#[test]
fn of_fetched_sessions_the_least_recently_used_one_loses_its_protection() {
    let store = store_of(4);
    fill(&store, "key", 0..4);
    fetched(&store, "key", [0, 1, 0, 2]);
    // Half of the room protects fetched sessions: 0 and 2. Session 1 comes after 3 in the queue again.
    fill(&store, "key", 4..6);
    assert_eq!(left(&store), [0, 2, 4, 5]);
}

#[tokio::test]
async fn a_touch_and_a_replacement_count_as_use() {
    let store = store_of(3);
    fill(&store, "key", 0..3);
    assert!(at_once(store.touch(Touch::new("key 0", HOUR))).unwrap());
    fill(&store, "key", [3]);
    let version = create(&store, "key 4", "{}", HOUR).await;
    assert_eq!((store.len(), found(&store, "key 0").await.is_some()), (3, true));
    fill(&store, "key", [5]);
    assert!(matches!(
        at_once(store.replace(Replace::new("key 4", &map("{}"), HOUR, &version))),
        Ok(WriteOutcome::Done(_))
    ));
    fill(&store, "key", [6]);
    assert_eq!(left(&store), [0, 4, 6]);
}

#[test]
fn a_renewed_session_stays_protected() {
    let store = store_of(10);
    fill(&store, "user", [0]);
    let version = at_once(store.fetch("user 0")).unwrap().unwrap().version;
    let renewal = at_once(store.rotate(Rotate::new("user 0", "user 1", &map("{}"), HOUR, &version)));
    assert!(matches!(renewal, Ok(WriteOutcome::Done(_))));
    fill(&store, "visitor", 0..100);
    assert_eq!(fetched(&store, "user", [1]), 1);
}

#[tokio::test]
async fn a_write_to_an_evicted_session_finds_it_gone() {
    let store = store_of(1);
    let version = create(&store, "evicted", "{}", HOUR).await;
    create(&store, "other", "{}", HOUR).await;
    let session = map("{}");
    let replacement = store.replace(Replace::new("evicted", &session, HOUR, &version)).await.unwrap();
    let rotation = store.rotate(Rotate::new("evicted", "new", &session, HOUR, &version)).await.unwrap();
    let removal = store.remove(Remove::new("evicted").at(&version)).await.unwrap();
    assert!(matches!((replacement, rotation), (WriteOutcome::Gone(None), WriteOutcome::Gone(None))));
    assert!(matches!(removal, WriteOutcome::Gone(None)));
    assert!(!store.touch(Touch::new("evicted", HOUR)).await.unwrap());
    assert_eq!((found(&store, "evicted").await, found(&store, "new").await), (None, None));

    let again = create(&store, "evicted", "{}", HOUR).await;
    let stale = store.replace(Replace::new("evicted", &session, HOUR, &version)).await.unwrap();
    assert!(matches!(stale, WriteOutcome::Conflict(Some(current)) if current.version == again));
}

#[tokio::test]
async fn a_session_in_a_full_store_is_renewed_without_an_eviction() {
    let store = store_of(2);
    let version = create(&store, "old", "{}", HOUR).await;
    create(&store, "other", "{}", HOUR).await;
    let renewal = store.rotate(Rotate::new("old", "new", &map("{}"), HOUR, &version)).await.unwrap();
    assert!(matches!(renewal, WriteOutcome::Done(_)));
    assert!(found(&store, "new").await.is_some() && found(&store, "other").await.is_some());
}
