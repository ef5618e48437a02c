//! Stored items: flags, expiry, sizes, and the values of other writers.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, ConfigError, Create, Marker, Remove, Replace, SessionCodec,
    SessionConfig, SessionManager, SessionMap, Touch, WriteOutcome,
};
use session_memcache::MemcacheBackend;
use session_test_support::Neighbour;
use session_testkit::TestClock;

use crate::support::{LONG, PlainCalls, SECRET, Server, backend, map, patient, version};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns a key's flags, remaining seconds and value.
fn item(server: &Server, key: &str) -> (String, u64, String) {
    let answer = server.ask(&format!("mg {key} f t v"));
    let mut lines = answer.lines();
    let head: Vec<&str> = lines.next().expect("there is an answer").split(' ').collect();
    let flag = |name: char| head.iter().find_map(|word| word.strip_prefix(name)).expect("it was asked for").to_owned();
    (flag('f'), flag('t').parse().expect("a number"), lines.next().unwrap_or_default().to_owned())
}

fn value_of(bytes: usize) -> SessionMap {
    map(&format!(r#"{{"v":"{}"}}"#, "x".repeat(bytes - 8)))
}

#[tokio::test]
async fn sessions_are_json_with_the_flags_that_python_expects() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map(r#"{"data": "something"}"#), LONG).await.unwrap();
    let (flags, _, value) = item(&server, "key");
    assert_eq!((&*flags, &*value), ("2", r#"{"data": "something"}"#));
}

/// Values that starlette-session 0.4.3 wrote with pymemcache.
const BY_STARLETTE: [&str; 2] = [
    r#"{"data": "acyh"}"#,
    r#"{"vakrux": -4208087607307261, "tbbsexd": [-454633.871, "\u2028", false, 12], "xrcza": "toxxze"}"#,
];

#[tokio::test]
async fn values_of_starlette_session_are_read_and_go_back_as_they_came() {
    let server = Server::start();
    let backend = backend(&server);
    for written in BY_STARLETTE {
        assert!(server.ask(&format!("set key 2 60 {}\r\n{written}", written.len())).starts_with("STORED"));
        let found = backend.fetch("key").await.unwrap().expect("it is a session");
        assert_eq!(found.session, map(written));
        let mut changed = found.session;
        changed.insert("seen", true).unwrap();
        version(backend.replace(Replace::new("key", &changed, LONG, &found.version)).await.unwrap());
        let (flags, _, value) = item(&server, "key");
        assert_eq!((&*flags, value), ("2", format!(r#"{},"seen":true}}"#, written.trim_end_matches('}'))));
    }
}

#[tokio::test]
async fn items_expire_after_their_ttl_also_beyond_30_days() {
    let server = Server::start();
    let backend = backend(&server);
    for days in [1, 29, 30, 31, 400] {
        for way in ["set", "touch"] {
            if way == "set" {
                backend.set("key", &map("{}"), DAY * days).await.unwrap();
            } else {
                backend.set("key", &map("{}"), LONG).await.unwrap();
                assert!(backend.touch(Touch::new("key", DAY * days)).await.unwrap());
            }
            let (_, left, _) = item(&server, "key");
            let asked = u64::from(days) * 86_400;
            assert!((asked - 5..=asked + 2).contains(&left), "{way} for {days} days: {left} seconds");
        }
    }
}

#[tokio::test]
async fn the_clock_of_the_backend_makes_the_dates() {
    let server = Server::start();
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
    let backend = patient(&[&server]).clock(TestClock::at(now + 1000)).build().unwrap();
    backend.set("date", &map("{}"), DAY * 31).await.unwrap();
    backend.set("relative", &map("{}"), DAY).await.unwrap();
    assert!((31 * 86_400 + 990..=31 * 86_400 + 1002).contains(&item(&server, "date").1));
    assert!(item(&server, "relative").1 <= 86_401);
}

#[tokio::test]
async fn tombstones_live_for_a_minute_and_are_zero_to_others() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map(r#"{"secret":1}"#), DAY).await.unwrap();
    backend.delete("key").await.unwrap();
    // Neither a read nor a touch extends its life.
    for _ in 0..2 {
        let (flags, left, value) = item(&server, "key");
        assert_eq!(flags, "2");
        assert!((58..=61).contains(&left), "{left}");
        assert_eq!(value.parse::<f64>(), Ok(0.0), "{value}");
        assert_eq!(backend.get("key").await.unwrap(), None);
        assert!(!backend.touch(Touch::new("key", DAY)).await.unwrap());
    }
    assert_eq!(backend.marker("key").await.unwrap(), Some(Marker::Destroyed));
}

#[tokio::test]
async fn a_session_that_is_too_large_is_refused_before_the_old_one_is_lost() {
    let server = Server::start();
    let backend = backend(&server);
    let largest = 1024 * 1024 - 1024;
    let mut at = version(backend.create(Create::new("key", &map(r#"{"old":1}"#), LONG)).await.unwrap());
    let too_large = value_of(largest + 1);
    for error in [
        backend.set("key", &too_large, LONG).await.unwrap_err(),
        backend.replace(Replace::new("key", &too_large, LONG, &at)).await.map(drop).unwrap_err(),
        backend.create(Create::new("abc", &too_large, LONG)).await.map(drop).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::TooLarge, Applied::No));
    }
    assert_eq!(backend.get("key").await.unwrap(), Some(map(r#"{"old":1}"#)));
    at = version(backend.replace(Replace::new("key", &value_of(largest), LONG, &at)).await.unwrap());
    assert_eq!(backend.fetch("key").await.unwrap().map(|stored| stored.version), Some(at));
}

#[tokio::test]
async fn a_server_that_takes_less_than_was_configured_is_a_typed_error() {
    let server = Server::with(&["-I", "512k"]);
    let strict = backend(&server);
    let error = strict.set("key", &value_of(600 * 1024), LONG).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::TooLarge, Applied::No));
    let told = patient(&[&server]).max_value_bytes(511 * 1024).build().unwrap();
    // The longest possible key, because the key counts.
    let key = "k".repeat(250);
    told.set(&key, &value_of(511 * 1024), LONG).await.unwrap();
    let error = told.set(&key, &value_of(511 * 1024 + 1), LONG).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::TooLarge);
    assert!(told.get(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn values_that_are_larger_than_configured_are_not_looked_into() {
    let server = Server::start();
    backend(&server).set("key", &value_of(5000), LONG).await.unwrap();
    let small = patient(&[&server]).max_value_bytes(4096).build().unwrap();
    let error = small.get("key").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::TooLarge);
}

#[tokio::test]
async fn a_value_in_another_format_is_an_error_and_can_be_destroyed() {
    let server = Server::start();
    let backend = backend(&server);
    for (flags, value) in
        [(0, r#"{"a":1}"#), (1, "text"), (2, "[1]"), (2, "null"), (2, ""), (2, "0e1"), (2, "\u{80}\u{4}")]
    {
        let length = value.len();
        assert!(server.ask(&format!("set key {flags} 60 {length}\r\n{value}")).starts_with("STORED"));
        let error = backend.fetch("key").await.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Corrupt, "{value:?}");
        assert_eq!(backend.marker("key").await.unwrap(), None);
        assert!(matches!(backend.remove(Remove::new("key")).await.unwrap(), WriteOutcome::Done(())));
        assert_eq!(backend.get("key").await.unwrap(), None);
    }
}

struct Reversed;

impl SessionCodec for Reversed {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Ok(session.as_json().bytes().rev().collect())
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        Ok(SessionMap::from_slice(&bytes.iter().rev().copied().collect::<Vec<_>>())?)
    }
}

#[tokio::test]
async fn a_codec_brings_its_own_flags() {
    let server = Server::start();
    let reversed = patient(&[&server]).codec(Reversed).client_flags(77).build().unwrap();
    reversed.set("key", &map(r#"{"a":1}"#), LONG).await.unwrap();
    let (flags, _, value) = item(&server, "key");
    assert_eq!((&*flags, &*value), ("77", r#"}1:"a"{"#));
    assert_eq!(reversed.get("key").await.unwrap(), Some(map(r#"{"a":1}"#)));
    assert_eq!(backend(&server).get("key").await.unwrap_err().kind(), BackendErrorKind::Corrupt);
    reversed.delete("key").await.unwrap();
    assert_eq!(backend(&server).marker("key").await.unwrap(), Some(Marker::Destroyed), "markers are understood by all");
}

/// Values and flags of their own.
struct Flagged;

impl SessionCodec for Flagged {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Reversed.encode(session)
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        Reversed.decode(bytes)
    }

    fn client_flags(&self) -> u32 {
        5
    }
}

#[tokio::test]
async fn a_format_alone_sets_keys_values_and_flags() {
    let server = Server::start();
    let config = |backend| SessionConfig::builder(SECRET, "id").format(Neighbour::new(Flagged)).backend(backend);
    let told = patient(&[&server]).client_flags(77).build().unwrap();
    for (backend, flags) in [(backend(&server), "5"), (told, "77")] {
        let session = SessionManager::new(config(backend).build().unwrap()).open([]).load().await.unwrap();
        session.insert("a", 1).unwrap();
        session.save().await.unwrap();
        let key = format!("neighbour:{}", session.id().unwrap().as_str());
        let (found, _, value) = item(&server, &key);
        assert_eq!((&*found, &*value), (flags, r#"}1:"a"{"#));
    }
    let small = patient(&[&server]).max_value_bytes(4).build().unwrap();
    let with_codec = small.with_codec(Arc::new(Flagged)).expect("it has none");
    assert_eq!(with_codec.call_timeout(), small.call_timeout());
    let error = with_codec.create(Create::new("key", &map(r#"{"a":1}"#), LONG)).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::TooLarge, "the limits of the backend hold");
    let with_codec = patient(&[&server]).codec(Reversed).build().unwrap();
    assert_eq!(config(with_codec).build().err(), Some(ConfigError::CodecAlreadySet { format: "neighbour" }));
}

#[tokio::test]
async fn a_server_that_keeps_no_versions_is_refused_and_not_trusted() {
    let server = Server::with(&["-C"]);
    assert!(server.ask("set key 2 60 2\r\n{}").starts_with("STORED"));
    let backend = MemcacheBackend::new([server.address()]).unwrap();
    for error in [
        backend.fetch("key").await.unwrap_err(),
        backend.create(Create::new("new", &map("{}"), LONG)).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), BackendErrorKind::Refused);
        assert!(error.source().is_some_and(|source| source.to_string().contains("memcached -C")));
    }
}

#[tokio::test]
async fn a_server_without_memory_refuses_and_says_so() {
    let server = Server::with(&["-M", "-m", "2"]);
    let backend = backend(&server);
    let value = value_of(200 * 1024);
    let mut outcomes = Vec::new();
    for number in 0..40 {
        outcomes.push(
            backend.set(&format!("key{number}"), &value, LONG).await.map_err(|error| (error.kind(), error.applied())),
        );
    }
    assert!(outcomes.contains(&Ok(())));
    assert!(outcomes.contains(&Err((BackendErrorKind::Refused, Applied::No))));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err((BackendErrorKind::Refused, Applied::No)))));
}
