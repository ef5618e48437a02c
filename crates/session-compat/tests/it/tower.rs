//! Cookies and records of tower-sessions.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use session_compat::TowerSessions;
use session_core::{
    AtomicBackend, BackendErrorKind, Create, MemoryBackend, Refresh, SessionCodec, SessionConfig, SessionManager,
    SessionMap,
};
use session_testkit::TestClock;

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    tags: Vec<String>,
    mode: Option<String>,
    cookie_name: Option<String>,
    key_b64: Option<String>,
    master_key_b64: Option<String>,
    session_id: Option<String>,
    token: Option<String>,
    header: Option<String>,
    store_key: Option<String>,
    store_value_b64: Option<String>,
    session: Option<String>,
    #[serde(default)]
    sign_matches: bool,
    expected: String,
    recommend: Option<String>,
    expiretime: Option<i64>,
}

fn of_format(format: &str, count: usize) -> Vec<Vector> {
    let vectors: Vec<Vector> = vectors("tower-sessions.json");
    let vectors: Vec<_> = vectors.into_iter().filter(|vector| vector.format == format).collect();
    assert_eq!(vectors.len(), count);
    vectors
}

/// Returns the session of a header, if it is found where the store has one under this id, and the token that follows it.
async fn visit(vector: &Vector, session_id: &str, header: &str) -> (bool, Option<String>) {
    let memory = MemoryBackend::new();
    let session = SessionMap::from_json(r#"{"user":"ann"}"#).expect("it is JSON");
    memory.create(Create::new(session_id, &session, Duration::from_secs(60))).await.expect("it answers");
    let format = match vector.mode.as_deref() {
        Some("signed") => TowerSessions::new().signed(),
        Some("private") => TowerSessions::new().private(),
        _ => TowerSessions::new(),
    };
    let key = vector.key_b64.as_ref().or(vector.master_key_b64.as_ref());
    let key = key
        .map_or(b"a secret of at least thirty-two bytes".to_vec(), |key| STANDARD.decode(key).expect("it is base64"));
    let name = vector.cookie_name.as_deref().unwrap_or(TowerSessions::COOKIE_NAME);
    let config = SessionConfig::builder(key, name).format(format).backend(memory).refresh(Refresh::Always);
    let manager = SessionManager::new(config.build().expect("the configuration is good"));
    let handle = manager.open([header.as_bytes()]);
    let found = !handle.load().await.expect("no cookie is an error").is_new();
    let set_cookie = handle.commit(200).await.set_cookie;
    (found, set_cookie.and_then(|cookie| Some(cookie.as_str().split(';').next()?.split_once('=')?.1.to_owned())))
}

#[tokio::test]
async fn each_id_is_one_to_tower_or_none() {
    for vector in of_format("tower_sessions_id", 12) {
        let token = vector.token.clone().unwrap();
        // Whatever the store has under that text.
        let (found, _) = visit(&vector, &token, &format!("id={token}")).await;
        assert_eq!(found, vector.expected == "ok", "{} {:?}", vector.id, vector.tags);
    }
}

#[tokio::test]
async fn each_cookie_is_the_session_that_tower_read_or_none() {
    for vector in of_format("tower_sessions_cookie", 23) {
        let known = vector.session_id.clone().unwrap_or("QYxxaa7AwWkUyc-jQXx5eg".to_owned());
        let name = vector.cookie_name.as_deref().unwrap_or("id");
        let token = vector.token.clone().unwrap_or_default();
        let header = vector.header.clone().unwrap_or_else(|| format!("{name}={token}"));
        let known = match vector.tags.iter().any(|tag| tag == "made-by-framework") {
            true => token.split('=').nth(1).expect("the id follows the signature").to_owned(),
            false => known,
        };
        let (found, next) = visit(&vector, &known, &header).await;
        let expected = matches!(vector.recommend.as_deref(), Some("ok"));
        assert_eq!(found, expected, "{} {:?}", vector.id, vector.tags);
        if vector.sign_matches {
            // tower-sessions writes it without percent signs.
            assert_eq!(next, Some(token.replace("%3D", "=").replace("%2F", "/")), "{}", vector.id);
        }
    }
}

#[test]
fn each_record_is_the_session_that_tower_read_or_none() {
    let clock = TestClock::at(1_700_000_000);
    let tower = TowerSessions::new().clock(clock.clone());
    for vector in of_format("tower_sessions_redis", 21) {
        let value = STANDARD.decode(vector.store_value_b64.unwrap()).unwrap();
        let key = format!("prefix:{}", vector.store_key.unwrap());
        let read = tower.decode_under(&key, &value);
        let recommend = vector.recommend.unwrap_or(vector.expected);
        // Of two entries of one name, the last is read, as tower-sessions does.
        let reads = matches!(&*recommend, "ok" | "accept") || vector.tags.iter().any(|tag| tag == "dup-keys");
        assert_eq!(read.is_ok(), reads, "{} {:?} {read:?}", vector.id, vector.tags);
        let session = match read {
            Ok(session) => session,
            Err(error) => {
                assert_eq!(error.kind(), BackendErrorKind::Corrupt);
                continue;
            }
        };
        let expected: Value = serde_json::from_str(&vector.session.unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&session.as_json()).unwrap(), expected, "{}", vector.id);
        if let Some(expires) = vector.expiretime {
            // The time is the whole second in the record.
            clock.set(expires as u64 - 1);
            assert!(tower.decode_under(&key, &value).is_ok(), "{}", vector.id);
            clock.set(expires as u64);
            assert!(tower.decode_under(&key, &value).is_err(), "{}", vector.id);
            clock.set(1_700_000_000);
        }
        let back = tower.encode_under(&key, &session, 0).unwrap();
        assert_eq!(tower.decode_under(&key, &back).unwrap(), session, "{}", vector.id);
        clock.set(1_700_000_000 + 14 * 24 * 3600);
        assert!(tower.decode_under(&key, &back).is_err(), "a record ends when it says");
        clock.set(1_700_000_000);
    }
}

#[test]
fn a_record_is_written_under_a_key_with_an_id_only() {
    let tower = TowerSessions::new();
    let session = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
    for key in ["", "short", "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6é", "8McScXSNlCPpXLnDj6rpoB"] {
        assert_eq!(tower.encode_under(key, &session, 0).unwrap_err().kind(), BackendErrorKind::Other, "{key}");
    }
    assert_eq!(tower.encode(&session).unwrap_err().kind(), BackendErrorKind::Other);
    let id = "8McScXSNlCPpXLnDj6rpoA";
    let record = tower.encode_under(id, &session, 0).unwrap();
    assert_eq!(tower.decode_under("AQAAAAAAAAAAAAAAAAAAAA", &record).unwrap_err().kind(), BackendErrorKind::Corrupt);
}
