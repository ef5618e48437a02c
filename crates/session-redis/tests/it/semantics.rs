//! The promises of the operations, one by one.

use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, JsonCodec, Marker, Remove, Replace, Rotate,
    SessionCodec, SessionMap, Touch, Version, WriteOutcome,
};
use session_redis::RedisBackend;

use crate::support::{HOUR, Server, create, map, stored};

fn start() -> (Server, RedisBackend) {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).expect("the url is good");
    (server, backend)
}

fn rotation<'a>(value: &'a SessionMap, version: &'a Version) -> Rotate<'a> {
    Rotate::new("session:a", "session:b", value, HOUR, version)
}

#[tokio::test]
async fn a_stored_session_is_the_json_that_any_language_reads() {
    let (server, backend) = start();
    create(&backend, "session:a", r#"{"user":"ann","n":1.0}"#).await;
    assert_eq!(server.ask(&["GET", "session:a"]), [r#"{"user":"ann","n":1.0}"#]);
    let left: u64 = server.ask(&["TTL", "session:a"])[0].parse().expect("a time to live");
    assert!((3590..=3600).contains(&left), "{left}");

    server.ask(&["SET", "session:py", r#"{"user": "bob"}"#]);
    assert_eq!(stored(&backend, "session:py").await.as_deref(), Some(r#"{"user": "bob"}"#));
    assert_eq!(stored(&backend, "session:none").await, None);
}

#[tokio::test]
async fn a_session_is_created_only_under_a_free_key() {
    let (_server, backend) = start();
    create(&backend, "session:a", r#"{"a":1}"#).await;
    let again = backend.create(Create::new("session:a", &map("{}"), HOUR)).await.unwrap();
    assert!(matches!(again, WriteOutcome::Conflict(None)));
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
}

#[tokio::test]
async fn a_session_is_replaced_at_its_version_and_a_conflict_brings_the_stored_one() {
    let (server, backend) = start();
    let first = create(&backend, "session:a", r#"{"a":1}"#).await;
    assert!(backend.fetch("session:a").await.unwrap().is_some_and(|stored| stored.version == first));

    let WriteOutcome::Done(second) =
        backend.replace(Replace::new("session:a", &map(r#"{"a":2}"#), HOUR, &first)).await.unwrap()
    else {
        panic!("no other program wrote")
    };
    server.ask(&["EXPIRE", "session:a", "10"]);
    let WriteOutcome::Conflict(Some(current)) =
        backend.replace(Replace::new("session:a", &map(r#"{"a":3}"#), HOUR, &first)).await.unwrap()
    else {
        panic!("the version is an old one")
    };
    assert_eq!((current.session.as_json().as_ref(), &current.version), (r#"{"a":2}"#, &second));
    assert_eq!(server.ask(&["TTL", "session:a"]), ["10"], "a conflict changes nothing");

    assert!(matches!(backend.remove(Remove::new("session:a")).await.unwrap(), WriteOutcome::Done(())));
    assert!(matches!(
        backend.replace(Replace::new("session:a", &map("{}"), HOUR, &second)).await.unwrap(),
        WriteOutcome::Gone(_)
    ));
}

#[tokio::test]
async fn a_write_of_another_program_is_a_conflict() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a": 1}"#]);
    let WriteOutcome::Conflict(Some(current)) =
        backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await.unwrap()
    else {
        panic!("the bytes are others")
    };
    assert!(matches!(
        backend.replace(Replace::new("session:a", &map("{}"), HOUR, &current.version)).await.unwrap(),
        WriteOutcome::Done(_)
    ));
}

#[tokio::test]
async fn a_removed_session_leaves_a_marker_for_a_minute() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a":2}"#]);
    assert!(matches!(backend.remove(Remove::new("session:a").at(&version)).await.unwrap(), WriteOutcome::Conflict(_)));
    assert_eq!(backend.marker("session:a").await.unwrap(), None);

    assert!(matches!(backend.remove(Remove::new("session:a")).await.unwrap(), WriteOutcome::Done(())));
    assert_eq!(stored(&backend, "session:a").await, None);
    assert_eq!(backend.marker("session:a").await.unwrap(), Some(Marker::Destroyed));
    let left: u64 = server.ask(&["TTL", "gone:{session:a}"])[0].parse().expect("a time to live");
    assert!((58..=60).contains(&left), "{left}");

    let again = backend.remove(Remove::new("session:a")).await.unwrap();
    assert!(matches!(again, WriteOutcome::Gone(Some(Marker::Destroyed))), "{again:?}");
    assert!(matches!(backend.remove(Remove::new("session:never")).await.unwrap(), WriteOutcome::Gone(None)));
}

#[tokio::test]
async fn a_session_moves_to_its_new_key_in_one_step() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    let value = map(r#"{"a":1,"user":"ann"}"#);
    server.forget_calls();
    let outcome = backend.rotate(rotation(&value, &version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Done(_)));
    assert_eq!(server.calls().get("eval"), Some(&1), "the server did not know the script yet");

    assert_eq!(stored(&backend, "session:a").await, None);
    assert_eq!(stored(&backend, "session:b").await, Some(value.as_json().into_owned()));
    let marker = backend.marker("session:a").await.unwrap();
    assert_eq!(marker, Some(Marker::Renewed { successor: "session:b".into() }));
    assert!(matches!(backend.rotate(rotation(&value, &version)).await.unwrap(), WriteOutcome::Gone(_)));
    assert!(matches!(
        backend.remove(Remove::new("session:a")).await.unwrap(),
        WriteOutcome::Gone(Some(Marker::Renewed { successor })) if &*successor == "session:b"
    ));
}

#[tokio::test]
async fn a_session_that_another_program_changed_is_not_moved() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a":2}"#]);
    let outcome = backend.rotate(rotation(&map("{}"), &version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Conflict(Some(current)) if current.session.as_json() == r#"{"a":2}"#));
    assert_eq!(stored(&backend, "session:b").await, None);
    assert_eq!(backend.marker("session:a").await.unwrap(), None);
}

#[tokio::test]
async fn a_touch_renews_the_expiry_of_a_stored_session() {
    let (server, backend) = start();
    create(&backend, "session:a", "{}").await;
    assert!(backend.touch(Touch::new("session:a", Duration::from_secs(99))).await.unwrap());
    assert_eq!(server.ask(&["TTL", "session:a"]), ["99"]);
    assert!(!backend.touch(Touch::new("session:b", HOUR)).await.unwrap());
}

#[tokio::test]
async fn a_removal_takes_unreadable_values_too() {
    let (server, backend) = start();
    server.ask(&["SET", "session:a", "not json"]);
    server.ask(&["HSET", "session:b", "field", "1"]);
    for key in ["session:a", "session:b"] {
        assert!(matches!(backend.remove(Remove::new(key)).await.unwrap(), WriteOutcome::Done(())), "{key}");
        assert_eq!(server.ask(&["EXISTS", key]), ["0"]);
        assert_eq!(backend.marker(key).await.unwrap(), Some(Marker::Destroyed));
    }
}

#[tokio::test]
async fn a_removal_leaves_its_marker_where_no_session_is_stored() {
    let (server, backend) = start();
    let renewed = Marker::Renewed { successor: "session:b".into() };
    let first = backend.remove(Remove::new("session:a").leaving(renewed.clone())).await.unwrap();
    assert!(matches!(first, WriteOutcome::Gone(None)), "{first:?}");
    server.ask(&["EXPIRE", "gone:{session:a}", "10"]);
    let second = backend.remove(Remove::new("session:a")).await.unwrap();
    assert!(matches!(second, WriteOutcome::Gone(Some(found)) if found == renewed), "the first marker stays");
    assert_eq!(server.ask(&["TTL", "gone:{session:a}"]), ["10"]);
    assert_eq!(backend.marker("session:a").await.unwrap(), Some(renewed));

    let version = create(&backend, "session:c", "{}").await;
    backend.remove(Remove::new("session:c")).await.unwrap();
    server.ask(&["DEL", "gone:{session:c}"]);
    let outcome = backend.remove(Remove::new("session:c").at(&version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
    assert_eq!(backend.marker("session:c").await.unwrap(), None, "a removal at a version leaves none");
}

#[tokio::test]
async fn a_key_with_a_marker_is_refused() {
    let (_server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    backend.remove(Remove::new("session:b")).await.unwrap();
    let created = backend.create(Create::new("session:b", &map("{}"), HOUR)).await.unwrap();
    assert!(matches!(created, WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");
    let rotated = backend.rotate(rotation(&map("{}"), &version)).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Gone(Some(Marker::Destroyed))), "{rotated:?}");
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(stored(&backend, "session:b").await, None);
}

#[tokio::test]
async fn a_rotation_to_a_key_in_use_is_refused() {
    let (_server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    create(&backend, "session:b", r#"{"b":1}"#).await;
    let rotated = backend.rotate(rotation(&map("{}"), &version)).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Conflict(None)), "{rotated:?}");
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(stored(&backend, "session:b").await.as_deref(), Some(r#"{"b":1}"#));
    assert_eq!(backend.marker("session:a").await.unwrap(), None);
}

#[tokio::test]
async fn an_unreadable_value_is_corrupt_and_a_long_one_is_not_parsed() {
    let server = Server::start(&[]);
    let backend = RedisBackend::builder().max_value_bytes(64).connect(&server.url()).unwrap();
    server.ask(&["SET", "session:text", "pickle"]);
    server.ask(&["HSET", "session:hash", "a", "1"]);
    server.ask(&["SET", "session:long", &format!("{{{}}}", " ".repeat(64))]);
    let kind = async |key| backend.fetch(key).await.expect_err("it is no session").kind();
    assert_eq!(kind("session:text").await, BackendErrorKind::Corrupt);
    assert_eq!(kind("session:hash").await, BackendErrorKind::Corrupt);
    assert_eq!(kind("session:long").await, BackendErrorKind::TooLarge);

    let long = map(&format!(r#"{{"a":"{}"}}"#, "x".repeat(64)));
    let error = backend.create(Create::new("session:a", &long, HOUR)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::TooLarge, Applied::No));
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("redis: a session of 72 bytes, and `max_value_bytes` is 64"));
    assert_eq!(server.ask(&["EXISTS", "session:a"]), ["0"]);
}

#[tokio::test]
async fn scripts_are_sent_again_after_they_were_flushed() {
    let (server, backend) = start();
    let mut version = create(&backend, "session:a", r#"{"n":0}"#).await;
    for n in 1..=3 {
        server.ask(&["SCRIPT", "FLUSH"]);
        let value = map(&format!(r#"{{"n":{n}}}"#));
        match backend.replace(Replace::new("session:a", &value, HOUR, &version)).await.unwrap() {
            WriteOutcome::Done(next) => version = next,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"n":3}"#));
}

/// JSON after a mark.
pub(crate) struct Marked;

impl SessionCodec for Marked {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Ok([b"marked ", &JsonCodec.encode(session)?[..]].concat())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let json = bytes.strip_prefix(b"marked ");
        JsonCodec.decode(json.ok_or_else(|| BackendError::new(BackendErrorKind::Corrupt, Applied::No))?)
    }
}

#[tokio::test]
async fn sessions_are_stored_as_the_codec_writes_them() {
    let server = Server::start(&[]);
    let backend = RedisBackend::builder().codec(Marked).connect(&server.url()).unwrap();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    assert_eq!(server.ask(&["GET", "session:a"]), [r#"marked {"a":1}"#]);
    let outcome = backend.replace(Replace::new("session:a", &map(r#"{"a":2}"#), HOUR, &version)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Done(_)));
    let WriteOutcome::Conflict(Some(current)) =
        backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await.unwrap()
    else {
        panic!("the version is an old one")
    };
    assert_eq!(current.session.as_json(), r#"{"a":2}"#);
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":2}"#));
    server.ask(&["SET", "session:a", "{}"]);
    assert_eq!(backend.fetch("session:a").await.unwrap_err().kind(), BackendErrorKind::Corrupt);
}
