//! A primary that dies under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendError, BackendErrorKind, Replace, Rotate, SessionMap, WriteOutcome};
use session_redis::RedisBackend;
use tokio::task::JoinSet;

use crate::support::{Cluster, HOUR, Lag, Server, create, map, patient, stored, until, wait_for};

const SESSIONS: usize = 10_000;
const CLIENTS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_dies_under_load_affects_only_the_sessions_of_its_slots() {
    fail_over(|primary| primary.kill()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_primary_under_load_affects_only_the_sessions_of_its_slots() {
    fail_over(|primary| primary.pause()).await;
}

async fn fail_over(stop: impl FnOnce(&mut Server)) {
    let mut cluster = Cluster::start();
    store_all(&cluster).await;

    let backend = RedisBackend::connect(&cluster.url()).expect("the url is good");
    for number in 0..CLIENTS {
        connected(&backend, &key(number)).await;
    }
    // Requests continue throughout, to the slots of the primary that dies and to the others.
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(Client::new(&cluster, &backend, number).run(done.clone()));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (lag, killed) = (Lag::watch(), Instant::now());
    stop(&mut cluster.servers[0]);
    wait_for("the failover", || cluster.servers[3].ask(&["INFO", "replication"])[0].contains("role:master"));
    let taken_over = killed.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    done.store(true, Ordering::Relaxed);
    let mut clients = clients.join_all().await;
    clients.sort_by_key(|client| client.number);

    let (slowest, allowance) = (clients.iter().map(|client| client.slowest).max(), lag.allowance());
    assert!(slowest < Some(Duration::from_millis(300) + allowance), "{slowest:?}, {allowance:?}");
    for dies in [true, false] {
        assert!(clients.iter().any(|client| client.dies == dies), "both kinds were asked for");
    }
    for client in clients.iter().filter(|client| client.dies) {
        assert!(client.failures > 0, "the old primary can't have answered");
    }
    for client in clients.iter().filter(|client| !client.dies) {
        // Unless the machine was so slow that the deadline passed.
        assert!(client.failures == 0 || allowance > Duration::from_millis(250), "{} failures", client.failures);
    }
    let last = clients.iter().filter_map(|client| client.last_failure).max().expect("some have failed");
    let last = last.duration_since(killed);
    println!("taken over after {taken_over:?}, last failure after {last:?}, slowest call {slowest:?}");
    assert!(last < taken_over + Duration::from_millis(900) + allowance, "{last:?}, {taken_over:?}, {allowance:?}");

    check_all(&cluster, &clients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_half_of_the_servers_miss_leaves_the_session_under_its_key() {
    let mut cluster = Cluster::start();
    let (here, there) = (key_at(&cluster, 1), key_at(&cluster, 0));
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    let mut versions = Vec::new();
    for key in [&here, &there] {
        connected(&backend, key).await;
        versions.push(create(&backend, key, r#"{"user":"ann"}"#).await);
    }
    for server in [3, 0] {
        cluster.servers[server].kill();
    }

    let value = map(r#"{"user":"ann","admin":true}"#);
    let rotate = async |old: &str, new: &str, version| {
        let rotation = Rotate::new(old, new, &value, HOUR, version);
        let error = backend.rotate(rotation).await.expect_err("half of it can't be done");
        assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{error:?}");
    };
    // At first calls take the timeout, then they fail fast.
    for _ in 0..10 {
        // A key in braces with a word after them is in the same slot as the key itself.
        rotate(&here, &format!("{{{there}}}-new"), &versions[0]).await;
        assert_eq!(stored(&backend, &here).await.as_deref(), Some(r#"{"user":"ann"}"#));

        let new = format!("{{{here}}}-new");
        rotate(&there, &new, &versions[1]).await;
        let taken_back = || async { cluster.servers[1].ask(&["EXISTS", &new]) == ["0"] };
        until("the new one to be taken back", Duration::from_secs(5), taken_back).await;
    }
    assert_eq!(cluster.servers[1].ask(&["KEYS", "*"]), [here]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_whose_removal_comes_late_keeps_the_new_session() {
    let cluster = Cluster::start();
    // Calls fail fast after one without an answer.
    let backend = RedisBackend::builder().breaker_threshold(1).connect(&cluster.url()).unwrap();
    let (old, new) = (key_at(&cluster, 1), key_at(&cluster, 0));
    for key in [&old, &new] {
        connected(&backend, key).await;
    }
    let version = create(&backend, &old, "{}").await;

    cluster.servers[1].pause();
    let value = map(r#"{"user":"ann"}"#);
    let rotation = Rotate::new(&old, &new, &value, HOUR, &version);
    let error = backend.rotate(rotation).await.unwrap_err();
    assert_eq!(error.applied(), Applied::Maybe);
    // The removal of the old session may be applied when the server goes on, so the new one is not taken back.
    assert_eq!(cluster.servers[0].ask(&["GET", &new]), [value.as_json()]);
    cluster.servers[1].resume();
}

/// Waits until the server that is responsible for a key answers: the first call may take longer than a call may.
async fn connected(backend: &RedisBackend, key: &str) {
    until("a connection", Duration::from_secs(30), || async { backend.fetch(key).await.is_ok() }).await;
}

/// A key that this primary is responsible for.
fn key_at(cluster: &Cluster, primary: usize) -> String {
    (0..).map(key).find(|key| cluster.owner(cluster.slot(key)) == primary).expect("some are everywhere")
}

/// Stores all sessions, each with its own number, and waits until the replicas have them.
async fn store_all(cluster: &Cluster) {
    // As many writes at once as this may take longer than a request waits.
    let patient = patient(&cluster.url());
    for_all(move |number| {
        let backend = patient.clone();
        async move {
            create(&backend, &key(number), &json(number, 0)).await;
        }
    })
    .await;
    for (primary, replica) in cluster.primaries().iter().zip(&cluster.servers[3..]) {
        let share: u32 = primary.ask(&["DBSIZE"])[0].parse().expect("a size is a number");
        assert!((3_000..3_700).contains(&share), "{share}");
        let history = primary.history();
        wait_for("the replica to have all", || replica.history() >= history);
    }
}

/// Reads all sessions, each with its own data, and writes them again.
async fn check_all(cluster: &Cluster, clients: &[Client]) {
    let counts: Vec<u64> = clients.iter().map(|client| if client.dies { 0 } else { client.count }).collect();
    let (patient, counts) = (patient(&cluster.url()), Arc::new(counts));
    for_all(move |number| {
        let (backend, counts) = (patient.clone(), counts.clone());
        async move {
            let found = backend.fetch(&key(number)).await.expect("a server answers").expect("it was replicated");
            let count = count_of(&found.session, number);
            // The replica may lack the last writes that the primary acknowledged before it died.
            let least = counts.get(number).copied().unwrap_or(0);
            assert!(count >= least, "{count} of {least}");
            let outcome = backend.replace(Replace::new(&key(number), &map("{}"), HOUR, &found.version)).await;
            assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
        }
    })
    .await;
}

/// Does something for each session, fifty at a time.
async fn for_all<F: Future<Output = ()> + Send>(work: impl Fn(usize) -> F + Clone + Send + 'static) {
    let mut workers = JoinSet::new();
    for worker in 0..50 {
        let work = work.clone();
        workers.spawn(async move {
            for number in (worker..SESSIONS).step_by(50) {
                work(number).await;
            }
        });
    }
    workers.join_all().await;
}

fn key(number: usize) -> String {
    format!("session:{number}")
}

/// The count in a session, which must be that of this number.
fn count_of(session: &SessionMap, number: usize) -> u64 {
    assert_eq!(session.get("number").ok(), Some(Some(number)), "the session of another number");
    session.get("count").ok().flatten().expect("it has a count")
}

fn json(number: usize, count: u64) -> String {
    format!(r#"{{"number":{number},"count":{count}}}"#)
}

/// Reads and writes one session over and over.
struct Client {
    backend: RedisBackend,
    number: usize,
    /// Its session is on the primary that dies.
    dies: bool,
    /// The last value that was acknowledged.
    count: u64,
    failures: u32,
    slowest: Duration,
    last_failure: Option<Instant>,
}

impl Client {
    fn new(cluster: &Cluster, backend: &RedisBackend, number: usize) -> Self {
        let dies = cluster.slot(&key(number)) <= 5460;
        let backend = backend.clone();
        Self { backend, number, dies, count: 0, failures: 0, slowest: Duration::ZERO, last_failure: None }
    }

    async fn run(mut self, done: Arc<AtomicBool>) -> Self {
        while !done.load(Ordering::Relaxed) {
            if let Err(error) = self.count_up().await {
                assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{error:?}");
                self.failures += 1;
                self.last_failure = Some(Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self
    }

    async fn count_up(&mut self) -> Result<(), BackendError> {
        let (key, start) = (key(self.number), Instant::now());
        let found = self.backend.fetch(&key).await;
        self.slowest = self.slowest.max(start.elapsed());
        let found = found?.expect("a replicated session is there");
        let count = count_of(&found.session, self.number) + 1;

        let (value, start): (SessionMap, _) = (map(&json(self.number, count)), Instant::now());
        let outcome = self.backend.replace(Replace::new(&key, &value, HOUR, &found.version)).await;
        self.slowest = self.slowest.max(start.elapsed());
        match outcome? {
            WriteOutcome::Done(_) => self.count = count,
            // A write that had no answer was carried out after all.
            WriteOutcome::Conflict(_) => {}
            WriteOutcome::Gone(_) => panic!("a replicated session is lost"),
        }
        Ok(())
    }
}
