//! The causes of failures in errors and log lines.

use std::error::Error;
use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Replace};
use session_redis::RedisBackend;

use crate::support::{Cluster, HOUR, Lag, Log, Server, allow_user, create, free_port, map, until};

fn source(error: &BackendError) -> String {
    error.source().expect("every failure has a cause").to_string()
}

fn connect(url: &str) -> RedisBackend {
    RedisBackend::connect(url).expect("the url is good")
}

/// Returns the cause of a failed read, without the server's name.
async fn cause(backend: &RedisBackend) -> String {
    let text = source(&backend.fetch("session:a").await.expect_err("the server can't serve"));
    text.split_once(": ").expect("a cause names the server first").1.to_owned()
}

/// Prints an error as `fn main() -> Result<(), Box<dyn Error>>` does.
fn printed_by_main(error: impl Into<Box<dyn Error>>) -> String {
    format!("{:?}", error.into())
}

#[tokio::test]
async fn main_prints_a_sentence_without_the_password() {
    for (url, sentence) in [
        ("redis://user:hunter2@", "the url of redis is malformed, or its scheme is unknown"),
        (
            "redis://user:hunter2@localhost?hunter=2",
            "the url of redis has the parameter `hunter`, which is unknown for its scheme",
        ),
        (
            "redis-cluster://user:hunter2@localhost/3",
            "the url of a redis cluster names a database, and a cluster has only database 0",
        ),
    ] {
        assert_eq!(printed_by_main(RedisBackend::connect(url).expect_err(url)), sentence);
    }
    let port = free_port();
    let backend = connect(&format!("redis://user:hunter2@127.0.0.1:{port}"));
    let error = backend.fetch("session:a").await.expect_err("no server listens");
    let sentence = format!("session store unavailable: redis at 127.0.0.1:{port}: connection refused");
    assert_eq!(printed_by_main(error), sentence);
}

async fn cause_of_create(backend: &RedisBackend) -> String {
    let error = backend.create(Create::new("session:b", &map("{}"), HOUR)).await.expect_err("the server can't serve");
    source(&error).split_once(": ").expect("a cause names the server first").1.to_owned()
}

#[tokio::test]
async fn a_refused_connection_fails_at_once_and_names_the_address() {
    let port = free_port();
    let backend = connect(&format!("redis://user:secret@127.0.0.1:{port}"));
    let lag = Lag::watch();
    for n in 0..5 {
        let start = Instant::now();
        let error = backend.fetch("session:a").await.unwrap_err();
        let time = start.elapsed();
        assert!(time < Duration::from_millis(20) + lag.allowance(), "{n}: {time:?}");
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::No));
        assert_eq!(source(&error), format!("redis at 127.0.0.1:{port}: connection refused"));
    }
    // The breaker is open by now.
    assert_eq!(cause(&backend).await, "connection refused");
}

#[tokio::test]
async fn a_unix_socket_that_is_missing_is_named() {
    let error = connect("redis+unix:///no/such.sock").fetch("session:a").await.unwrap_err();
    assert_eq!(source(&error), "redis at /no/such.sock: no such file or directory");
}

#[tokio::test]
async fn credentials_that_the_server_does_not_take_are_the_cause() {
    let server = Server::start_with_password("open sesame", &[]);
    let url = |credentials: &str| format!("redis://{credentials}127.0.0.1:{}", server.port);
    for (credentials, told) in [
        ("", "the server requires a password, and the url has none (NOAUTH)"),
        (":guess@", "the user name or the password is wrong (WRONGPASS)"),
        ("stranger:open%20sesame@", "the user name or the password is wrong (WRONGPASS)"),
    ] {
        assert_eq!(cause(&connect(&url(credentials))).await, told);
    }
}

#[tokio::test]
async fn a_missing_acl_right_is_the_cause() {
    let server = Server::start(&[]);
    allow_user(&server, "web", &["-evalsha"]);
    let url = format!("redis://web:web@127.0.0.1:{}", server.port);
    let backend = connect(&url);
    assert!(backend.fetch("session:a").await.unwrap().is_none());
    assert_eq!(cause_of_create(&backend).await, "the user lacks the ACL right +evalsha (NOPERM)");
    allow_user(&server, "web", &["-set"]);
    assert_eq!(
        cause_of_create(&backend).await,
        "the user lacks an ACL right that scripts need, such as +get, +set or +del"
    );
    let error = backend.fetch("other").await.unwrap_err();
    assert!(source(&error).ends_with("~session:* and ~gone:{session:* (NOPERM)"), "{}", source(&error));
    assert_eq!(cause(&connect(&format!("{url}/3"))).await, "the user lacks the ACL right +select (NOPERM)");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_the_cause() {
    let server = Server::start(&[]);
    let backend = connect(&format!("{}/99", server.url()));
    assert_eq!(cause(&backend).await, "the server has no database with the number in the url");
}

#[tokio::test]
async fn a_server_that_refuses_writes_says_why() {
    let server = Server::start(&[]);
    let backend = connect(&server.url());
    for (setting, value, told) in [
        ("maxmemory", "1", "the server is out of memory (OOM)"),
        ("min-replicas-to-write", "1", "the server has too few replicas to take writes (NOREPLICAS)"),
    ] {
        server.ask(&["CONFIG", "SET", setting, value]);
        assert_eq!(cause_of_create(&backend).await, told);
        server.ask(&["CONFIG", "SET", setting, "0"]);
    }
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(cause_of_create(&backend).await, "the server is a read-only replica (READONLY)");
}

#[tokio::test]
async fn a_deadline_that_passed_names_its_limit_and_the_setting() {
    let server = Server::start(&[]);
    let backend = RedisBackend::builder().timeout(Duration::from_millis(120)).connect(&server.url()).unwrap();
    create(&backend, "session:a", "{}").await;
    server.pause();
    let error = backend.fetch("session:a").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Timeout);
    assert!(source(&error).ends_with("no reply within 120ms, the `timeout` of the backend"), "{}", source(&error));
    let other = connect(&server.url());
    assert_eq!(cause(&other).await, "no connection within 250ms, the `timeout` of the backend");
    server.resume();
}

#[tokio::test]
async fn a_url_of_the_wrong_kind_is_the_cause() {
    let cluster = Cluster::start();
    let alone = connect(&cluster.servers[0].url());
    let mut causes = Vec::new();
    for n in 0..20 {
        causes.extend(alone.fetch(&format!("session:{n}")).await.err().map(|error| source(&error)));
    }
    let told = "redis: the server belongs to a Cluster, use a redis-cluster url (MOVED)";
    assert!(!causes.is_empty() && causes.iter().all(|cause| cause == told), "{causes:?}");

    let server = Server::start(&[]);
    let clustered = connect(&server.url().replace("redis:", "redis-cluster:"));
    assert_eq!(cause(&clustered).await, "the server does not belong to a Cluster, and the url names one");
}

#[tokio::test]
async fn sentinels_that_can_not_help_are_the_cause() {
    let nowhere = connect(&format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName=sessions", free_port()));
    assert_eq!(cause(&nowhere).await, "no Sentinel can be reached, or none accepts the password");
    let mut sentinel = Server::new(free_port(), &["--sentinel"]);
    sentinel.configure("");
    sentinel.run();
    let unknown = connect(&format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName=sessions", sentinel.port));
    assert_eq!(cause(&unknown).await, "the Sentinels know no primary of this service name");
}

#[tokio::test]
async fn an_outage_is_one_error_line_however_many_calls_fail() {
    let mut server = Server::start_with_password("open sesame", &[]);
    let backend = connect(&format!("redis://:open%20sesame@127.0.0.1:{}", server.port));
    create(&backend, "session:a", "{}").await;
    let log = Log::capture("session_redis");
    server.kill();
    for _ in 0..1_000 {
        backend.fetch("session:a").await.unwrap_err();
    }
    let lines = log.take();
    let told = format!(
        r#"ERROR the session store fails store="redis" server="127.0.0.1:{}" cause="connection refused" failures=1"#,
        server.port
    );
    assert_eq!(lines, [told]);

    server.run();
    until("recovery", Duration::from_secs(5), || async { backend.fetch("session:a").await.is_ok() }).await;
    let lines = log.take();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with(r#"INFO the session store answers again store="redis""#), "{line}");
}

#[tokio::test]
async fn an_operation_that_is_refused_is_one_error_line_while_others_go_on() {
    let server = Server::start(&[]);
    allow_user(&server, "web", &[]);
    let backend = connect(&format!("redis://web:web@127.0.0.1:{}", server.port));
    let version = create(&backend, "session:a", "{}").await;
    let log = Log::capture("session_redis");
    allow_user(&server, "web", &["-evalsha"]);
    let session = map(r#"{"key":"value"}"#);
    for _ in 0..100 {
        assert!(backend.fetch("session:a").await.unwrap().is_some());
        backend.replace(Replace::new("session:a", &session, HOUR, &version)).await.unwrap_err();
    }
    let lines = log.take();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains(r#"cause="the user lacks the ACL right +evalsha (NOPERM)""#), "{line}");
    allow_user(&server, "web", &[]);
    backend.replace(Replace::new("session:a", &session, HOUR, &version)).await.unwrap();
    let lines = log.take();
    assert!(
        matches!(&lines[..], [line] if line.contains("answers again") && line.contains("failures=100")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn neither_errors_nor_log_lines_quote_secrets() {
    let server = Server::start_with_password("open sesame", &[]);
    let log = Log::capture("session_redis");
    let mut printed = Vec::new();
    for url in [
        format!("redis://ann:secret1@127.0.0.1:{}", server.port),
        format!("redis://ann:secret2@127.0.0.1:{}", free_port()),
        format!(
            "redis-sentinel://ann:secret3@127.0.0.1:{}?sentinelServiceName=s&sentinelPassword=secret4",
            free_port()
        ),
        format!("redis-cluster://ann:secret5@127.0.0.1:{}", server.port),
    ] {
        let backend = connect(&url);
        let error = backend.fetch("session:key").await.unwrap_err();
        printed.push(format!("{error} {error:?} {} {:?} {backend:?}", source(&error), error.source()));
    }
    // A value that the server quotes in its error.
    let backend = connect(&format!("redis://:open%20sesame@127.0.0.1:{}", server.port));
    server.ask(&["HSET", "session:key", "a", "1"]);
    let error = backend.fetch("session:key").await.unwrap_err();
    printed.push(format!("{error} {error:?} {}", source(&error)));
    printed.extend(log.take());
    for text in &printed {
        for secret in ["secret", "session:key", "sesame"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(printed.len() >= 8, "{printed:?}");
}

#[tokio::test]
async fn a_server_that_is_loading_its_data_says_so_and_is_used_when_it_has_loaded() {
    // It loads a key in 2 ms, and answers after each kilobyte.
    let mut server = Server::start(&["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"]);
    let backend = connect(&server.url());
    let json = format!(r#"{{"user":"ann","text":"{}"}}"#, "x".repeat(1000));
    for number in 0..1000 {
        create(&backend, &format!("session:{number}"), &json).await;
    }
    server.ask(&["SAVE"]);
    server.kill();
    // Starting it waits until it has loaded.
    let restarted = tokio::task::spawn_blocking(move || {
        server.run();
        server
    });
    let is_loading = async || match backend.fetch("session:7").await {
        Ok(_) => panic!("it had loaded before it was asked"),
        Err(error) => {
            assert_eq!(error.applied(), Applied::No);
            source(&error).ends_with("the server is loading its data (LOADING)")
        }
    };
    until("the cause", Duration::from_secs(5), is_loading).await;
    let _server = restarted.await.unwrap();
    let is_served = async || matches!(backend.fetch("session:7").await, Ok(Some(stored)) if stored.session.len() == 2);
    until("a served read", Duration::from_secs(2), is_served).await;
}
