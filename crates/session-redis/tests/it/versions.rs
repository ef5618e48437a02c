//! The comparison by which a write tells that the session is still the one that was read.

use session_core::{AtomicBackend, BackendErrorKind, Remove, Replace, Rotate, Version, WriteOutcome};
use session_redis::RedisBackend;

use crate::semantics::Marked;
use crate::support::{HOUR, REMEMBER, Server, create, map, stored};

/// A session whose text has this length, of at least eleven bytes.
fn session_of(len: usize, letter: &str) -> String {
    format!(r#"{{"key":"{}"}}"#, letter.repeat(len - r#"{"key":""}"#.len()))
}

fn start() -> Server {
    Server::start(REMEMBER)
}

/// The version that was sent with the last script that had one key.
fn sent_version(server: &Server) -> String {
    let log = server.ask(&["SLOWLOG", "GET", "-1"]);
    let script = log.iter().position(|word| word.starts_with("EVAL")).expect("a script was called");
    log[script + 4].clone()
}

fn is_digest(version: &str) -> bool {
    version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn version_of(backend: &RedisBackend, key: &str) -> Version {
    backend.fetch(key).await.expect("the server answers").expect("it is there").version
}

async fn replace(backend: &RedisBackend, value: &str, version: &Version) -> WriteOutcome {
    backend.replace(Replace::new("session:a", &map(value), HOUR, version)).await.expect("the server answers")
}

#[tokio::test]
async fn values_of_any_length_are_written_only_as_they_were_read() {
    let server = start();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    for len in [11, 39, 40, 41, 511, 512, 513, 5000] {
        let [read, other] = [session_of(len, "a"), session_of(len, "b")];
        server.ask(&["SET", "session:a", &read]);
        let version = version_of(&backend, "session:a").await;

        server.ask(&["SET", "session:a", &other]);
        let outcome = replace(&backend, r#"{"new":1}"#, &version).await;
        assert!(
            matches!(outcome, WriteOutcome::Conflict(Some(current)) if current.session.as_json() == other),
            "{len}"
        );
        let outcome = backend.remove(Remove::new("session:a").at(&version)).await.unwrap();
        assert!(
            matches!(outcome, WriteOutcome::Conflict(Some(current)) if current.session.as_json() == other),
            "{len}"
        );
        let value = map(r#"{"new":1}"#);
        let new = format!("session:{len}");
        let rotation = Rotate::new("session:a", &new, &value, HOUR, &version);
        let outcome = backend.rotate(rotation).await.unwrap();
        assert!(
            matches!(outcome, WriteOutcome::Conflict(Some(current)) if current.session.as_json() == other),
            "{len}"
        );
        assert_eq!(stored(&backend, "session:a").await, Some(other));

        server.ask(&["SET", "session:a", &read]);
        assert!(matches!(replace(&backend, &read, &version).await, WriteOutcome::Done(_)), "{len}");
        assert!(matches!(backend.rotate(rotation).await.unwrap(), WriteOutcome::Done(_)), "{len}");
        server.ask(&["SET", "session:a", &read]);
        assert!(
            matches!(backend.remove(Remove::new("session:a").at(&version)).await.unwrap(), WriteOutcome::Done(())),
            "{len}"
        );
    }
}

#[tokio::test]
async fn only_short_values_that_are_no_longer_than_a_digest_are_sent_to_be_compared() {
    let server = start();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    for (len, by_digest) in [(11, false), (39, false), (40, true), (41, false), (511, false), (512, true), (5000, true)]
    {
        let read = session_of(len, "a");
        server.ask(&["SET", "session:a", &read]);
        let version = version_of(&backend, "session:a").await;
        assert!(matches!(replace(&backend, "{}", &version).await, WriteOutcome::Done(_)), "{len}");
        let sent = sent_version(&server);
        assert_eq!(is_digest(&sent), by_digest, "{len}");
        assert!(by_digest || sent.starts_with(&read[..len.min(100)]), "{sent}");
    }
}

#[tokio::test]
async fn values_of_other_writers_are_compared_byte_for_byte() {
    let server = start();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let python = r#"{"name": "Zo\u00eb", "n": 1.0, "list": [1, 2]}"#;
    for read in [python, r#"{"name":"Zoë","日本":"語"}"#, "\n{ }\n", r#"{"a":NaN}"#, r#"{"a":1,"a":2}"#] {
        server.ask(&["SET", "session:a", read]);
        let version = version_of(&backend, "session:a").await;
        server.ask(&["SET", "session:a", &format!("{read} ")]);
        assert!(matches!(replace(&backend, "{}", &version).await, WriteOutcome::Conflict(_)), "{read}");
        server.ask(&["SET", "session:a", read]);
        assert!(matches!(replace(&backend, "{}", &version).await, WriteOutcome::Done(_)), "{read}");
        assert_eq!(sent_version(&server), read);
    }
}

#[tokio::test]
async fn the_version_of_a_write_serves_for_the_next_write() {
    let server = start();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let mut version = create(&backend, "session:a", r#"{"n": 0, "big": 123456789012345678901234567890}"#).await;
    for n in 1..60 {
        let mut session = backend.fetch("session:a").await.unwrap().unwrap().session;
        session.insert("n", n).unwrap();
        session.insert("text", "é".repeat(n)).unwrap();
        match backend.replace(Replace::new("session:a", &session, HOUR, &version)).await.unwrap() {
            WriteOutcome::Done(next) => version = next,
            other => panic!("{n}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stored_text_that_equals_the_digest_is_not_taken_for_the_value() {
    let server = start();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    for len in [40, 600] {
        server.ask(&["SET", "session:a", &session_of(len, "a")]);
        let version = version_of(&backend, "session:a").await;
        let digest: String = version.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        server.ask(&["SET", "session:a", &digest]);
        let error = backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Corrupt);
        assert_eq!(sent_version(&server), digest);
        assert_eq!(server.ask(&["GET", "session:a"]), [digest]);
    }
}

#[tokio::test]
async fn values_of_another_codec_are_compared_by_their_digest() {
    let server = start();
    let backend = RedisBackend::builder().codec(Marked).connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    let WriteOutcome::Done(next) = replace(&backend, r#"{"a":2}"#, &version).await else {
        panic!("no other program wrote")
    };
    assert!(is_digest(&sent_version(&server)));
    assert!(matches!(replace(&backend, r#"{"a":3}"#, &version).await, WriteOutcome::Conflict(_)));
    assert!(matches!(replace(&backend, r#"{"a":3}"#, &next).await, WriteOutcome::Done(_)));
}
