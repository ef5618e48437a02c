//! The contract of backends.

use session_redis::RedisBackend;
use session_testkit::conformance::{self, Candidate};

use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_meets_the_contract_of_backends() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    conformance::check(Candidate::atomic(backend)).await.assert_passed();
}
