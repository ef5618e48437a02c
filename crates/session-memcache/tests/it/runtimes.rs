//! A backend that several runtimes share: one after the other, or side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Create, Replace, WriteOutcome};
use session_memcache::MemcacheBackend;
use tokio::runtime::{Builder, Runtime};

use crate::support::{LONG, Server, backend, map, version};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made")
}

/// Each `#[tokio::test]` has a runtime of its own, and all may share a backend in a static.
#[test]
fn the_first_call_of_each_of_fifty_runtimes_succeeds() {
    let server = Server::start();
    let backend = backend(&server);
    let session = map("{}");
    for number in 0..50 {
        let runtime = if number % 2 == 0 { current_thread() } else { multi_thread() };
        runtime.block_on(async {
            // The first call is a write or a read.
            if number % 4 < 2 {
                let key = format!("key{number}");
                version(backend.create(Create::new(&key, &session, LONG)).await.unwrap());
            }
            assert!(backend.fetch("key0").await.unwrap().is_some());
        });
    }
}

#[test]
fn a_runtime_that_is_blocked_delays_no_other() {
    const BLOCKED: Duration = Duration::from_millis(1500);
    let server = Server::start();
    let backend = MemcacheBackend::new([server.address()]).unwrap();
    let (start, over) = (Arc::new(Barrier::new(4)), Arc::new(AtomicBool::new(false)));
    let worker = |number: usize| {
        let (backend, start, over) = (backend.clone(), start.clone(), over.clone());
        thread::spawn(move || {
            let session = map("{}");
            current_thread().block_on(async {
                let key = format!("session:{number}");
                let mut at = version(backend.create(Create::new(&key, &session, LONG)).await.unwrap());
                // Every runtime has opened connections by now.
                start.wait();
                let mut calls = 0;
                while !over.load(Ordering::Relaxed) {
                    if number == 0 {
                        // Calls are under way when the runtime is blocked, and some of them have to connect.
                        let under_way = (0..8).map(|_| backend.fetch(&key));
                        let blocked = async { thread::sleep(BLOCKED) };
                        let calls = futures_util::future::join_all(under_way);
                        drop(futures_util::future::join(calls, blocked).await);
                        over.store(true, Ordering::Relaxed);
                        return 0;
                    }
                    at = version(backend.replace(Replace::new(&key, &session, LONG, &at)).await.unwrap());
                    assert!(backend.fetch(&key).await.unwrap().is_some());
                    calls += 2;
                }
                // The calls that the blocked runtime could not finish don't count for other runtimes.
                assert!(matches!(
                    backend.replace(Replace::new(&key, &session, LONG, &at)).await,
                    Ok(WriteOutcome::Done(_))
                ));
                calls
            })
        })
    };
    let begin = Instant::now();
    let workers: Vec<_> = (0..4).map(worker).collect();
    let calls: usize = workers.into_iter().map(|worker| worker.join().expect("no call fails")).sum();
    assert!(begin.elapsed() >= BLOCKED);
    println!("{calls} calls of three runtimes while the fourth was blocked");
    assert!(calls > 300, "{calls}");
}
