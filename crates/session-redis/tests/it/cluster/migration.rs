//! While a slot moves from one server to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Create, Marker, Remove, Replace, Rotate, Version, WriteOutcome};
use session_redis::RedisBackend;
use tokio::task::JoinSet;

use crate::support::{Cluster, HOUR, Lag, allow_user, create, map, patient, stored};

#[tokio::test(flavor = "multi_thread")]
async fn all_operations_work_while_a_slot_moves() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    let key = |n: u32| format!("{{app}}:{n}");
    for n in 0..8 {
        create(&backend, &key(n), r#"{"n":0}"#).await;
    }

    let at = cluster.owner(cluster.slot(&key(0)));
    let moving = Moving::start(&cluster, &key(0), at, (at + 1) % 3);
    for n in 0..4 {
        assert_eq!(moving.migrate(&key(n)), ["OK"]);
    }
    // Half of the keys are here and half are there.
    for n in 0..8 {
        let found = AtomicBackend::fetch(&backend, &key(n)).await.unwrap().expect("one of the servers has it");
        let outcome = backend.replace(Replace::new(&key(n), &map(r#"{"n":1}"#), HOUR, &found.version)).await.unwrap();
        let WriteOutcome::Done(version) = outcome else { panic!("{outcome:?}") };
        if n % 2 == 0 {
            backend.remove(Remove::new(&key(n))).await.unwrap();
            assert_eq!(backend.marker(&key(n)).await.unwrap(), Some(Marker::Destroyed));
            let created = backend.create(Create::new(&key(n), &map("{}"), HOUR)).await.unwrap();
            assert!(matches!(created, WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");
        } else {
            let (old, new, value) = (key(n), key(n + 100), map(r#"{"n":2}"#));
            let rotation = Rotate::new(&old, &new, &value, HOUR, &version);
            assert!(matches!(backend.rotate(rotation).await.unwrap(), WriteOutcome::Done(_)));
            assert!(matches!(backend.marker(&key(n)).await.unwrap(), Some(Marker::Renewed { .. })));
        }
        assert_eq!(stored(&backend, &key(n)).await, None);
    }

    // The rest moves, and the slot with it.
    for key in moving.keys() {
        moving.migrate(&key);
    }
    moving.finish();
    for n in [1, 3, 5, 7] {
        assert_eq!(stored(&backend, &key(n + 100)).await.as_deref(), Some(r#"{"n":2}"#));
    }
}

/// The slot of a key on its way from one server to another.
struct Moving<'a> {
    cluster: &'a Cluster,
    slot: String,
    from: usize,
    to: usize,
}

impl<'a> Moving<'a> {
    fn start(cluster: &'a Cluster, key: &str, from: usize, to: usize) -> Self {
        let slot = cluster.slot(key).to_string();
        cluster.servers[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(from)]);
        cluster.servers[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(to)]);
        Self { cluster, slot, from, to }
    }

    /// Some of the keys that have not moved yet; none if all have.
    fn keys(&self) -> Vec<String> {
        self.cluster.servers[self.from].ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"])
    }

    /// Returns `OK`, or `NOKEY` if the key is not there.
    fn migrate(&self, key: &str) -> Vec<String> {
        let port = self.cluster.servers[self.to].port.to_string();
        self.cluster.servers[self.from].ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "10000"])
    }

    /// All keys have moved: from now on the slot belongs to the other server.
    fn finish(self) {
        for server in [self.to, self.from, 3 - self.to - self.from] {
            self.cluster.servers[server].ask(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.cluster.id(self.to)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_permissions_suffice_while_a_slot_moves() {
    let cluster = Cluster::start();
    for server in &cluster.servers {
        allow_user(server, "web", &["+cluster|slots", "+asking"]);
    }
    let backend = patient(&cluster.url().replace("://", "://web:web@"));
    let key = "session:a";
    let version = create(&backend, key, r#"{"n":0}"#).await;
    let at = cluster.owner(cluster.slot(key));
    let moving = Moving::start(&cluster, key, at, (at + 1) % 3);
    assert_eq!(moving.migrate(key), ["OK"]);
    let outcome = backend.replace(Replace::new(key, &map(r#"{"n":1}"#), HOUR, &version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Done(_)), "it is asked for where it is now");
    moving.finish();
    assert_eq!(stored(&backend, key).await.as_deref(), Some(r#"{"n":1}"#));
    assert!(matches!(backend.remove(Remove::new(key)).await.unwrap(), WriteOutcome::Done(())));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_lost_or_mixed_up_while_a_slot_moves_under_load() {
    const CLIENTS: usize = 8;
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    create(&backend, SHARED, r#"{"n":0}"#).await;
    let (done, rounds, lag) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Lag::watch());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (backend, done, rounds) = (backend.clone(), done.clone(), rounds.clone());
        clients.spawn(async move {
            let mut client = Client::new(backend, number).await;
            while !done.load(Ordering::Relaxed) {
                client.round().await;
                rounds.fetch_add(1, Ordering::Relaxed);
            }
            client
        });
    }

    // Around and back, each step under load.
    let at = cluster.owner(cluster.slot(SHARED));
    for (from, to) in [(at, (at + 1) % 3), ((at + 1) % 3, (at + 2) % 3), ((at + 2) % 3, at)] {
        let moving = Moving::start(&cluster, SHARED, from, to);
        loop {
            more(&rounds, 10).await;
            let keys = moving.keys();
            if keys.is_empty() {
                break;
            }
            // Half of them, so that the others are still on the old server.
            for key in keys.iter().take(keys.len().div_ceil(2)) {
                moving.migrate(key);
            }
        }
        moving.finish();
        more(&rounds, 10).await;
    }
    done.store(true, Ordering::Relaxed);

    let clients = clients.join_all().await;
    let slowest = clients.iter().map(|client| client.slowest).max();
    let rounds = rounds.load(Ordering::Relaxed);
    println!("{rounds} rounds, slowest call {slowest:?}");
    assert!(slowest < Some(Duration::from_millis(250) + lag.allowance()), "{slowest:?}, {:?}", lag.allowance());
    assert_eq!(stored(&backend, SHARED).await, Some(format!(r#"{{"n":{rounds}}}"#)), "an update was lost");
    for client in clients {
        client.check().await;
    }
}

/// A session that all clients increment. All keys of the test are in its slot.
const SHARED: &str = "{app}:shared";

/// Waits until a number has grown by as much.
async fn more(number: &AtomicU64, by: u64) {
    let (before, start) = (number.load(Ordering::Relaxed), Instant::now());
    while number.load(Ordering::Relaxed) < before + by {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing happens");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A client with sessions of its own, which must stay as it left them.
struct Client {
    backend: RedisBackend,
    number: usize,
    sessions: Vec<Own>,
    slowest: Duration,
}

struct Own {
    key: String,
    /// The stored count.
    n: usize,
    version: Version,
}

const ANSWERED: &str = "a server answers all the while";

impl Client {
    async fn new(backend: RedisBackend, number: usize) -> Self {
        let mut client = Self { backend, number, sessions: Vec::new(), slowest: Duration::ZERO };
        for n in 0..8 {
            let own = client.create(n).await;
            client.sessions.push(own);
        }
        client
    }

    /// Reads, changes, renews or removes each of its sessions, and increments the shared one.
    async fn round(&mut self) {
        for (at, own) in std::mem::take(&mut self.sessions).into_iter().enumerate() {
            let step = own.n / 8 + at;
            let own = match step % 4 {
                0 => self.read(own).await,
                1 => self.change(own).await,
                2 => self.renew(own).await,
                _ => self.remove(own).await,
            };
            self.sessions.push(own);
        }
        self.count_up().await;
    }

    async fn create(&mut self, n: usize) -> Own {
        let (backend, key) = (self.backend.clone(), self.key(n));
        let version = self.timed(create(&backend, &key, &self.json(n))).await;
        Own { key, n, version }
    }

    async fn read(&mut self, own: Own) -> Own {
        let backend = self.backend.clone();
        let found = self.timed(backend.fetch(&own.key)).await.expect(ANSWERED).expect("no client has removed it");
        assert_eq!((found.session.into_json(), &found.version), (self.json(own.n), &own.version));
        // The next time it is another step's turn.
        self.change(own).await
    }

    async fn change(&mut self, own: Own) -> Own {
        let (backend, n) = (self.backend.clone(), own.n + 8);
        let value = map(&self.json(n));
        let outcome = self.timed(backend.replace(Replace::new(&own.key, &value, HOUR, &own.version))).await;
        Own { n, version: replaced(outcome.expect(ANSWERED)), ..own }
    }

    async fn renew(&mut self, own: Own) -> Own {
        let (backend, n) = (self.backend.clone(), own.n + 8);
        let (key, value) = (self.key(n), map(&self.json(n)));
        let rotation = Rotate::new(&own.key, &key, &value, HOUR, &own.version);
        let version = replaced(self.timed(backend.rotate(rotation)).await.expect(ANSWERED));
        assert_eq!(stored(&backend, &own.key).await, None);
        Own { key, n, version }
    }

    async fn remove(&mut self, own: Own) -> Own {
        let backend = self.backend.clone();
        let removed = self.timed(backend.remove(Remove::new(&own.key))).await.expect(ANSWERED);
        assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
        assert_eq!(backend.marker(&own.key).await.expect(ANSWERED), Some(Marker::Destroyed));
        self.create(own.n + 8).await
    }

    fn key(&self, n: usize) -> String {
        format!("{{app}}:{}-{n}", self.number)
    }

    fn json(&self, n: usize) -> String {
        format!(r#"{{"client":{},"n":{n}}}"#, self.number)
    }

    async fn timed<T>(&mut self, call: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let outcome = call.await;
        self.slowest = self.slowest.max(start.elapsed());
        outcome
    }

    async fn count_up(&mut self) {
        let backend = self.backend.clone();
        let mut current = self.timed(backend.fetch(SHARED)).await.expect(ANSWERED).expect("no client has removed it");
        loop {
            let n = current.session.get::<u64>("n").ok().flatten().expect("it is a number") + 1;
            let value = map(&format!(r#"{{"n":{n}}}"#));
            match self
                .timed(backend.replace(Replace::new(SHARED, &value, HOUR, &current.version)))
                .await
                .expect(ANSWERED)
            {
                WriteOutcome::Done(_) => return,
                WriteOutcome::Conflict(Some(newer)) => current = newer,
                other => panic!("no client has removed it: {other:?}"),
            }
        }
    }

    async fn check(&self) {
        for own in &self.sessions {
            assert_eq!(stored(&self.backend, &own.key).await.as_ref(), Some(&self.json(own.n)));
        }
    }
}

fn replaced(outcome: WriteOutcome) -> Version {
    match outcome {
        WriteOutcome::Done(version) => version,
        other => panic!("no other client writes this: {other:?}"),
    }
}
