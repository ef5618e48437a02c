//! Failures of a node, and what errors and the log say of them.

use std::error::Error;
use std::time::Duration;

use session_core::{AtomicBackend, BackendError, BackendErrorKind, Create};
use session_memcache::MemcacheBackend;

use crate::support::{Fake, LONG, Log, PlainCalls, Server, map};

fn backend(address: &str) -> MemcacheBackend {
    MemcacheBackend::new([address]).expect("the address is good")
}

/// The causes of an error, from the first one to the last.
fn causes(error: &BackendError) -> String {
    let first = error.source().expect("every failure has a cause");
    match first.source() {
        Some(second) => format!("{first}: {second}"),
        None => first.to_string(),
    }
}

/// Prints an error as `fn main() -> Result<(), Box<dyn Error>>` does.
fn printed_by_main(error: impl Into<Box<dyn Error>>) -> String {
    format!("{:?}", error.into())
}

#[tokio::test]
async fn main_prints_a_sentence() {
    let none = MemcacheBackend::new([""; 0]).expect_err("no node");
    assert_eq!(printed_by_main(none), "no memcached node is given");
    let twice = MemcacheBackend::new(["cache-1", "cache-1"]).expect_err("one node twice");
    assert!(printed_by_main(twice).starts_with("the memcached node \""));
    let address = format!("127.0.0.1:{}", session_test_support::free_port());
    let error = backend(&address).get("session:a").await.expect_err("no server listens");
    let printed = printed_by_main(error);
    assert!(printed.starts_with("session store unavailable: memcached at "), "{printed}");
    assert!(printed.contains(&address) && !printed.contains(['{', '[']), "{printed}");
}

#[tokio::test]
async fn an_outage_is_one_line_with_its_cause_and_one_when_it_is_over() {
    let mut server = Server::start();
    let backend = backend(&server.address());
    let log = Log::capture("session_memcache");
    let key = "session:0123456789";
    backend.set(key, &map(r#"{"user":"ann"}"#), LONG).await.unwrap();
    assert_eq!(log.take(), Vec::<String>::new());

    server.kill();
    for _ in 0..1000 {
        backend.get(key).await.unwrap_err();
        backend.create(Create::new(key, &map(r#"{"user":"ann"}"#), LONG)).await.unwrap_err();
    }
    let lines = log.take();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let address = server.address();
    assert!(line.starts_with("ERROR the session store fails"), "{line}");
    for part in ["memcached", &address, &format!("can't connect to {address}: Connection refused")] {
        assert!(line.contains(part), "{part}: {line}");
    }

    server.start_again();
    while backend.get(key).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = log.take();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("INFO the session store answers again"), "{line}");
    assert!(line.contains(&address), "{line}");
}

#[tokio::test]
async fn a_node_that_cannot_be_connected_to_is_named_with_its_address() {
    let mut server = Server::start();
    server.kill();
    let resolved = server.address();
    let named = resolved.replace("127.0.0.1", "localhost");
    let backend = backend(&named);
    let refused = format!("can't connect to {resolved}: Connection refused (os error 111)");
    for number in 0..6 {
        let error = backend.get("key").await.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Unavailable);
        let expected = if number < 3 {
            format!("memcached at {named}: {refused}")
        } else {
            format!("memcached at {named}: calls fail fast until the node answers; the last failure was: {refused}")
        };
        assert_eq!(causes(&error), expected, "{number}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_known_is_said_to_be() {
    let error = backend("no-such-host.invalid").get("key").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
    assert!(causes(&error).contains("the name of the host can't be resolved: "), "{}", causes(&error));
}

#[tokio::test]
async fn a_timeout_names_the_limit_and_its_setting() {
    let server = Server::start();
    let limit = Duration::from_millis(400);
    let backend = MemcacheBackend::builder([server.address()]).timeout(limit).build().unwrap();
    backend.get("key").await.unwrap();
    let log = Log::capture("session_memcache");
    server.pause();
    let error = backend.get("key").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Timeout);
    assert!(causes(&error).ends_with("no reply within 400ms, the `timeout` of the backend"), "{}", causes(&error));
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("no reply within 400ms, the `timeout` of the backend"), "{lines:?}");
    server.resume();
}

#[tokio::test]
async fn a_refused_operation_is_an_outage_of_that_operation() {
    let server = Server::with(&["-M", "-m", "2"]);
    let backend = MemcacheBackend::builder([server.address()]).timeout(Duration::from_secs(20)).build().unwrap();
    let large = map(&format!(r#"{{"v":"{}"}}"#, "x".repeat(200 * 1024)));
    let log = Log::capture("session_memcache");
    let mut refused = 0;
    for number in 0..60 {
        let key = format!("key{number}");
        if let Err(error) = backend.create(Create::new(&key, &large, LONG)).await {
            assert!(causes(&error).contains("out of memory"), "{}", causes(&error));
            refused += 1;
        }
        // Reads are answered all the time.
        backend.get("key0").await.unwrap();
    }
    assert!(refused > 20);
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].starts_with("ERROR"), "{lines:?}");
    assert!(lines[0].contains("out of memory"), "{lines:?}");
}

#[tokio::test]
async fn a_node_that_asks_for_a_password_is_named_as_such() {
    let fake = Fake::start(&[&["CLIENT_ERROR unauthenticated\r\n"]]).await;
    let error = backend(fake.address()).get("key").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Refused);
    assert!(causes(&error).contains("requires a password"), "{}", causes(&error));
}

#[tokio::test]
async fn nothing_that_is_printed_quotes_a_key_or_data() {
    let log = Log::capture("session_memcache");
    let (key, session) = ("session:secret-id", map(r#"{"user":"secret-name"}"#));
    let replies = ["SERVER_ERROR session:secret-id\r\n", "CLIENT_ERROR secret-name\r\n", "secret-id\r\n", "ERROR\r\n"];
    let mut printed = Vec::new();
    for reply in replies {
        let fake = Fake::start(&[&[reply]]).await;
        let backend = backend(fake.address());
        for _ in 0..2 {
            let error = backend.create(Create::new(key, &session, LONG)).await.unwrap_err();
            printed.extend([causes(&error), format!("{error} {error:?}")]);
        }
    }
    printed.extend(log.take());
    assert!(printed.len() > replies.len() * 4);
    assert!(printed.iter().all(|line| !line.contains("secret")), "{printed:?}");
}
