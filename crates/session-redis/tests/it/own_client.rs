//! A client of the application.

use std::time::{Duration, Instant};

use fred::clients::Pool;
use fred::interfaces::ClientLike;
use fred::types::config::{Blocking, Config};
use fred::types::{CustomCommand, Value};
use session_core::{Applied, AtomicBackend, BackendErrorKind, Touch};
use session_redis::RedisBackend;
use session_testkit::conformance::{self, Candidate};
use tokio::runtime::Builder;

use crate::runtimes::{answers, runtime};
use crate::support::{Cluster, HOUR, Server, client, create, wait_for};
use crate::transports::assert_works;

#[tokio::test]
async fn a_client_of_the_application_works() {
    let server = Server::start(&[]);
    let config = Config::from_url(&server.url()).unwrap();
    let pool = Pool::new(config, None, None, None, 2).unwrap();
    pool.init().await.unwrap();
    assert_works(&RedisBackend::from_client(pool.next().clone())).await;
    assert_works(&RedisBackend::from_pool(pool)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clustered_client_of_the_application_meets_the_contract() {
    let cluster = Cluster::start();
    let config = Config::from_url(&cluster.url()).unwrap();
    let pool = Pool::new(config, None, None, None, 1).unwrap();
    pool.init().await.unwrap();
    let backend = RedisBackend::from_pool(pool);
    assert!(AtomicBackend::session_scan(&backend).is_none(), "the client does not tell its servers");
    conformance::check(Candidate::atomic(backend)).await.assert_passed();
}

/// fred asks the server on another connection to end what blocks, for as long as the application's settings say.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_client_of_the_application_costs_the_timeout_at_most() {
    let server = Server::start(&[]);
    let config = Config { blocking: Blocking::Interrupt, ..Config::from_url(&server.url()).unwrap() };
    let client = fred::types::Builder::from_config(config).build().unwrap();
    client.init().await.unwrap();
    let backend = RedisBackend::from_client(client.clone());
    create(&backend, "session:a", "{}").await;
    let blocked = tokio::spawn(async move {
        let command = CustomCommand::new_static("BLPOP", None, true);
        client.custom::<Value, _>(command, vec!["nothing", "0"]).await
    });
    wait_for("the client to block", || server.ask(&["INFO", "clients"])[0].contains("blocked_clients:1"));
    server.pause();
    let start = Instant::now();
    let error = backend.touch(Touch::new("session:a", HOUR)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::Maybe));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    server.resume();
    blocked.abort();
}

#[test]
fn a_server_is_probed_anew_after_the_runtime_of_the_probe_ended() {
    let server = Server::start(&[]);
    // A client of the application, on a runtime that keeps running.
    let main = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = main.block_on(client(&server));
    let backend = RedisBackend::builder().timeout(Duration::from_millis(50)).build_with_client(client);
    server.pause();
    runtime().block_on(async {
        for _ in 0..5 {
            backend.fetch("session:a").await.unwrap_err();
        }
    });
    server.resume();
    runtime().block_on(answers(&backend));
}
