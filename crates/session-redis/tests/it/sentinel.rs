//! Behind Sentinels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendErrorKind, Replace, Version, WriteOutcome};
use session_redis::RedisBackend;
use tokio::task::JoinSet;

use crate::support::{HOUR, Lag, Server, allow_user, create, free_port, map, stored, until, wait_for};

/// The number of clients under load.
const CLIENTS: usize = 16;

struct Deployment {
    primary: Server,
    replica: Server,
    sentinels: Vec<Server>,
}

impl Deployment {
    fn start() -> Self {
        let primary = Server::start(&[]);
        let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        let sentinels = (0..3).map(|_| sentinel(&primary)).collect();
        Self { primary, replica, sentinels }.complete()
    }

    /// A setup in which the servers require one password and the Sentinels another.
    fn guarded() -> Self {
        let primary = Server::start_with_password(PASSWORD, &["--masterauth", PASSWORD]);
        let port = primary.port.to_string();
        let replica =
            Server::start_with_password(PASSWORD, &["--masterauth", PASSWORD, "--replicaof", "127.0.0.1", &port]);
        let sentinels = (0..3).map(|_| guarded_sentinel(&primary)).collect();
        Self { primary, replica, sentinels }.complete()
    }

    /// Waits until all servers and Sentinels know each other.
    fn complete(self) -> Self {
        let deployment = self;
        wait_for("the replica to follow", || deployment.replica.follows());
        for sentinel in &deployment.sentinels {
            wait_for("the sentinels to know each other and the replica", || {
                let facts = sentinel.ask(&["SENTINEL", "MASTER", "sessions"]);
                let fact = |name: &str| facts.iter().skip_while(|fact| *fact != name).nth(1).cloned();
                fact("num-other-sentinels").as_deref() == Some("2") && fact("num-slaves").as_deref() == Some("1")
            });
        }
        deployment
    }

    /// Waits until the replica has all that the primary has now.
    fn replicate(&self) {
        let history = self.primary.history();
        wait_for("the replica to have all", || self.replica.history() >= history);
    }

    /// Kills the primary, or pauses it.
    fn stop_primary(&mut self, kill: bool) {
        if kill { self.primary.kill() } else { self.primary.pause() }
    }

    fn url(&self) -> String {
        let [first, others @ ..] = &self.sentinels[..] else { panic!("there are three") };
        let others: String = others.iter().map(|other| format!("&node=127.0.0.1:{}", other.port)).collect();
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName=sessions{others}", first.port)
    }
}

const PASSWORD: &str = "open sesame";
const SENTINEL_PASSWORD: &str = "who goes there";

/// Waits until calls are answered: the first may take longer than a call may.
async fn connected(backend: &RedisBackend) {
    until("a connection", Duration::from_secs(30), || async { backend.fetch("session:a").await.is_ok() }).await;
}

fn sentinel(primary: &Server) -> Server {
    let mut sentinel = Server::new(free_port(), &["--sentinel"]);
    sentinel.configure(&monitoring(primary));
    sentinel.run();
    sentinel
}

fn guarded_sentinel(primary: &Server) -> Server {
    let mut sentinel = Server::new(free_port(), &["--sentinel"]).with_password(SENTINEL_PASSWORD);
    let passwords =
        format!("sentinel auth-pass sessions \"{PASSWORD}\"\nsentinel sentinel-pass \"{SENTINEL_PASSWORD}\"\n");
    sentinel.configure(&[monitoring(primary), passwords].concat());
    sentinel.run();
    sentinel
}

fn monitoring(primary: &Server) -> String {
    format!(
        "sentinel monitor sessions 127.0.0.1 {} 2
sentinel down-after-milliseconds sessions 500
sentinel failover-timeout sessions 3000
",
        primary.port
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_permissions_suffice_behind_sentinels_with_a_password() {
    let mut deployment = Deployment::guarded();
    for server in [&deployment.primary, &deployment.replica] {
        allow_user(server, "web", &["+role"]);
    }
    let url = deployment.url().replace("://", "://web:web@");
    let backend = RedisBackend::connect(&[&url, "&sentinelPassword=who%20goes%20there"].concat()).unwrap();
    connected(&backend).await;
    create(&backend, "session:a", "{}").await;
    deployment.replicate();
    deployment.stop_primary(true);
    let found = || async { backend.fetch("session:a").await.is_ok_and(|found| found.is_some()) };
    until("the failover", Duration::from_secs(30), found).await;

    let stranger = RedisBackend::connect(&url).unwrap();
    let error = stranger.fetch("session:a").await.unwrap_err();
    assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_with_the_replica_of_a_primary_that_died_or_stopped() {
    for kill in [true, false] {
        let mut deployment = Deployment::start();
        let backend = RedisBackend::connect(&deployment.url()).unwrap();
        connected(&backend).await;
        let mut version = create(&backend, "session:a", r#"{"n":0}"#).await;
        deployment.replicate();

        deployment.stop_primary(kill);
        let (lag, start) = (Lag::watch(), Instant::now());
        let mut slowest = Duration::ZERO;
        // Requests continue during the failover, and each ends in time.
        loop {
            let call = Instant::now();
            let outcome = backend.replace(Replace::new("session:a", &map(r#"{"n":1}"#), HOUR, &version)).await;
            slowest = slowest.max(call.elapsed());
            match outcome {
                Ok(WriteOutcome::Done(_)) => break,
                Ok(WriteOutcome::Conflict(Some(current))) => version = current.version,
                Ok(other) => panic!("a replicated session is lost: {other:?}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            assert!(start.elapsed() < Duration::from_secs(30), "there is no failover");
        }
        println!("killed: {kill}, writes again after {:?}, slowest call {slowest:?}", start.elapsed());
        assert!(slowest < Duration::from_millis(300) + lag.allowance(), "{slowest:?}");
        assert_eq!(deployment.replica.ask(&["GET", "session:a"]), [r#"{"n":1}"#]);

        // The old primary comes back as a replica, and no client writes to it.
        if kill {
            deployment.primary.run()
        } else {
            deployment.primary.resume()
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answered = || async { backend.fetch("session:a").await.is_ok() };
        until("the old primary's return", Duration::from_secs(5), answered).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"n":1}"#));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_under_load_keeps_the_sessions_that_the_replica_had() {
    for kill in [true, false] {
        let mut deployment = Deployment::start();
        let backend = RedisBackend::connect(&deployment.url()).unwrap();
        connected(&backend).await;
        let (done, counts) = (Arc::new(AtomicBool::new(false)), Arc::new([const { AtomicU64::new(0) }; CLIENTS]));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::new(backend.clone(), number).await;
            clients.spawn(client.run(done.clone(), counts.clone()));
        }
        let acknowledged = || counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let more = || {
            let before = acknowledged();
            wait_for("all to go on", || acknowledged().iter().zip(&before).all(|(now, before)| *now >= before + 20));
        };
        more();
        let kept = acknowledged();
        deployment.replicate();
        let (lag, start) = (Lag::watch(), Instant::now());
        deployment.stop_primary(kill);
        wait_for("the failover", || deployment.replica.ask(&["INFO", "replication"])[0].contains("role:master"));
        let taken_over = start.elapsed();
        more();
        println!("killed: {kill}, taken over after {taken_over:?}, all went on after {:?}", start.elapsed());
        done.store(true, Ordering::Relaxed);

        for client in clients.join_all().await {
            let (number, slowest, failures) = (client.number, client.slowest, client.failures);
            assert!(slowest < Duration::from_millis(300) + lag.allowance(), "{slowest:?}, {:?}", lag.allowance());
            assert!(failures > 0, "the old primary can't have answered");
            // Only writes that were acknowledged later may be lost with the primary.
            assert!(client.fell_to >= kept[number], "{} of {}", client.fell_to, kept[number]);
            let stored = deployment.replica.ask(&["GET", &client.key()]);
            assert_eq!(stored, [client.json(client.n)], "the new primary has lost what it acknowledged");
        }
    }
}

/// Increments the count in its own session, again and again.
struct Client {
    backend: RedisBackend,
    number: usize,
    version: Version,
    /// The count that the session holds, by the last answer.
    n: u64,
    /// The least that it was found to hold after it had held more.
    fell_to: u64,
    failures: u32,
    slowest: Duration,
}

impl Client {
    async fn new(backend: RedisBackend, number: usize) -> Self {
        let (key, json) = (format!("session:{number}"), format!(r#"{{"client":{number},"n":0}}"#));
        let version = create(&backend, &key, &json).await;
        Self { backend, number, version, n: 0, fell_to: u64::MAX, failures: 0, slowest: Duration::ZERO }
    }

    /// Ends with an answer, so that the content of the session is known.
    async fn run(mut self, done: Arc<AtomicBool>, acknowledged: Arc<[AtomicU64; CLIENTS]>) -> Self {
        loop {
            let answered = self.count_up().await;
            if answered && done.load(Ordering::Relaxed) {
                return self;
            }
            if answered {
                acknowledged[self.number].store(self.n, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns `true` if the server has answered.
    async fn count_up(&mut self) -> bool {
        let (key, value, start) = (self.key(), map(&self.json(self.n + 1)), Instant::now());
        let outcome = self.backend.replace(Replace::new(&key, &value, HOUR, &self.version)).await;
        self.slowest = self.slowest.max(start.elapsed());
        match outcome {
            Ok(WriteOutcome::Done(version)) => (self.n, self.version) = (self.n + 1, version),
            Ok(WriteOutcome::Conflict(Some(current))) => {
                assert_eq!(
                    current.session.get("client").ok(),
                    Some(Some(self.number)),
                    "the session of another client"
                );
                let found = current.session.get("n").ok().flatten().expect("it has a count");
                // One more is a write whose answer was lost.
                assert!(found <= self.n + 1, "{found} of {}", self.n);
                if found < self.n {
                    self.fell_to = self.fell_to.min(found);
                }
                (self.n, self.version) = (found, current.version);
            }
            Ok(other) => panic!("a replicated session is lost: {other:?}"),
            Err(error) => {
                assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{error:?}");
                self.failures += 1;
                return false;
            }
        }
        true
    }

    fn key(&self) -> String {
        format!("session:{}", self.number)
    }

    fn json(&self, n: u64) -> String {
        format!(r#"{{"client":{},"n":{n}}}"#, self.number)
    }
}
