//! Revocations against requests in flight, over two servers.

use session_core::SessionManager;

use crate::support::{Cluster, Server, manager, patient, races};

async fn revoke_amid_requests(url: &str) {
    let connect = || -> [SessionManager; 2] { [(); 2].map(|()| manager(patient(url))) };
    races::changes_during_a_revocation(connect()).await;
    races::sign_ins_during_a_revocation(connect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation() {
    let server = Server::start(&[]);
    revoke_amid_requests(&server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_in_a_cluster() {
    let cluster = Cluster::start();
    revoke_amid_requests(&cluster.url()).await;
}
