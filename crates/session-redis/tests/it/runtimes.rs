//! Backends that several runtimes use: one after the other, as tests do, or side by side, as actix-web does.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Replace, WriteOutcome};
use session_redis::RedisBackend;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Cluster, HOUR, Server, create, map, stored, until};

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

pub(crate) async fn answers(backend: &RedisBackend) {
    until("an answer", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
}

#[test]
fn the_first_call_of_each_of_fifty_runtimes_succeeds() {
    static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));
    static BACKEND: LazyLock<RedisBackend> =
        LazyLock::new(|| RedisBackend::connect(&SERVER.url()).expect("the url is good"));
    for n in 0..50 {
        let runtime = match n % 2 {
            0 => runtime(),
            _ => Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
        };
        runtime.block_on(async {
            let key = format!("session:{n}");
            let version = create(&*BACKEND, &key, "{}").await;
            let outcome = BACKEND.replace(Replace::new(&key, &map(r#"{"a":1}"#), HOUR, &version)).await;
            assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{n}: {outcome:?}");
            assert_eq!(stored(&*BACKEND, "session:0").await.as_deref(), Some(r#"{"a":1}"#));
        });
    }
    // The connections of the runtimes that ended are closed. The one that is left belongs to this question.
    let connected = || SERVER.ask(&["INFO", "clients"])[0].contains("connected_clients:1\r\n");
    crate::support::wait_for("the connections to be closed", connected);
}

#[test]
fn the_first_call_of_each_of_fifty_runtimes_succeeds_in_a_cluster() {
    let cluster = Cluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    for n in 0..50 {
        runtime().block_on(create(&backend, &format!("session:{n}"), "{}"));
    }
}

#[test]
fn a_blocked_runtime_delays_no_call_of_another() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    // The first runtime that connects is the one that is blocked.
    let blocked = runtime();
    let version = blocked.block_on(create(&backend, "session:a", "{}"));
    thread::scope(|scope| {
        let others: Vec<_> = (0..3)
            .map(|n| {
                scope.spawn({
                    let backend = &backend;
                    move || use_for_a_while(backend, n)
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        blocked.block_on(async { thread::sleep(Duration::from_millis(1500)) });
        let clients = server.ask(&["CLIENT", "LIST"]).remove(0);
        // One for each runtime, and the one of this question.
        assert_eq!(clients.lines().count(), 5, "{clients}");
        for other in others {
            let slowest = other.join().expect("no call of another runtime fails");
            println!("the slowest call of another runtime took {slowest:?}");
        }
    });
    let replaced = blocked.block_on(backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)));
    assert!(matches!(replaced, Ok(WriteOutcome::Done(_))), "{replaced:?}");
}

/// Reads and writes a session every 10 ms, and returns the time of the slowest call.
fn use_for_a_while(backend: &RedisBackend, n: u32) -> Duration {
    runtime().block_on(async {
        let key = format!("session:other{n}");
        let mut version = create(backend, &key, "{}").await;
        let (start, mut slowest) = (Instant::now(), Duration::ZERO);
        while start.elapsed() < Duration::from_secs(2) {
            let call = Instant::now();
            let session = map(&format!(r#"{{"n":{}}}"#, start.elapsed().as_micros()));
            match backend.replace(Replace::new(&key, &session, HOUR, &version)).await.expect("the server answers") {
                WriteOutcome::Done(next) => version = next,
                other => panic!("{other:?}"),
            }
            assert!(stored(backend, &key).await.is_some());
            slowest = slowest.max(call.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        slowest
    })
}

#[test]
fn a_cluster_is_looked_at_anew_after_the_runtime_of_the_last_look_ended() {
    let mut cluster = Cluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    let owner = cluster.owner(cluster.slot("session:a"));
    runtime().block_on(async {
        answers(&backend).await;
        cluster.servers[owner].kill();
        // The failure has the layout looked at, on a runtime that is about to end.
        backend.fetch("session:a").await.unwrap_err();
    });
    runtime().block_on(async {
        let again = || async { backend.fetch("session:a").await.is_ok() };
        until("the replica", Duration::from_secs(60), again).await;
    });
}
