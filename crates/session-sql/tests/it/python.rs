//! Sessions that a Python program reads and writes.

use std::process::Command;

use session_core::{AtomicBackend, Replace, WriteOutcome};

use crate::support::{Database, HOUR, create, map, on_each_database, stored};

on_each_database![python_reads_and_writes_sessions];

async fn python_reads_and_writes_sessions(database: Database) {
    let backend = database.patient();
    let version = create(&backend, "session:rust", r#"{"user":"Änne","n":1}"#).await;
    let python = std::env::var_os("SESSION_PYTHON")
        .expect("SESSION_PYTHON is not set: `cargo xtask test` installs what tests need");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python.py");
    let output = Command::new(python).args([script, &database.url(), database.table()]).output();
    let output = output.expect("SESSION_PYTHON is a Python interpreter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    assert_eq!(stored(&backend, "session:python").await.as_deref(), Some(r#"{"from": "Python \u2603"}"#));
    let conflict = backend.replace(Replace::new("session:rust", &map("{}"), HOUR, &version)).await.unwrap();
    let WriteOutcome::Conflict(Some(current)) = conflict else { panic!("{conflict:?}") };
    assert_eq!(current.session.get::<String>("user").unwrap().as_deref(), Some("Änne"));
    assert_eq!(current.session.get::<u64>("n").unwrap(), Some(2));
}
