//! Pools and codecs of the application.

use std::time::Duration;

use session_core::{BackendError, JsonCodec, SessionCodec, SessionMap};
use session_sql::SqlBackend;
use session_testkit::conformance::{Candidate, check};

use crate::support::{Database, on_each_database};

on_each_database![a_pool_of_the_applications_conforms, a_codec_that_is_not_json_conforms];

/// The pools have the settings that applications have: SERIALIZABLE on PostgreSQL, REPEATABLE READ on MySQL.
async fn a_pool_of_the_applications_conforms(database: Database) {
    let pool = database.application_pool().await;
    let backend = database.builder().timeout(Duration::from_secs(20)).build_with_pool(pool);
    check(Candidate::atomic(backend)).await.assert_passed();
}

/// Not UTF-8, and another text each time.
struct Scrambled;

impl SessionCodec for Scrambled {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let salt = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) as u8;
        let bytes = JsonCodec.encode(session)?;
        Ok([salt].into_iter().chain(bytes.iter().map(|byte| byte ^ salt ^ 0x80)).collect())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let (salt, bytes) = bytes.split_first().unwrap_or((&0, &[]));
        JsonCodec.decode(&bytes.iter().map(|byte| byte ^ salt ^ 0x80).collect::<Vec<_>>())
    }
}

async fn a_codec_that_is_not_json_conforms(database: Database) {
    let table = format!("{}_bytes", database.table());
    let builder = database.builder().table(&table).unwrap().codec(Scrambled).timeout(Duration::from_secs(20));
    let backend = builder.connect(&database.url()).unwrap();
    backend.create_table().await.unwrap();
    check(Candidate::atomic(backend)).await.assert_passed();
}

#[tokio::test]
async fn a_pool_is_taken_as_it_is() {
    let database = Database::sqlite().await;
    let backend = SqlBackend::from_pool(database.application_pool().await);
    assert!(format!("{backend:?}").starts_with("SqlBackend"));
}
