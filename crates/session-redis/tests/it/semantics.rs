//! What the operations promise, one by one.

use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, JsonCodec, Marker, Removed,
    Replaced, Rotation, SessionCodec, SessionMap, Version,
};
use session_redis::RedisBackend;

use crate::support::{HOUR, Server, atomic, create, map, stored};

fn start() -> (Server, RedisBackend) {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).expect("the url is good");
    (server, backend)
}

fn rotation<'a>(value: &'a SessionMap, version: &'a Version) -> Rotation<'a> {
    Rotation { old: "session:a", new: "session:b", value, exp: HOUR, version }
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
async fn a_session_is_created_only_where_there_is_none() {
    let (_server, backend) = start();
    create(&backend, "session:a", r#"{"a":1}"#).await;
    let again = atomic(&backend).create("session:a", &map("{}"), HOUR).await.unwrap();
    assert!(matches!(again, Created::Exists));
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":1}"#));
}

#[tokio::test]
async fn a_session_is_replaced_at_its_version_only_and_a_conflict_brings_what_is_there() {
    let (server, backend) = start();
    let first = create(&backend, "session:a", r#"{"a":1}"#).await;
    assert!(atomic(&backend).fetch("session:a").await.unwrap().is_some_and(|stored| stored.version == first));

    let Replaced::Replaced(second) = backend.replace("session:a", &map(r#"{"a":2}"#), HOUR, &first).await.unwrap()
    else {
        panic!("nobody else wrote")
    };
    server.ask(&["EXPIRE", "session:a", "10"]);
    let Replaced::Conflict(current) = backend.replace("session:a", &map(r#"{"a":3}"#), HOUR, &first).await.unwrap()
    else {
        panic!("the version is an old one")
    };
    assert_eq!((current.map.to_json().as_str(), &current.version), (r#"{"a":2}"#, &second));
    assert_eq!(server.ask(&["TTL", "session:a"]), ["10"], "a conflict changes nothing");

    assert!(matches!(backend.remove("session:a", None).await.unwrap(), Removed::Removed));
    assert!(matches!(backend.replace("session:a", &map("{}"), HOUR, &second).await.unwrap(), Replaced::Gone));
}

#[tokio::test]
async fn what_another_program_writes_is_a_conflict_too() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a": 1}"#]);
    let Replaced::Conflict(current) = backend.replace("session:a", &map("{}"), HOUR, &version).await.unwrap() else {
        panic!("the bytes are others")
    };
    assert!(matches!(
        backend.replace("session:a", &map("{}"), HOUR, &current.version).await.unwrap(),
        Replaced::Replaced(_)
    ));
}

#[tokio::test]
async fn a_removed_session_leaves_a_marker_for_a_minute() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a":2}"#]);
    assert!(matches!(backend.remove("session:a", Some(&version)).await.unwrap(), Removed::Conflict(_)));
    assert_eq!(atomic(&backend).marker("session:a").await.unwrap(), None);

    assert!(matches!(backend.remove("session:a", None).await.unwrap(), Removed::Removed));
    assert_eq!(stored(&backend, "session:a").await, None);
    assert_eq!(atomic(&backend).marker("session:a").await.unwrap(), Some(Marker::Destroyed));
    let left: u64 = server.ask(&["TTL", "gone:{session:a}"])[0].parse().expect("a time to live");
    assert!((58..=60).contains(&left), "{left}");

    let again = backend.remove("session:a", None).await.unwrap();
    assert!(matches!(again, Removed::Gone(Some(Marker::Destroyed))), "{again:?}");
    assert!(matches!(backend.remove("session:never", None).await.unwrap(), Removed::Gone(None)));
}

#[tokio::test]
async fn a_session_moves_to_its_new_key_in_one_step() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    let value = map(r#"{"a":1,"user":"ann"}"#);
    server.forget_calls();
    let outcome = backend.rotate(rotation(&value, &version)).await.unwrap();
    assert!(matches!(outcome, Replaced::Replaced(_)));
    assert_eq!(server.calls().get("eval"), Some(&1), "the server did not know the script yet");

    assert_eq!(stored(&backend, "session:a").await, None);
    assert_eq!(stored(&backend, "session:b").await, Some(value.to_json()));
    let marker = atomic(&backend).marker("session:a").await.unwrap();
    assert_eq!(marker, Some(Marker::Renewed { successor: "session:b".into() }));
    assert!(matches!(backend.rotate(rotation(&value, &version)).await.unwrap(), Replaced::Gone));
    assert!(matches!(
        backend.remove("session:a", None).await.unwrap(),
        Removed::Gone(Some(Marker::Renewed { successor })) if &*successor == "session:b"
    ));
}

#[tokio::test]
async fn a_session_that_was_changed_meanwhile_stays_where_it_is() {
    let (server, backend) = start();
    let version = create(&backend, "session:a", r#"{"a":1}"#).await;
    server.ask(&["SET", "session:a", r#"{"a":2}"#]);
    let outcome = backend.rotate(rotation(&map("{}"), &version)).await.unwrap();
    assert!(matches!(outcome, Replaced::Conflict(current) if current.map.to_json() == r#"{"a":2}"#));
    assert_eq!(stored(&backend, "session:b").await, None);
    assert_eq!(atomic(&backend).marker("session:a").await.unwrap(), None);
}

#[tokio::test]
async fn a_touch_renews_the_expiry_of_what_is_there() {
    let (server, backend) = start();
    create(&backend, "session:a", "{}").await;
    assert!(backend.touch("session:a", Duration::from_secs(99)).await.unwrap());
    assert_eq!(server.ask(&["TTL", "session:a"]), ["99"]);
    assert!(!backend.touch("session:b", HOUR).await.unwrap());
}

#[tokio::test]
async fn the_three_plain_methods_work_whatever_is_there() {
    let (server, backend) = start();
    backend.set("session:a", &map(r#"{"a":1}"#), HOUR).await.unwrap();
    backend.set("session:a", &map(r#"{"a":2}"#), Duration::from_secs(50)).await.unwrap();
    assert_eq!(server.ask(&["TTL", "session:a"]), ["50"]);
    assert_eq!(backend.get("session:a").await.unwrap().map(|map| map.to_json()).as_deref(), Some(r#"{"a":2}"#));

    server.ask(&["SET", "session:a", "not json"]);
    backend.set("session:a", &map(r#"{"a":3}"#), HOUR).await.unwrap();
    backend.delete("session:a").await.unwrap();
    backend.delete("session:a").await.unwrap();
    assert_eq!(backend.get("session:a").await.unwrap(), None);
}

#[tokio::test]
async fn a_value_that_is_no_session_is_corrupt_and_one_that_is_too_long_is_not_parsed() {
    let server = Server::start(&[]);
    let backend = RedisBackend::builder().max_value_bytes(64).connect(&server.url()).unwrap();
    server.ask(&["SET", "session:text", "pickle"]);
    server.ask(&["HSET", "session:hash", "a", "1"]);
    server.ask(&["SET", "session:long", &format!("{{{}}}", " ".repeat(64))]);
    let kind = async |key| backend.get(key).await.expect_err("it is no session").kind();
    assert_eq!(kind("session:text").await, BackendErrorKind::Corrupt);
    assert_eq!(kind("session:hash").await, BackendErrorKind::Corrupt);
    assert_eq!(kind("session:long").await, BackendErrorKind::TooLarge);

    let long = map(&format!(r#"{{"a":"{}"}}"#, "x".repeat(64)));
    let error = atomic(&backend).create("session:a", &long, HOUR).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::TooLarge, Applied::No));
    assert_eq!(server.ask(&["EXISTS", "session:a"]), ["0"]);
}

#[tokio::test]
async fn scripts_come_back_after_they_were_flushed() {
    let (server, backend) = start();
    let mut version = create(&backend, "session:a", r#"{"n":0}"#).await;
    for n in 1..=3 {
        server.ask(&["SCRIPT", "FLUSH"]);
        let value = map(&format!(r#"{{"n":{n}}}"#));
        match backend.replace("session:a", &value, HOUR, &version).await.unwrap() {
            Replaced::Replaced(next) => version = next,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"n":3}"#));
}

/// JSON behind a mark of its own.
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
    let outcome = backend.replace("session:a", &map(r#"{"a":2}"#), HOUR, &version).await.unwrap();
    assert!(matches!(outcome, Replaced::Replaced(_)));
    let Replaced::Conflict(current) = backend.replace("session:a", &map("{}"), HOUR, &version).await.unwrap() else {
        panic!("the version is an old one")
    };
    assert_eq!(current.map.to_json(), r#"{"a":2}"#);
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"a":2}"#));
    server.ask(&["SET", "session:a", "{}"]);
    assert_eq!(backend.get("session:a").await.unwrap_err().kind(), BackendErrorKind::Corrupt);
}
