//! Revocations against requests in flight, over two servers.

use crate::support::{Cluster, Server, manager, patient, races};

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation() {
    let server = Server::start(&[]);
    races::revocations([(); 2].map(|()| manager(patient(&server.url())))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_in_a_cluster() {
    let cluster = Cluster::start();
    races::revocations([(); 2].map(|()| manager(patient(&cluster.url())))).await;
}
