//! What every backend has to do.

use session_redis::RedisBackend;
use session_testkit::conformance::{self, Candidate};

use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_does_what_every_backend_has_to_do() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    conformance::check(Candidate::atomic(backend)).await.assert_passed();
}
