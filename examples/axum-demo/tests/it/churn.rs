//! The index of users after churn: sessions that begin, change and end over two servers, while those and Redis are killed.
//!
//! `SESSION_CHURN_SECONDS` makes it longer.

mod client;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::demo::Demo;

use client::{Clients, Servers};
use store::Store;

/// Enough for three kills, and for sessions to expire.
const SECONDS: u64 = 9;

/// The number of clients that make requests at the same time.
const WORKERS: usize = 32;

/// The number of users, each of whom has several sessions.
const USERS: usize = 1_000;

fn duration() -> Duration {
    let seconds = std::env::var("SESSION_CHURN_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SECONDS))
}

/// Starts a server whose sessions expire within the test if their client goes away.
fn start(store: &Store) -> Demo {
    let max_age = (duration().as_secs() * 2 / 3).to_string();
    Demo::start(&["--backend", "redis", "--redis-url", &store.url(), "--max-age", &max_age])
}

async fn churn(mut store: Store, sessions: usize) {
    let (mut demos, duration) = ([start(&store), start(&store)], duration());
    let servers = Arc::new(Servers::new([&demos[0].url, &demos[1].url]));
    let done = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let mut clients = Clients::new(worker, sessions / WORKERS, USERS, servers.clone());
        let done = done.clone();
        workers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                clients.step().await;
            }
            clients.counts
        });
    }
    let begin = Instant::now();
    for (server, demo) in demos.iter_mut().enumerate() {
        sleep(duration / 4).await;
        demo.signal("KILL");
        *demo = start(&store);
        servers.replace(server, &demo.url);
        if server == 0 {
            sleep(duration / 4).await;
            store.kill_and_restart();
        }
    }
    sleep(duration.saturating_sub(begin.elapsed())).await;
    done.store(true, Ordering::Relaxed);
    let counts = workers.join_all().await.into_iter().reduce(|one, other| one.plus(&other)).unwrap_or_default();
    let seconds = begin.elapsed().as_secs_f64();
    // A server finishes the requests that it has begun before it ends.
    demos.into_iter().for_each(|demo| drop(demo.stop()));
    store.age_entries();
    let stored = store.keys();
    let [before, listed, after] = [store.scan(), store.listed(USERS).await, store.scan()];
    // A server that is killed amid a renewal in a Cluster leaves the session under both keys, each with an entry.
    let dead_entries = store.entries().difference(&stored).count();
    println!(
        "{counts:?}: {:.0} a second; {} sessions at the end, {dead_entries} dead entries",
        f64::from(counts.done) / seconds,
        after.len()
    );
    assert!(counts.done > 1_000 && after.len() > 50, "too little has happened");
    // From here on sessions only expire.
    let missed: Vec<_> = after.difference(&listed).collect();
    assert!(missed.is_empty(), "the index misses {missed:?}");
    let dead: Vec<_> = listed.difference(&before).collect();
    assert!(dead.is_empty(), "the index lists dead sessions: {dead:?}");
    assert_eq!(dead_entries, 0, "dead entries are removed when the index is read");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_churn_the_index_equals_a_scan_of_all_sessions() {
    churn(Store::single(), 10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_churn_in_a_cluster_the_index_equals_a_scan_of_all_sessions() {
    churn(Store::cluster(), 10_000).await;
}
