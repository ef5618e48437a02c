//! Connections that the server has closed while they waited for the next call.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use session_core::{
    AtomicBackend, BackendError, Create, Marker, Remove, Replace, Rotate, Touch, UserEpochs, Version, WriteOutcome,
};
use session_memcache::MemcacheBackend;

use crate::support::{LONG, PlainCalls, Server, backend, map, version};

/// The first write after a quiet time, on a session that is stored.
#[derive(Clone, Copy)]
enum Write {
    Create,
    Replace,
    Touch,
    Remove,
    RemoveAbsent,
    RemoveAtVersion,
    Rotate,
    JoinEpoch,
}

const WRITES: [Write; 8] = [
    Write::Create,
    Write::Replace,
    Write::Touch,
    Write::Remove,
    Write::RemoveAbsent,
    Write::RemoveAtVersion,
    Write::Rotate,
    Write::JoinEpoch,
];

/// Carries out a write. Returns `true` if it was applied to the session, and says so.
async fn is_applied(backend: &MemcacheBackend, write: Write, at: &Version) -> Result<bool, BackendError> {
    let session = map(r#"{"n":2}"#);
    Ok(match write {
        Write::Create => {
            let outcome = backend.create(Create::new("created", &session, LONG)).await?;
            matches!(outcome, WriteOutcome::Done(_)) && backend.get("created").await? == Some(session)
        }
        Write::Replace => {
            let outcome = backend.replace(Replace::new("key", &session, LONG, at)).await?;
            matches!(outcome, WriteOutcome::Done(_)) && backend.get("key").await? == Some(session)
        }
        Write::Touch => backend.touch(Touch::new("key", LONG)).await?,
        Write::Remove | Write::RemoveAtVersion => {
            let remove = if matches!(write, Write::Remove) { Remove::new("key") } else { Remove::new("key").at(at) };
            let outcome = backend.remove(remove).await?;
            matches!(outcome, WriteOutcome::Done(())) && backend.marker("key").await? == Some(Marker::Destroyed)
        }
        Write::RemoveAbsent => {
            let outcome = backend.remove(Remove::new("absent")).await?;
            matches!(outcome, WriteOutcome::Gone(None)) && backend.marker("absent").await? == Some(Marker::Destroyed)
        }
        Write::Rotate => {
            let outcome = backend.rotate(Rotate::new("key", "new", &session, LONG, at)).await?;
            matches!(outcome, WriteOutcome::Done(_)) && backend.get("new").await? == Some(session)
        }
        Write::JoinEpoch => {
            let epoch = backend.join("user", 5, LONG).await?;
            backend.current("user", LONG).await? == Some(epoch)
        }
    })
}

/// Waits until the server has closed this many unused connections.
fn wait_for_idle_kicks(server: &Server, kicks: u64) {
    let begin = Instant::now();
    while server.stats()["idle_kicks"] < kicks {
        assert!(begin.elapsed() < Duration::from_secs(20), "memcached closes no idle connection");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn the_first_write_after_a_quiet_time_is_applied() {
    let servers = join_all(WRITES.map(|write| async move {
        let server = Server::with(&["-o", "idle_timeout=1"]);
        let backend = backend(&server);
        let at = version(backend.create(Create::new("key", &map(r#"{"n":1}"#), LONG)).await.unwrap());
        (write, server, backend, at)
    }));
    for (number, (write, server, backend, at)) in servers.await.iter().enumerate() {
        wait_for_idle_kicks(server, 1);
        assert!(is_applied(backend, *write, at).await.unwrap(), "write {number}");
    }
}

#[tokio::test]
async fn the_first_write_after_a_restart_is_applied() {
    for (number, write) in WRITES.into_iter().enumerate() {
        let mut server = Server::start();
        let backend = backend(&server);
        let at = version(backend.create(Create::new("key", &map(r#"{"n":1}"#), LONG)).await.unwrap());
        server.kill();
        server.start_again();
        // The sessions are lost. A write of one says so, and a new one is stored.
        let session = map(r#"{"n":2}"#);
        match write {
            Write::Create | Write::RemoveAbsent | Write::JoinEpoch => {
                assert!(is_applied(&backend, write, &at).await.unwrap(), "write {number}")
            }
            Write::Replace => {
                let outcome = backend.replace(Replace::new("key", &session, LONG, &at)).await.unwrap();
                assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
            }
            Write::Touch => assert!(!backend.touch(Touch::new("key", LONG)).await.unwrap()),
            Write::Remove => {
                let outcome = backend.remove(Remove::new("key")).await.unwrap();
                assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
                assert_eq!(backend.marker("key").await.unwrap(), Some(Marker::Destroyed));
            }
            Write::RemoveAtVersion => {
                let outcome = backend.remove(Remove::new("key").at(&at)).await.unwrap();
                assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
            }
            Write::Rotate => {
                let outcome = backend.rotate(Rotate::new("key", "new", &session, LONG, &at)).await.unwrap();
                assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
                assert_eq!(backend.get("new").await.unwrap(), None);
            }
        }
    }
}

#[tokio::test]
async fn a_restart_fails_none_of_many_concurrent_writes() {
    let mut server = Server::start();
    let backend = MemcacheBackend::builder([server.address()]).timeout(Duration::from_secs(20)).build().unwrap();
    // All sixteen connections wait in the pool.
    join_all((0..16).map(|_| backend.get("key"))).await;
    assert!(server.stats()["curr_connections"] >= 16);
    server.kill();
    server.start_again();
    let session = map("{}");
    let keys: Vec<String> = (0..64).map(|number| format!("key{number}")).collect();
    let created = join_all(keys.iter().map(|key| backend.create(Create::new(key, &session, LONG)))).await;
    for outcome in created {
        assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
    }
}
