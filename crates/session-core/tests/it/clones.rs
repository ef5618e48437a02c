//! Clones of one handle, used by several tasks at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::{AtomicBackend, Clock, MemoryBackend, SessionConfig, SessionError, SessionManager};
use tokio::task::JoinSet;

use crate::support::{App, NOW, SECRET, TestClock, at_once, increment, open, pair};

/// A clock that blocks its next reader.
#[derive(Clone)]
struct Gate {
    armed: Arc<AtomicBool>,
    entered: mpsc::Sender<()>,
    leave: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Clock for Gate {
    fn now(&self) -> SystemTime {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.entered.send(()).expect("the test waits for it");
            self.leave.lock().expect("one is held").recv().expect("the test lets it go");
        }
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

#[tokio::test]
async fn a_logout_that_commits_while_a_clone_loads_reaches_the_client() {
    let ((entered, inside), (go, leave)) = (mpsc::channel(), mpsc::channel());
    let armed = Arc::new(AtomicBool::new(false));
    let clock = Gate { armed: armed.clone(), entered, leave: Arc::new(Mutex::new(leave)) };
    let manager = SessionManager::new(SessionConfig::builder(SECRET, "id").clock(clock).build().unwrap());
    let (handle, session) = open(&manager, []);
    session.insert("n", 1).unwrap();
    let cookie = handle.commit(200).await.set_cookie.unwrap();

    let handle = manager.open([pair(cookie.as_str()).as_bytes()]);
    armed.store(true, Ordering::SeqCst);
    let other = handle.clone();
    let loading = std::thread::spawn(move || at_once(other.load()).unwrap());
    inside.recv().unwrap();
    handle.destroy();
    let mut commit = Box::pin(handle.commit(200));
    let first = std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
    go.send(()).unwrap();
    loading.join().unwrap();
    let response = match first {
        Poll::Ready(response) => response,
        Poll::Pending => commit.await,
    };
    assert!(response.set_cookie.is_some_and(|cookie| cookie.as_str().contains("Max-Age=0")));
}

/// Longer than any of these tests takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn app() -> (App, MemoryBackend) {
    let clock = TestClock::at(NOW);
    let memory = MemoryBackend::builder().clock(clock.clone()).build();
    let store = memory.clone();
    (App::new(clock, |config| config.backend(store).request_deadline(PATIENCE)), memory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_of_all_clones_of_all_requests_are_counted() {
    for _ in 0..50 {
        let (app, _) = app();
        let browser = app.browser_with(r#"{"n":0}"#).await;
        let counted = Arc::new(AtomicUsize::new(0));
        let (mut requests, mut clones) = (JoinSet::new(), JoinSet::new());
        for _ in 0..4 {
            let handle = app.handle(&browser);
            for _ in 0..4 {
                let (handle, counted) = (handle.clone(), counted.clone());
                clones.spawn(async move {
                    for _ in 0..5 {
                        let session = handle.load().await.unwrap();
                        increment(&session);
                        counted.fetch_add(1, Ordering::SeqCst);
                        session.save().await.unwrap();
                    }
                });
            }
            requests.spawn(async move { assert!(handle.commit(200).await.error.is_none()) });
        }
        let all = async { (requests.join_all().await, clones.join_all().await) };
        tokio::time::timeout(PATIENCE, all).await.expect("no task waits forever");
        assert_eq!(app.data(&browser).await, format!(r#"{{"n":{}}}"#, counted.load(Ordering::SeqCst)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_wins_against_the_clones_of_its_own_request_and_of_others() {
    for round in 0..300 {
        let (app, memory) = app();
        let browser = app.browser_with(r#"{"n":0}"#).await;
        let id = app.open(&browser).await.id().unwrap();
        let mut tasks = JoinSet::new();
        for request in 0..3 {
            let handle = app.handle(&browser);
            for _ in 0..2 {
                let handle = handle.clone();
                tasks.spawn(async move {
                    for _ in 0..3 {
                        let Ok(session) = handle.load().await else { return };
                        let _ = session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1);
                        match session.save().await {
                            Ok(()) | Err(SessionError::Gone | SessionError::HeadersSent) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                });
            }
            tasks.spawn(async move {
                if request == 0 {
                    handle.destroy();
                }
                tokio::task::yield_now().await;
                let commit = handle.commit(200).await;
                assert!(request != 0 || commit.error.is_none(), "{:?}", commit.error);
            });
        }
        tokio::time::timeout(PATIENCE, tasks.join_all()).await.expect("no task waits forever");
        let key = format!("session:{}", id.as_str());
        assert!(memory.fetch(&key).await.unwrap().is_none(), "round {round}");
    }
}
