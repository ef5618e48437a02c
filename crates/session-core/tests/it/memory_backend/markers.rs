//! The markers that removed and renewed sessions leave.

use std::time::Duration;

use session_core::{AtomicBackend, Create, Marker, MemoryBackend, Remove, Rotate, WriteOutcome};

use super::{HOUR, create, fetched, fill, map, store, store_of};
use crate::support::{NOW, TestClock, at_once};

fn marker(store: &MemoryBackend, key: &str) -> Option<Marker> {
    at_once(store.marker(key)).expect("memory does not fail")
}

/// Renews one session this many times.
fn renew(store: &MemoryBackend, times: usize) {
    let session = map("{}");
    let first = at_once(store.create(Create::new("renewed 0", &session, HOUR))).expect("memory always answers");
    let WriteOutcome::Done(mut version) = first else { panic!("{first:?}") };
    for time in 0..times {
        let [old, new] = [time, time + 1].map(|number| format!("renewed {number}"));
        let renewal =
            at_once(store.rotate(Rotate::new(&old, &new, &session, HOUR, &version))).expect("memory always answers");
        let WriteOutcome::Done(renewed) = renewal else { panic!("{renewal:?}") };
        version = renewed;
    }
}

#[tokio::test]
async fn markers_are_kept_for_a_minute() {
    let (clock, store) = store();
    create(&store, "key", "{}", Duration::from_secs(1)).await;
    assert_eq!(store.marker("key").await.expect("memory always answers"), None);
    store.remove(Remove::new("key")).await.expect("memory always answers");
    clock.advance(Duration::from_secs(59));
    assert_eq!(store.marker("key").await.expect("memory always answers"), Some(Marker::Destroyed));
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.marker("key").await.expect("memory always answers"), None);
    assert!(matches!(store.remove(Remove::new("key")).await, Ok(WriteOutcome::Gone(None))));
}

#[test]
fn renewals_of_one_session_evict_no_other() {
    let store = store_of(10_000);
    fill(&store, "user", 0..5_000);
    renew(&store, 20_000);
    assert_eq!(fetched(&store, "user", 0..5_000), 5_000);
    assert_eq!(store.len(), 5_001);
    assert_eq!(marker(&store, "renewed 0"), Some(Marker::Renewed { successor: "renewed 1".into() }));
}

#[test]
fn sessions_displace_no_marker() {
    let clock = TestClock::at(NOW);
    let store = MemoryBackend::builder().clock(clock.clone()).max_sessions(100).build();
    at_once(store.remove(Remove::new("destroyed"))).expect("memory always answers");
    fill(&store, "visitor", 0..20_000);
    clock.advance(Duration::from_secs(59));
    assert_eq!(marker(&store, "destroyed"), Some(Marker::Destroyed));
    clock.advance(Duration::from_secs(1));
    assert_eq!(marker(&store, "destroyed"), None);
}

#[test]
fn a_marker_is_left_anew_after_it_has_expired() {
    let (clock, store) = store();
    for _ in 0..3 {
        at_once(store.remove(Remove::new("key"))).expect("memory always answers");
        clock.advance(Duration::from_secs(59));
        assert!(matches!(at_once(store.remove(Remove::new("key"))), Ok(WriteOutcome::Gone(Some(Marker::Destroyed)))));
        clock.advance(Duration::from_secs(1));
        assert!(matches!(at_once(store.create(Create::new("key", &map("{}"), HOUR))), Ok(WriteOutcome::Done(_))));
    }
}

#[test]
fn where_markers_are_too_many_the_oldest_go_early_and_no_session() {
    let store = MemoryBackend::builder().clock(TestClock::at(NOW)).max_bytes(80 << 10).build();
    fill(&store, "user", 0..50);
    renew(&store, 1_000);
    assert_eq!(store.len(), 51);
    let left: Vec<_> = (0..1_000).filter(|number| marker(&store, &format!("renewed {number}")).is_some()).collect();
    assert_eq!(left, (1_000 - left.len()..1_000).collect::<Vec<_>>());
    assert!((50..100).contains(&left.len()), "{}", left.len());
}
