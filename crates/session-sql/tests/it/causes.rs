//! The causes of failures, in errors and in the log.

use std::time::Duration;

use session_core::{Applied, AtomicBackend, BackendErrorKind, Remove, Replace, WriteOutcome};
use session_sql::{SqlBackend, SqlConfigError};
use session_test_support::{Log, free_port};

use crate::support::{Database, HOUR, Server, cause, create, map, on_each_server, until};

on_each_server![
    a_refusal_by_the_server_is_the_cause,
    a_user_needs_no_more_rights_than_the_documentation_says,
    an_outage_is_one_line_with_its_cause_and_another_when_it_ends,
];

/// Returns the cause of a failed read, without the name of the server.
async fn told(url: &str) -> String {
    let backend = SqlBackend::builder().timeout(Duration::from_secs(5)).connect(url).expect("the url is good");
    let error = backend.fetch("a").await.expect_err("the server refuses");
    assert_eq!(error.applied(), Applied::No);
    cause(&error).split_once(": ").expect("a cause names the server first").1.to_owned()
}

/// Prints an error as `fn main() -> Result<(), Box<dyn Error>>` does.
fn printed_by_main(error: impl Into<Box<dyn std::error::Error>>) -> String {
    format!("{:?}", error.into())
}

#[tokio::test]
async fn main_prints_a_sentence_without_the_password() {
    for (url, sentence) in [
        ("oracle://user:hunter2@localhost/db", "the url of the database is malformed, or its scheme is unknown"),
        (
            "postgres://user:hunter2@localhost/db?hunter=2",
            "the url of the database has the unknown parameter \"hunter\"",
        ),
        (
            "sqlite::memory:",
            "an sqlite database in memory is not shared: use a file, or the memory backend of session-core",
        ),
    ] {
        assert_eq!(printed_by_main(SqlBackend::connect(url).expect_err(url)), sentence);
    }
    for (scheme, name) in [("postgres", "postgres"), ("mysql", "mysql")] {
        let port = free_port();
        let backend = SqlBackend::connect(&format!("{scheme}://user:hunter2@127.0.0.1:{port}/db")).expect("a good url");
        let error = backend.create_table().await.expect_err("no server listens");
        let sentence = format!("session store unavailable: {name} at 127.0.0.1:{port}/db: connection refused");
        assert_eq!(printed_by_main(error), sentence);
    }
}

async fn a_refusal_by_the_server_is_the_cause<S: Server>() {
    let server = S::exclusive().await;
    server.backend().await;
    server.make_user("web").await;
    let of = |user: &str, database: &str| {
        let (scheme, _) =
            server.url().split_once("://").map(|(scheme, rest)| (scheme.to_owned(), rest.to_owned())).unwrap();
        format!("{scheme}://{user}@127.0.0.1:{}/{database}", server.port)
    };
    let database = server.url().rsplit('/').next().unwrap().to_owned();
    let lacks = told(&of("web:secret", &database)).await;
    assert!(lacks.starts_with("the user lacks a right: it needs SELECT, INSERT, UPDATE and DELETE"), "{lacks}");
    let unknown = told(&of("stranger:secret", &database)).await;
    assert!(unknown.starts_with("the server does not let") || unknown.starts_with("the user name or"), "{unknown}");
    let missing = told(&of(server.owner(), "missing")).await;
    assert!(missing.starts_with("the server has no database with the name in the url"), "{missing}");
    server.ask("DROP TABLE http_sessions").await;
    let missing = told(&server.url()).await;
    assert!(missing.starts_with("the table is missing: call `create_table`, or run the SQL file"), "{missing}");
    assert_eq!(
        told(&server.url().replace(&server.port.to_string(), &free_port().to_string())).await,
        "connection refused"
    );
}

async fn a_user_needs_no_more_rights_than_the_documentation_says<S: Server>() {
    let server = S::exclusive().await;
    server.backend().await;
    server.make_user("app").await;
    server.ask(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON http_sessions TO {}", server.grantee("app"))).await;
    let url = server.url().replace(&format!("//{}@", server.owner()), "//app:secret@");
    let backend = server.builder().connect(&url).unwrap();
    backend.check().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
    let version = create(&backend, "a", "{}").await;
    let value = map(r#"{"n":1}"#);
    let replaced = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap();
    let WriteOutcome::Done(replaced) = replaced else { panic!("{replaced:?}") };
    let conflict = backend.replace(Replace::new("a", &value, HOUR, &version)).await.unwrap();
    assert!(matches!(conflict, WriteOutcome::Conflict(Some(_))), "{conflict:?}");
    let rotated = backend.rotate(session_core::Rotate::new("a", "b", &value, HOUR, &replaced)).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Done(_)), "{rotated:?}");
    let removed = backend.remove(Remove::new("b")).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
    assert_eq!(backend.delete_expired().await.unwrap(), 0);
}

/// The log is that of one thread, so the test has a runtime of one thread.
async fn an_outage_is_one_line_with_its_cause_and_another_when_it_ends<S: Server>() {
    let mut server = S::exclusive().await;
    let backend = server.backend().await;
    create(&backend, "a", "{}").await;
    server.kill();
    let (first, second) = tokio::task::block_in_place(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let log = Log::capture("session_sql");
        runtime.block_on(async {
            for _ in 0..50 {
                assert!(backend.fetch("a").await.is_err());
            }
        });
        let first = log.take();
        server.run();
        let answers = || async { backend.fetch("a").await.is_ok() };
        runtime.block_on(until("recovery", Duration::from_secs(5), answers));
        (first, log.take())
    });
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].starts_with("ERROR the session store fails"), "{first:?}");
    assert!(first[0].contains(&format!("127.0.0.1:{}", server.port)), "{first:?}");
    assert!(first[0].contains("closed the connection") || first[0].contains("connection re"), "{first:?}");
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second[0].starts_with("INFO the session store answers again"), "{second:?}");
}

#[test]
fn a_url_that_can_not_be_used_is_refused() {
    let refused = |url: &str| SqlBackend::connect(url).expect_err("the url is bad");
    for url in ["", "sessions.db", "redis://localhost", "postgres://[::1", "mysql://localhost:port/a"] {
        assert_eq!(refused(url), SqlConfigError::Url, "{url}");
    }
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:a?mode=memory"] {
        assert_eq!(refused(url), SqlConfigError::InMemory, "{url}");
    }
    for url in ["postgres://a/b?sslmod=require", "mysql://a/b?sslmod=REQUIRED", "mariadb://a/b?charset=latin1"] {
        assert!(matches!(refused(url), SqlConfigError::Parameter { .. }), "{url}");
    }
    assert_eq!(SqlBackend::builder().table("a b").err(), Some(SqlConfigError::Table));
}

#[tokio::test]
async fn a_value_that_is_no_json_is_told_without_quoting_it() {
    let database = Database::sqlite().await;
    database
        .ask(&format!(
            "INSERT INTO {{t}} (session_key, value, expires_at) VALUES ('a', 'secret', {})",
            database.future()
        ))
        .await;
    let error = database.backend().fetch("a").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Corrupt);
    assert!(!cause(&error).contains("secret"), "{}", cause(&error));
    assert!(!format!("{error:?} {error}").contains("secret"));
}
