//! In a Cluster of three primaries and three replicas.

mod failover;
mod migration;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Remove, Session};
use session_testkit::conformance::{self, Candidate};

use crate::support::{Browser, Cluster, Server, create, manager, patient, stored};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_meets_the_contract_of_backends() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    conformance::check(Candidate::atomic(backend)).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_at_once_though_a_server_of_the_url_is_gone() {
    let mut cluster = Cluster::start();
    let key = (0..).map(|n| format!("session:{n}")).find(|key| cluster.owner(cluster.slot(key)) == 1).unwrap();
    create(&patient(&cluster.url()), &key, "{}").await;
    cluster.servers[0].kill();
    for _ in 0..10 {
        // A long timeout, so that a call that waits for the missing server is seen to wait.
        let (backend, start) = (patient(&cluster.url()), Instant::now());
        assert_eq!(stored(&backend, &key).await.as_deref(), Some("{}"));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_costs_three_round_trips() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    // From then on every server knows the script.
    for n in 0..100 {
        create(&backend, &format!("session:{n}"), "{}").await;
        backend.remove(Remove::new(&format!("session:{n}"))).await.unwrap();
    }
    let (manager, mut browser) = (manager(backend), Browser::default());
    browser.request(&manager, |session| session.insert("a", 1).unwrap()).await;
    let changed = |session: &Session| {
        session.renew().unwrap();
        session.insert("a", 2).unwrap();
    };
    for work in [|session: &Session| session.renew().unwrap(), changed] {
        cluster.primaries().iter().for_each(Server::forget_calls);
        browser.request(&manager, work).await;
        let mut calls = BTreeMap::new();
        for (name, count) in cluster.primaries().iter().flat_map(Server::calls) {
            *calls.entry(name).or_insert(0) += count;
        }
        // Replicas report from time to time.
        calls.remove("replconf");
        // One GET, a script with a GET and a SET, and one with a GET, a DEL and a SET.
        assert_eq!(format!("{calls:?}"), r#"{"del": 1, "evalsha": 2, "get": 3, "set": 2}"#);
    }
}
