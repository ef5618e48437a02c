//! An address that leads to another server after a failover, while the old connections still work.

use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendError, Create, Remove, Replace, WriteOutcome};
use session_redis::RedisBackend;

use crate::support::{Endpoint, HOUR, Server, create, map, wait_for};

/// A primary, its replica, and the address of the primary.
struct Deployment {
    old: Server,
    new: Server,
    address: Endpoint,
    backend: RedisBackend,
}

impl Deployment {
    async fn start() -> Self {
        let old = Server::start(&[]);
        let new = Server::start(&["--replicaof", "127.0.0.1", &old.port.to_string()]);
        wait_for("the replica to follow", || new.follows());
        let address = Endpoint::to(old.port);
        let backend = RedisBackend::connect(&format!("redis://127.0.0.1:{}", address.port())).expect("the url is good");
        create(&backend, "session:a", "{}").await;
        let history = old.history();
        wait_for("the replica to have all", || new.history() >= history);
        Self { old, new, address, backend }
    }

    /// Makes the replica the primary, and the old primary a replica of the given server.
    fn fail_over(&self, primary_of_old: u16) {
        self.new.ask(&["REPLICAOF", "NO", "ONE"]);
        self.old.ask(&["REPLICAOF", "127.0.0.1", &primary_of_old.to_string()]);
    }

    /// Reads and writes a session, and logs another one out.
    async fn use_sessions(&self, n: u32) -> Result<(), BackendError> {
        let (backend, session) = (&self.backend, map(&format!(r#"{{"n":{n}}}"#)));
        let stored = backend.fetch("session:a").await?.expect("it was replicated");
        let mut outcome = backend.replace(Replace::new("session:a", &session, HOUR, &stored.version)).await?;
        if let WriteOutcome::Conflict(Some(current)) = &outcome {
            // It was read from the old primary.
            outcome = backend.replace(Replace::new("session:a", &session, HOUR, &current.version)).await?;
        }
        assert!(matches!(outcome, WriteOutcome::Done(_)), "{outcome:?}");
        let key = format!("session:{n}");
        backend.create(Create::new(&key, &session, HOUR)).await?;
        let outcome = backend.remove(Remove::new(&key)).await?;
        assert!(matches!(outcome, WriteOutcome::Done(())), "{outcome:?}");
        Ok(())
    }

    /// Uses sessions once a second. Every use succeeds from 2 seconds after the switch on.
    async fn assert_recovers(&self) {
        let switched = Instant::now();
        for n in 0..5 {
            let outcome = self.use_sessions(n).await;
            println!("{:?} after the switch: {outcome:?}", switched.elapsed());
            assert!(outcome.is_ok() || switched.elapsed() < Duration::from_secs(2), "{outcome:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(self.new.ask(&["GET", "session:a"]), [r#"{"n":4}"#]);
    }
}

#[tokio::test]
async fn a_demoted_server_is_left_for_the_one_that_its_address_leads_to() {
    let deployment = Deployment::start().await;
    deployment.fail_over(deployment.new.port);
    deployment.address.switch_to(deployment.new.port);
    deployment.assert_recovers().await;
}

#[tokio::test]
async fn a_demoted_server_is_left_though_its_address_changes_later() {
    let deployment = Deployment::start().await;
    deployment.fail_over(deployment.new.port);
    let demoted = Instant::now();
    for n in 0.. {
        deployment.use_sessions(n).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if demoted.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    deployment.address.switch_to(deployment.new.port);
    deployment.assert_recovers().await;
}

#[tokio::test]
async fn a_replica_without_its_primary_is_left_too() {
    let deployment = Deployment::start().await;
    deployment.old.ask(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    // No server listens there.
    deployment.fail_over(1);
    deployment.address.switch_to(deployment.new.port);
    deployment.assert_recovers().await;
}

#[tokio::test]
async fn a_lasting_refusal_costs_few_connections() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    server.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let connections = || -> u32 {
        let facts = server.ask(&["INFO", "stats"]).remove(0);
        facts.lines().find_map(|line| line.strip_prefix("total_connections_received:")?.parse().ok()).unwrap()
    };
    let (before, start) = (connections(), Instant::now());
    while start.elapsed() < Duration::from_secs(1) {
        backend.create(Create::new("session:b", &map("{}"), HOUR)).await.unwrap_err();
    }
    // A new connection at most every 100 ms, and the one of the question itself.
    assert!(connections() - before <= 12, "{}", connections() - before);
}
