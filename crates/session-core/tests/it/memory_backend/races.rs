//! Calls of several threads at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use session_core::{AtomicBackend, Create, MemoryBackend, Remove, Replace, Rotate, SessionMap, Version, WriteOutcome};
use tokio::sync::Barrier;

use super::{HOUR, create, found, map, store, store_of};
use crate::support::at_once;

/// Runs the operations at once, each on a task of its own. Returns their answers.
async fn all_at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: usize,
    operation: impl Fn(usize) -> F,
) -> Vec<T> {
    let start = Arc::new(Barrier::new(count));
    let run = |number| {
        let (start, work) = (start.clone(), operation(number));
        tokio::spawn(async move {
            start.wait().await;
            work.await
        })
    };
    let tasks: Vec<_> = (0..count).map(run).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no operation panics"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_creations_of_one_key_one_succeeds_and_stays() {
    let (_, store) = store();
    for round in 0..50 {
        let answers = all_at_once(8, |number| {
            let (store, key) = (store.clone(), format!("key {round}"));
            async move {
                store
                    .create(Create::new(&key, &map(&format!(r#"{{"by":{number}}}"#)), HOUR))
                    .await
                    .expect("memory always answers")
            }
        })
        .await;
        let created: Vec<_> = (0..8).filter(|number| matches!(answers[*number], WriteOutcome::Done(_))).collect();
        assert_eq!(created.len(), 1);
        let stays = found(&store, &format!("key {round}")).await;
        assert_eq!(stays, Some(format!(r#"{{"by":{}}}"#, created[0])));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_replacements_of_one_version_one_succeeds() {
    let (_, store) = store();
    let version = create(&store, "key", "{}", HOUR).await;
    let answers = all_at_once(16, |number| {
        let (store, version) = (store.clone(), version.clone());
        async move {
            store
                .replace(Replace::new("key", &map(&format!(r#"{{"by":{number}}}"#)), HOUR, &version))
                .await
                .expect("memory always answers")
        }
    })
    .await;
    let replaced: Vec<_> = (0..16).filter(|number| matches!(answers[*number], WriteOutcome::Done(_))).collect();
    assert_eq!(replaced.len(), 1);
    assert_eq!(found(&store, "key").await, Some(format!(r#"{{"by":{}}}"#, replaced[0])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_rotations_of_one_session_one_is_left() {
    let (_, store) = store();
    let version = create(&store, "old", "{}", HOUR).await;
    let answers = all_at_once(16, |number| {
        let (store, version) = (store.clone(), version.clone());
        async move {
            let (new, value) = (format!("new {number}"), map("{}"));
            let rotation = Rotate::new("old", &new, &value, HOUR, &version);
            matches!(store.rotate(rotation).await, Ok(WriteOutcome::Done(_)))
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|rotated| **rotated).count(), 1);
    for (number, rotated) in answers.into_iter().enumerate() {
        assert_eq!(found(&store, &format!("new {number}")).await.is_some(), rotated);
    }
}

/// A key, and what threads have learned about it.
struct Watched {
    key: String,
    session: SessionMap,
    /// A marker is beside the key. The clock stands still, so that it stays.
    marked: AtomicBool,
}

struct Watch {
    store: MemoryBackend,
    keys: Vec<Watched>,
    /// The versions at which a write was applied.
    written: Mutex<HashSet<Vec<u8>>>,
}

impl Watch {
    /// Makes a random call on this key, and checks its outcome.
    fn call(&self, call: usize, at: usize, other: usize) {
        let (store, this, other) = (&self.store, &self.keys[at], &self.keys[other]);
        let [marked, other_marked] = [this, other].map(|watched| watched.marked.load(Ordering::SeqCst));
        let found = at_once(store.fetch(&this.key)).expect("memory always answers");
        let Some(current) = found else {
            if call == 0 {
                at_once(store.remove(Remove::new(&this.key))).expect("memory always answers");
                this.marked.store(true, Ordering::SeqCst);
            } else {
                let outcome =
                    at_once(store.create(Create::new(&this.key, &this.session, HOUR))).expect("memory always answers");
                assert!(!marked || matches!(outcome, WriteOutcome::Gone(Some(_))), "{outcome:?}");
            }
            return;
        };
        assert!(!marked, "a removed session has returned");
        assert_eq!(current.session, this.session);
        let version = &current.version;
        match call {
            0 => {
                if let WriteOutcome::Done(()) =
                    at_once(store.remove(Remove::new(&this.key).at(version))).expect("memory always answers")
                {
                    self.applied_at(version);
                    this.marked.store(true, Ordering::SeqCst);
                }
            }
            1 if this.key != other.key => {
                let rotation = Rotate::new(&this.key, &other.key, &other.session, HOUR, version);
                if let WriteOutcome::Done(_) = at_once(store.rotate(rotation)).expect("memory always answers") {
                    assert!(!other_marked, "a removed session has returned");
                    self.applied_at(version);
                    this.marked.store(true, Ordering::SeqCst);
                }
            }
            _ => {
                let replacement = Replace::new(&this.key, &this.session, HOUR, version);
                if let WriteOutcome::Done(_) = at_once(store.replace(replacement)).expect("memory always answers") {
                    self.applied_at(version);
                }
            }
        }
    }

    fn applied_at(&self, version: &Version) {
        assert!(
            self.written.lock().expect("memory always answers").insert(version.as_bytes().to_vec()),
            "two writes at one version"
        );
    }
}

#[test]
fn at_each_version_one_write_succeeds_and_no_removed_session_returns() {
    const STEPS: usize = 30_000;
    let watched = |number| {
        let key = format!("key {number}");
        let session = map(&format!(r#"{{"of":"{key}"}}"#));
        Watched { key, session, marked: AtomicBool::new(false) }
    };
    // There are more keys than the store has room for, and the store has two parts.
    let store = store_of(2_048);
    let keys = (0..STEPS / 2 + 16).map(watched).collect();
    let watch = Watch { store: store.clone(), keys, written: Mutex::default() };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let watch = &watch;
            scope.spawn(move || {
                let mut random: usize = thread;
                let mut below = |limit: usize| {
                    random = (random ^ 0x5DEE_CE66).wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
                    random % limit
                };
                for step in 0..STEPS {
                    // All threads use about the same keys, and sometimes one that was evicted.
                    let at = if step % 8 == 0 { below(step / 2 + 1) } else { step / 2 + below(16) };
                    watch.call(below(12), at, step / 2 + below(16));
                }
            });
        }
    });
    assert!(store.len() <= 2_048);
    assert!(watch.written.lock().expect("memory always answers").len() > STEPS);
}
