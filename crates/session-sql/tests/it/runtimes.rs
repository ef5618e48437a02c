//! Backends that are used from several runtimes, as one in a static of a test program is.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Replace, WriteOutcome};
use session_sql::SqlBackend;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Database, HOUR, cause, create, map, on_each_database, stored};

on_each_database![
    fifty_runtimes_one_after_the_other_succeed_at_once,
    a_blocked_runtime_holds_up_no_other,
    a_backend_outlives_the_runtime_of_calls_that_were_under_way,
];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Runs work on a thread of its own, outside of the test's runtime.
async fn apart(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(move || thread::spawn(work).join().expect("it succeeds")).await.expect("it succeeds");
}

async fn write(backend: &SqlBackend, n: u64) {
    let fetched = backend.fetch("a").await.unwrap_or_else(|error| panic!("{}", cause(&error)));
    let fetched = fetched.expect("there is one");
    let value = map(&format!(r#"{{"n":{n}}}"#));
    let replaced =
        backend.replace(Replace::new("a", &value, HOUR, &fetched.version)).await.expect("the database answers");
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
}

async fn fifty_runtimes_one_after_the_other_succeed_at_once(database: Database) {
    let backend = database.patient();
    create(&backend, "a", "{}").await;
    apart(move || {
        for n in 0..50 {
            runtime().block_on(write(&backend, n));
        }
        runtime().block_on(async { assert_eq!(stored(&backend, "a").await.as_deref(), Some(r#"{"n":49}"#)) });
    })
    .await;
}

async fn a_blocked_runtime_holds_up_no_other(database: Database) {
    // Shorter than the runtime is blocked, and long enough for a machine that is busy with other tests.
    let backend = database.builder().timeout(Duration::from_secs(1)).connect(&database.url()).unwrap();
    for key in ["a", "b", "c", "d"] {
        create(&backend, key, "{}").await;
    }
    apart(move || {
        let (blocked, begin) = channel();
        let blocker = thread::spawn({
            let backend = backend.clone();
            move || {
                runtime().block_on(async {
                    // Calls are under way while the only thread of the runtime is blocked.
                    let calls: Vec<_> = (0..8)
                        .map(|_| {
                            let backend = backend.clone();
                            tokio::spawn(async move { create_and_read(&backend, "blocked").await })
                        })
                        .collect();
                    tokio::task::yield_now().await;
                    blocked.send(()).expect("the test waits");
                    thread::sleep(Duration::from_millis(1500));
                    for call in calls {
                        let _may_be_late = call.await.expect("it does not panic");
                    }
                });
            }
        });
        begin.recv().expect("it begins");
        let others: Vec<_> = ["b", "c", "d"]
            .map(|key| {
                let backend = backend.clone();
                thread::spawn(move || {
                    runtime().block_on(async {
                        let start = Instant::now();
                        while start.elapsed() < Duration::from_millis(1200) {
                            let fetched = backend.fetch(key).await.expect("no call is late").expect("there is one");
                            let replace = Replace::new(key, &fetched.session, HOUR, &fetched.version);
                            backend.replace(replace).await.expect("no call is late");
                        }
                    });
                })
            })
            .into();
        for other in others {
            other.join().expect("it succeeds");
        }
        blocker.join().expect("it ends");
    })
    .await;
}

async fn create_and_read(backend: &SqlBackend, key: &str) -> Result<(), session_core::BackendError> {
    backend.create(session_core::Create::new(key, &map("{}"), HOUR)).await?;
    backend.fetch(key).await?;
    Ok(())
}

async fn a_backend_outlives_the_runtime_of_calls_that_were_under_way(database: Database) {
    let backend = database.patient();
    create(&backend, "a", "{}").await;
    apart(move || {
        for n in 0..10 {
            let runtime = runtime();
            runtime.block_on(async {
                for _ in 0..8 {
                    let backend = backend.clone();
                    tokio::spawn(async move { backend.fetch("a").await });
                }
                tokio::task::yield_now().await;
            });
            drop(runtime);
            self::runtime().block_on(write(&backend, n));
        }
    })
    .await;
}
