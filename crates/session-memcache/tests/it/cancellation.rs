//! Requests that are cancelled at a random moment: no other request gets their replies.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::task::Poll;

use session_core::{AtomicBackend, Create, Rotate, WriteOutcome};

use crate::support::{LONG, PlainCalls, Server, map, patient, version};

const REQUESTS: usize = 100_000;

const TASKS: usize = 20;

/// Polls a future a few times, then drops it.
async fn for_a_while<T>(polls: u64, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let outcome = work.as_mut().poll(context).map(Some);
        // Wakes this task, because nothing else does after the last poll.
        if left == 0 && outcome.is_pending() {
            context.waker().wake_by_ref();
        }
        outcome
    })
    .await
}

/// Each task has keys of its own, in which every value names its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reply_goes_to_another_request_when_one_in_ten_is_dropped() {
    let server = Server::on_socket();
    let backend = patient(&[&server]).connections_per_node(4).build().unwrap();
    let work = |task: usize| {
        let backend = backend.clone();
        async move {
            let (mut dropped, mut answered) = (0, 0);
            let random = RandomState::new();
            for number in 0..REQUESTS / TASKS {
                let key = format!("task{task}-{}", number % 7);
                let value = map(&format!(r#"{{"key":"{key}"}}"#));
                let dice = random.hash_one(number);
                let polls = if dice % 10 == 0 { dice / 10 % 5 } else { u64::MAX };
                let outcome = match dice / 100 % 3 {
                    0 => {
                        for_a_while(polls, backend.set(&key, &value, LONG)).await.map(|outcome| outcome.map(|()| None))
                    }
                    1 => for_a_while(polls, backend.delete(&key)).await.map(|outcome| outcome.map(|()| None)),
                    _ => for_a_while(polls, backend.get(&key)).await,
                };
                match outcome {
                    None => dropped += 1,
                    Some(Ok(None)) => answered += 1,
                    Some(Ok(Some(found))) => {
                        assert_eq!(found, value, "the value of another key");
                        answered += 1;
                    }
                    Some(Err(error)) => panic!("{error}: {:?}", std::error::Error::source(&error)),
                }
            }
            (dropped, answered)
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(work(task))).collect();
    let (mut dropped, mut answered) = (0, 0);
    for task in tasks {
        let counts = task.await.expect("no reply is mixed up");
        (dropped, answered) = (dropped + counts.0, answered + counts.1);
    }
    assert_eq!(dropped + answered, REQUESTS);
    assert!((REQUESTS / 20..REQUESTS / 8).contains(&dropped), "{dropped} were dropped");
    let connections = server.stats()["total_connections"] as usize;
    // Most were dropped while they waited for their turn.
    assert!(connections > dropped / 20, "{connections} connections: those of dropped requests were not used again");
}

/// The request is cancelled in the middle. The session is under one key in the end, and never under both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewal_that_is_dropped_is_done_wholly_or_not_at_all() {
    let server = Server::start();
    let backend = patient(&[&server]).build().unwrap();
    let (mut moved, mut stayed) = (0, 0);
    for number in 0..300 {
        let (old, new) = (format!("old{number}"), format!("new{number}"));
        let value = map(&format!(r#"{{"n":{number}}}"#));
        let version = version(backend.create(Create::new(&old, &value, LONG)).await.unwrap());
        let rotation = Rotate::new(&old, &new, &value, LONG, &version);
        let outcome = for_a_while(number % 4, backend.rotate(rotation)).await;
        if let Some(outcome) = outcome {
            assert!(matches!(outcome, Ok(WriteOutcome::Done(_))));
        }
        if number % 4 == 0 {
            assert_eq!(backend.get(&old).await.unwrap(), Some(value.clone()));
            stayed += 1;
            continue;
        }
        // The renewal goes on in a task of its own.
        while backend.get(&old).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(backend.get(&new).await.unwrap(), Some(value));
        moved += 1;
    }
    assert_eq!((moved, stayed), (225, 75));
}
