//! The suite for all backends.

use session_testkit::conformance::{Subject, check};

use crate::support::Sqlite;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    let file = Sqlite::new();
    let backend = file.backend(|builder| builder.timeout(std::time::Duration::from_secs(5)));
    backend.create_table().await.unwrap();
    let report = check(Subject::new(backend)).await;
    println!("{report}");
    report.assert_passed();
}
