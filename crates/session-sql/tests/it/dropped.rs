//! Requests that end before the database has replied.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use session_core::{AtomicBackend, Replace, Version, WriteOutcome};
use session_sql::SqlBackend;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Browser, Database, Dice, HOUR, create, manager, map, on_each_database, stored};

on_each_database![dropped_requests_mix_up_nothing, a_dropped_write_is_carried_out_to_its_end];

async fn dropped_requests_mix_up_nothing(database: Database) {
    const PEOPLE: usize = 20;
    const REQUESTS: usize = 2_000;
    let manager = manager(database.patient());
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let mut browser = Browser::default();
        browser.request(&manager, |session| session.insert("person", person).unwrap()).await;
        people.push(browser);
    }

    let mut dice = Dice::new(1);
    let mut requests = JoinSet::new();
    // The number of requests of each person that have loaded the session, and that have committed it with success.
    let [loaded, committed] = [(); 2].map(|()| Arc::new([const { AtomicU64::new(0) }; PEOPLE]));
    for n in 0..REQUESTS {
        let person = n % PEOPLE;
        let (browser, manager) = (people[person].clone(), manager.clone());
        let (loaded, committed) = (loaded.clone(), committed.clone());
        let patience = Duration::from_micros(dice.roll([300, 10_000, 300_000][n % 3]));
        requests.spawn(timeout(patience, async move {
            let handle = browser.open(&manager);
            let Ok(session) = handle.load().await else { return };
            loaded[person].fetch_add(1, Ordering::Relaxed);
            assert_eq!(session.get::<usize>("person").unwrap(), Some(person), "the session of another person");
            session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap();
            if handle.commit(200).await.error.is_none() {
                committed[person].fetch_add(1, Ordering::Relaxed);
            }
        }));
        while requests.len() >= 32 {
            let _timed_out = requests.join_next().await.unwrap().unwrap();
        }
    }
    requests.join_all().await;

    let sum = |counts: &[AtomicU64]| -> u64 { counts.iter().map(|count| count.load(Ordering::Relaxed)).sum() };
    let (in_load, done) = (REQUESTS as u64 - sum(&*loaded), sum(&*committed));
    let in_commit = sum(&*loaded) - done;
    println!("{in_load} requests ended before their commit, {in_commit} in it, {done} after it");
    assert!(in_load.min(in_commit).min(done) > 5, "there was hardly anything to mix up");
    for (person, browser) in people.iter().enumerate() {
        assert_eq!(browser.see(&manager, "person").await, Some(person as u64));
        // A request that was dropped may have been counted, or not.
        let count = browser.see(&manager, "n").await.unwrap_or(0);
        let [least, most] = [&committed, &loaded].map(|counts| counts[person].load(Ordering::Relaxed));
        assert!((least..=most).contains(&count), "{count} is not between {least} and {most}");
    }
    assert_eq!(database.sessions().await, PEOPLE, "nothing was made that no request asked for");
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
