//! The conformance suite of backends.

use session_memcache::MemcacheBackend;
use session_testkit::conformance::{Candidate, check};

use crate::support::{Server, backend, patient};

/// The default of `max_value_bytes`.
const LARGEST_VALUE: usize = 1024 * 1024 - 1024;

async fn conforms(backend: MemcacheBackend) {
    check(Candidate::atomic(backend).largest_value(LARGEST_VALUE)).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_node_conforms() {
    let server = Server::start();
    conforms(backend(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_on_a_unix_socket_conforms() {
    let server = Server::on_socket();
    conforms(backend(&server)).await;
}

/// With epochs of users, as most settings are the default elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_nodes_conform() {
    let servers = [Server::start(), Server::start(), Server::start()];
    conforms(patient(&servers.each_ref()).user_epochs(true).build().unwrap()).await;
    for server in &servers {
        assert!(server.commands() > 50, "every node has its share");
    }
}
