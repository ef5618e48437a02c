//! Requests that end before the store has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_core::SessionManager;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::Browser;

/// The number of requests of one person that have loaded the session, and that have committed it with success.
type Counts = Arc<[AtomicU64; 2]>;

/// Increments in the sessions of several people, each by a request that is dropped after a while.
#[derive(Debug)]
pub struct DroppedRequests {
    manager: SessionManager,
    people: Vec<(Browser, Counts)>,
    requests: JoinSet<Result<(), Elapsed>>,
    /// The largest number of requests under way.
    most: usize,
    sent: usize,
}

impl DroppedRequests {
    /// The number of people, each with a session.
    pub const PEOPLE: usize = 20;

    /// Begins the sessions. At most so many requests will be under way at a time.
    pub async fn begin(manager: SessionManager, most: usize) -> Self {
        let mut people = Vec::new();
        for person in 0..Self::PEOPLE {
            let mut browser = Browser::default();
            let insert = |session: &session_core::Session| session.insert("person", person).expect("it is a number");
            browser.request(&manager, insert).await;
            people.push((browser, Counts::default()));
        }
        Self { manager, people, requests: JoinSet::new(), most, sent: 0 }
    }

    /// Sends a request, which is dropped if it takes longer than this. If too many are under way, waits for one of them.
    pub async fn send(&mut self, patience: Duration) {
        let person = self.sent % Self::PEOPLE;
        let ((browser, counts), manager) = (self.people[person].clone(), self.manager.clone());
        self.requests.spawn(timeout(patience, async move {
            let handle = browser.open(&manager);
            let Ok(session) = handle.load().await else { return };
            counts[0].fetch_add(1, Ordering::Relaxed);
            let found = session.get::<usize>("person").expect("it is a number");
            assert_eq!(found, Some(person), "the session of another person");
            session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).expect("it is a number");
            let commit = handle.commit(200).await;
            assert_eq!(commit.set_cookie, None);
            if commit.error.is_none() {
                counts[1].fetch_add(1, Ordering::Relaxed);
            }
        }));
        self.sent += 1;
        while self.requests.len() >= self.most {
            let _timed_out = self.requests.join_next().await.expect("there are some").expect("none panics");
        }
    }

    /// Waits for all requests. Returns `true` if the first person's session can be loaded then.
    pub async fn wait(&mut self) -> bool {
        while let Some(request) = self.requests.join_next().await {
            let _timed_out = request.expect("none panics");
        }
        self.people[0].0.open(&self.manager).load().await.is_ok()
    }

    /// Checks that no sessions were mixed up, that no increment was lost, and that more than `few` requests were dropped
    /// at each stage.
    pub async fn check(&self, few: u64) {
        let mut sums = [0, 0];
        for (person, (browser, counts)) in self.people.iter().enumerate() {
            let [most, least] = [0, 1].map(|stage| counts[stage].load(Ordering::Relaxed));
            sums = [sums[0] + most, sums[1] + least];
            assert_eq!(browser.see(&self.manager, "person").await, Some(person as u64));
            // A dropped request may have been counted.
            let count = browser.see(&self.manager, "n").await.unwrap_or(0);
            assert!((least..=most).contains(&count), "{count} is not between {least} and {most}");
        }
        let [loaded, committed] = sums;
        let stages = [self.sent as u64 - loaded, loaded - committed, committed];
        println!("of {} requests, dropped in the load, in the commit, and not at all: {stages:?}", self.sent);
        assert!(stages.iter().all(|count| *count > few), "there was hardly anything to mix up: {stages:?}");
    }
}
