//! In a Cluster of three primaries and three replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendErrorKind, ISessionBackend, Marker, Replaced, Rotation};
use session_redis::RedisBackend;
use session_testkit::conformance::{self, Subject};
use tokio::task::JoinSet;

use crate::support::{HOUR, Lag, Server, create, free_port, map, patient, stored, until};

struct Cluster {
    /// Three primaries, then the replica of each.
    servers: Vec<Server>,
}

impl Cluster {
    fn start() -> Self {
        let bus_ports: Vec<u16> = (0..6).map(|_| free_port()).collect();
        let start = |bus_port: &u16| {
            let bus = bus_port.to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
            // By default one primary that fails takes the whole Cluster down until its replica takes over.
            let options = [&options[..], &["--cluster-require-full-coverage", "no"]].concat();
            Server::start(&[&options[..], &["--cluster-config-file", "nodes.conf"]].concat())
        };
        let cluster = Self { servers: bus_ports.iter().map(start).collect() };
        for (n, slots) in [(0, ["0", "5460"]), (1, ["5461", "10922"]), (2, ["10923", "16383"])] {
            cluster.servers[n].ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
            cluster.servers[n].ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
        }
        for (server, bus_port) in cluster.servers.iter().zip(&bus_ports).skip(1) {
            let port = server.port.to_string();
            cluster.servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port.to_string()]);
        }
        cluster.wait("all to have met", |server| {
            server.ask(&["CLUSTER", "NODES"])[0].lines().filter(|line| line.contains(" connected")).count() == 6
        });
        for n in 0..3 {
            cluster.servers[n + 3].ask(&["CLUSTER", "REPLICATE", &cluster.id(n)]);
        }
        cluster.wait("all to serve", |server| {
            let replicated = server.ask(&["CLUSTER", "NODES"])[0].matches("slave").count() == 3;
            replicated && server.ask(&["CLUSTER", "INFO"])[0].contains("cluster_state:ok")
        });
        for replica in &cluster.servers[3..] {
            wait_for("the replicas to follow", || {
                replica.ask(&["INFO", "replication"])[0].contains("master_link_status:up")
            });
        }
        cluster
    }

    fn wait(&self, what: &str, done: impl Fn(&Server) -> bool) {
        wait_for(what, || self.servers.iter().all(&done));
    }

    fn id(&self, n: usize) -> String {
        self.servers[n].ask(&["CLUSTER", "MYID"]).remove(0)
    }

    fn url(&self) -> String {
        let ports: Vec<u16> = self.servers.iter().map(|server| server.port).collect();
        format!("redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}&node=127.0.0.1:{}", ports[0], ports[1], ports[5])
    }

    fn slot(&self, key: &str) -> u16 {
        self.servers[5].ask(&["CLUSTER", "KEYSLOT", key])[0].parse().expect("a slot is a number")
    }
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_does_what_every_backend_has_to_do() {
    let cluster = Cluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    conformance::check(Subject::new(backend)).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clustered_client_of_the_application_does_too() {
    use fred::interfaces::ClientLike;

    let cluster = Cluster::start();
    let config = fred::types::config::Config::from_url(&cluster.url()).unwrap();
    let pool = fred::clients::Pool::new(config, None, None, None, 1).unwrap();
    pool.init().await.unwrap();
    conformance::check(Subject::new(RedisBackend::from_pool(pool))).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sessions_spread_and_a_primary_that_dies_concerns_its_own_only() {
    let mut cluster = Cluster::start();
    // As many writes at once as this may take longer than a request waits.
    let patient = patient(&cluster.url());
    let mut writers = JoinSet::new();
    for writer in 0..50 {
        let backend = patient.clone();
        writers.spawn(async move {
            for n in 0..200 {
                create(&backend, &format!("session:{}", writer * 200 + n), r#"{"n":0}"#).await;
            }
        });
    }
    writers.join_all().await;
    for primary in &cluster.servers[..3] {
        let share: u32 = primary.ask(&["DBSIZE"])[0].parse().unwrap();
        assert!((3_000..3_700).contains(&share), "{share}");
        wait_for("the replicas to have all", || primary.ask(&["WAIT", "1", "1000"]) == ["1"]);
    }

    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    until("the first layout", Duration::from_secs(5), || async { backend.get("session:0").await.is_ok() }).await;

    // Requests go on all the while: to the slots of the one that dies, and to the others.
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for reader in 0..20_usize {
        let key = format!("session:{reader}");
        let dies = cluster.slot(&key) <= 5460;
        let (backend, done) = (backend.clone(), done.clone());
        readers.spawn(async move {
            let (mut failures, mut slowest, mut last_failure) = (0, Duration::ZERO, None);
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                match backend.get(&key).await {
                    Ok(found) => assert!(found.is_some(), "a replicated session is lost"),
                    Err(error) => {
                        assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout));
                        failures += 1;
                        last_failure = Some(Instant::now());
                    }
                }
                slowest = slowest.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            (dies, failures, slowest, last_failure)
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (lag, killed) = (Lag::watch(), Instant::now());
    cluster.servers[0].kill();
    wait_for("the failover", || cluster.servers[3].ask(&["INFO", "replication"])[0].contains("role:master"));
    let taken_over = killed.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    done.store(true, Ordering::Relaxed);

    let mut served = BTreeMap::new();
    for (dies, failures, slowest, last_failure) in readers.join_all().await {
        assert!(slowest < Duration::from_millis(300) + lag.allowance(), "{slowest:?}");
        assert_eq!(failures > 0, dies, "{failures} failures");
        let until = last_failure.map_or(Duration::ZERO, |last| last.duration_since(killed));
        assert!(
            until < taken_over + Duration::from_millis(900) + lag.allowance(),
            "failed until {until:?}, taken over after {taken_over:?}"
        );
        *served.entry(dies).or_insert(Duration::ZERO) = until.max(served.get(&dies).copied().unwrap_or_default());
    }
    assert_eq!(served.len(), 2, "both kinds were asked for");
    println!("taken over after {taken_over:?}, last failure after {:?}", served[&true]);

    for n in 0..200 {
        let key = format!("session:{n}");
        let found = AtomicBackend::fetch(&backend, &key).await.unwrap().expect("it was replicated");
        let outcome = backend.replace(&key, &map(r#"{"n":1}"#), HOUR, &found.version).await.unwrap();
        assert!(matches!(outcome, Replaced::Replaced(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_changed_moved_and_removed_while_their_slot_moves() {
    let cluster = Cluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    // All in one slot, which belongs to the first or moves to it.
    let key = |n: u32| format!("{{app}}:{n}");
    let slot = cluster.slot(&key(0));
    let from = usize::from(slot / 5461).min(2);
    let to = (from + 1) % 3;
    for n in 0..8 {
        create(&backend, &key(n), r#"{"n":0}"#).await;
    }

    let (source, target) = (&cluster.servers[from], &cluster.servers[to]);
    let slot = slot.to_string();
    target.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(from)]);
    source.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(to)]);
    let port = target.port.to_string();
    for n in 0..4 {
        assert_eq!(source.ask(&["MIGRATE", "127.0.0.1", &port, &key(n), "0", "1000"]), ["OK"]);
    }
    // Half of the keys are here and half are there.
    for n in 0..8 {
        let found = AtomicBackend::fetch(&backend, &key(n)).await.unwrap().expect("it is somewhere");
        let outcome = backend.replace(&key(n), &map(r#"{"n":1}"#), HOUR, &found.version).await.unwrap();
        let Replaced::Replaced(version) = outcome else { panic!("{outcome:?}") };
        if n % 2 == 0 {
            backend.remove(&key(n), None).await.unwrap();
            assert_eq!(backend.marker(&key(n)).await.unwrap(), Some(Marker::Destroyed));
        } else {
            let (new, value) = (key(n + 100), map(r#"{"n":2}"#));
            let rotation = Rotation { old: &key(n), new: &new, value: &value, exp: HOUR, version: &version };
            assert!(matches!(backend.rotate(rotation).await.unwrap(), Replaced::Replaced(_)));
            assert!(matches!(backend.marker(&key(n)).await.unwrap(), Some(Marker::Renewed { .. })));
        }
        assert_eq!(stored(&backend, &key(n)).await, None);
    }

    // The rest moves, and the slot with it.
    loop {
        let keys = source.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
        if keys.is_empty() {
            break;
        }
        for key in keys {
            source.ask(&["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"]);
        }
    }
    for server in [target, source] {
        server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &cluster.id(to)]);
    }
    for n in [1, 3, 5, 7] {
        assert_eq!(stored(&backend, &key(n + 100)).await.as_deref(), Some(r#"{"n":2}"#));
    }
}
