//! The suite for all backends.

use session_testkit::conformance::{Candidate, check};

use crate::support::{Database, on_each_database};

on_each_database![it_conforms];

async fn it_conforms(database: Database) {
    check(Candidate::atomic(database.patient())).await.assert_passed();
}
