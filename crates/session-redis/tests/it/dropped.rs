//! Requests that end before the store has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Replace};
use session_redis::RedisBackend;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Browser, Dice, HOUR, Server, config, create, map, stored, until};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_dropped_requests_mix_up_no_sessions() {
    const PEOPLE: usize = 20;
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let manager = session_core::SessionManager::new(config(backend).build().unwrap());
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let mut browser = Browser::default();
        browser.request(&manager, |session| session.insert("person", person).unwrap()).await;
        people.push(browser);
    }

    let mut dice = Dice::new(1);
    let mut requests = JoinSet::new();
    // How many requests of each person have loaded the session, and how many have committed it with success.
    let [loaded, committed] = [(); 2].map(|()| Arc::new([const { AtomicU64::new(0) }; PEOPLE]));
    for n in 0..10_000 {
        let person = n % PEOPLE;
        let (browser, manager) = (people[person].clone(), manager.clone());
        let (loaded, committed) = (loaded.clone(), committed.clone());
        let patience = Duration::from_micros(dice.roll(15_000));
        requests.spawn(timeout(patience, async move {
            let handle = browser.open(&manager);
            let Ok(session) = handle.load().await else { return };
            loaded[person].fetch_add(1, Ordering::Relaxed);
            assert_eq!(session.get::<usize>("person").unwrap(), Some(person), "the session of another person");
            session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap();
            let commit = handle.commit(200).await;
            assert_eq!(commit.set_cookie, None);
            if commit.error.is_none() {
                committed[person].fetch_add(1, Ordering::Relaxed);
            }
        }));
        // The server pauses now and then, for less than the deadline and for more.
        if n % 1_000 == 500 {
            server.pause();
            tokio::time::sleep(Duration::from_millis(if n % 2_000 == 500 { 100 } else { 600 })).await;
            server.resume();
        }
        while requests.len() >= 64 {
            let _timed_out = requests.join_next().await.unwrap().unwrap();
        }
    }
    requests.join_all().await;
    until("recovery", Duration::from_secs(5), || async { people[0].open(&manager).load().await.is_ok() }).await;

    let [in_load, in_commit, done] = {
        let sum = |counts: &[AtomicU64]| -> u64 { counts.iter().map(|count| count.load(Ordering::Relaxed)).sum() };
        [10_000 - sum(&*loaded), sum(&*loaded) - sum(&*committed), sum(&*committed)]
    };
    println!("{in_load} requests ended before their commit, {in_commit} in it, {done} after it");
    assert!(in_load.min(in_commit).min(done) > 100, "there was hardly anything to mix up");
    for (person, browser) in people.iter().enumerate() {
        assert_eq!(browser.see(&manager, "person").await, Some(person as u64));
        // A dropped request may have been counted.
        let count = browser.see(&manager, "n").await.unwrap_or(0);
        let [least, most] = [&committed, &loaded].map(|counts| counts[person].load(Ordering::Relaxed));
        assert!((least..=most).contains(&count), "{count} is not between {least} and {most}");
    }
    assert_eq!(server.ask(&["DBSIZE"]), [PEOPLE.to_string()], "no session was made beside those of the people");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_an_outage_are_not_applied_after_it() {
    for stop_kills in [false, true] {
        let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let backend = RedisBackend::connect(&server.url()).unwrap();
        let version = create(&backend, "session:a", r#"{"n":0}"#).await;
        if stop_kills {
            server.kill()
        } else {
            server.pause()
        }

        for n in 1..=40 {
            let value = map(&format!(r#"{{"old":{n}}}"#));
            let patience = Duration::from_millis(n % 7);
            let _ = timeout(patience, backend.replace(Replace::new("session:a", &value, HOUR, &version))).await;
        }
        if stop_kills {
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.run();
        } else {
            server.resume();
        }

        // After the outage, another process writes first, and its data is newer.
        let newer = r#"{"new":1}"#;
        server.ask(&["SET", "session:a", newer]);
        until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(newer));
    }
}

#[tokio::test]
async fn writes_that_were_dropped_early_count_as_unanswered() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", r#"{"n":0}"#).await;
    server.pause();
    let value = map(r#"{"n":1}"#);
    for _ in 0..5 {
        let early =
            timeout(Duration::from_millis(10), backend.replace(Replace::new("session:a", &value, HOUR, &version)))
                .await;
        assert!(early.is_err(), "the server can't have answered");
    }
    // The timeout passes without a further call.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let start = Instant::now();
    assert!(backend.fetch("session:a").await.is_err());
    assert!(start.elapsed() < Duration::from_millis(100), "the server is still asked");
    server.resume();
    until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
}
