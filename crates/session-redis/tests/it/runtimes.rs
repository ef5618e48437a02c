//! Backends that outlive a runtime, as one in a static of a test program does.

use std::time::Duration;

use session_core::AtomicBackend;
use session_redis::RedisBackend;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Cluster, Server, client, create, stored, until};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

async fn answers(backend: &RedisBackend) {
    until("an answer", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
}

#[test]
fn a_connection_is_made_anew_where_the_runtime_of_the_last_one_has_ended() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    for n in 0..3 {
        runtime().block_on(async {
            answers(&backend).await;
            create(&backend, &format!("session:{n}"), "{}").await;
            assert_eq!(stored(&backend, "session:0").await.as_deref(), Some("{}"));
        });
    }
}

#[test]
fn a_server_is_probed_anew_where_the_runtime_that_did_so_has_ended() {
    let server = Server::start(&[]);
    // A client of the application's, on a runtime that goes on.
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

#[test]
fn a_cluster_is_looked_at_anew_where_the_runtime_that_did_so_has_ended() {
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
