//! Random sessions, written by one side and read by the other.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use session_tower::session_core::Session;
use session_tower::{SessionManager, SessionMap};

use super::for_random;
use crate::support::{COOKIE, MAX_AGE, NOW, Oracle, SECRET, TestClock, Token, config};

#[test]
fn a_session_that_python_writes_is_the_same_in_rust() {
    let rust = manager();
    for_random(500, &sessions_of_python(), |written| {
        let cookie = Oracle::shared().dump_session(&python(), &written);
        prop_assume!(COOKIE.len() + cookie.len() <= 4096);
        let session = open(&rust, &cookie);
        prop_assert_eq!(session.is_new(), false);
        // Python reads the value that it wrote, and Rust has the same value.
        prop_assert_eq!(Oracle::shared().load_session(&python(), &cookie), Ok(session.to_map().into_json()));
        prop_assert_eq!(session.to_map().into_json(), Token::parse(&cookie).json());
        if let Ok(written) = serde_json::from_str::<Value>(&written) {
            prop_assert_eq!(read(&session), written);
        }
        Ok(())
    });
}

#[test]
fn a_session_that_rust_writes_is_the_same_in_python() {
    let rust = manager();
    for_random(500, &objects(), |written| {
        let handle = rust.open([]);
        let session = block_on(handle.load()).expect("there is no store that could fail");
        for (key, value) in written.as_object().into_iter().flatten() {
            session.insert(key, value).expect("JSON can be written");
        }
        let commit = block_on(handle.commit(200));
        prop_assume!(commit.error.is_none());
        let Some(set_cookie) = commit.set_cookie else {
            prop_assert_eq!(written, json!({}));
            return Ok(());
        };
        let cookie = value_of(set_cookie.as_str());
        let in_python = Oracle::shared().load_session(&python(), cookie).expect("Python reads it");
        prop_assert_eq!(serde_json::from_str::<Value>(&in_python).expect("JSON"), written.clone());
        let back = Oracle::shared().dump_session(&python(), &in_python);
        prop_assert_eq!(read(&open(&rust, &back)), written);
        Ok(())
    });
}

#[test]
fn values_of_python_stay_the_same_after_rust_has_changed_one_key() {
    let rust = manager();
    let inputs = (sessions_of_python(), "[a-e]", values());
    for_random(500, &inputs, |(written, key, value)| {
        let before = Oracle::shared().dump_session(&python(), &written);
        prop_assume!(COOKIE.len() + before.len() <= 4096);
        let handle = rust.open([[COOKIE.as_bytes(), b"=", before.as_bytes()].concat().as_slice()]);
        let session = block_on(handle.load()).expect("there is no store that could fail");
        session.insert(&key, &value).expect("JSON can be written");
        let commit = block_on(handle.commit(200));
        prop_assume!(commit.error.is_none());
        let after = commit.set_cookie.map_or(before.clone(), |header| value_of(header.as_str()).to_owned());

        let in_python = Oracle::shared().load_session(&python(), &after).expect("Python reads it");
        let (before, after) = (map(&Token::parse(&before).json()), map(&in_python));
        for (other, text) in before.iter().filter(|(other, _)| *other != key) {
            prop_assert_eq!(after.raw_json(&other), Some(text));
        }
        prop_assert_eq!(after.get::<Value>(&key), Ok(Some(value)));
        Ok(())
    });
}

/// JSON values that Rust can hold.
pub(super) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has neither", |float| float.is_finite()).prop_map(Value::from),
        (-1000..1000).prop_map(|tenths| Value::from(f64::from(tenths) / 10.0)),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let object = btree_map(texts(), inner.clone(), 0..4).prop_map(|map| json!(map));
        prop_oneof![vec(inner, 0..4).prop_map(Value::from), object]
    })
}

fn objects() -> impl Strategy<Value = Value> {
    btree_map(prop_oneof!["[a-e]", texts()], values(), 0..5).prop_map(|map| json!(map))
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", vec(any::<char>(), 0..6).prop_map(String::from_iter)]
}

/// JSON text, some of which only Python can hold.
fn sessions_of_python() -> impl Strategy<Value = String> {
    let numbers = prop_oneof!["-?[1-9][0-9]{0,70}", "-?[0-9]\\.[0-9]{1,20}(e[+-]?[0-9]{1,3})?"];
    let oddities = prop::sample::select(&["NaN", "Infinity", "-Infinity", r#""\ud800""#, r#""a\udc00b""#][..]);
    let value = prop_oneof![
        6 => values().prop_map(|value| value.to_string()),
        2 => numbers,
        1 => oddities.prop_map(str::to_owned),
    ];
    let entries = btree_map(prop_oneof!["[a-e]", texts()], value, 0..5);
    entries.prop_map(|entries| {
        let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
        format!("{{{}}}", entries.join(","))
    })
}

pub(super) fn manager() -> SessionManager {
    SessionManager::new(config(&TestClock::at(NOW)).build().expect("the configuration is good"))
}

/// The session behind a cookie.
pub(super) fn open(rust: &SessionManager, cookie: &str) -> Session {
    let handle = rust.open([[COOKIE.as_bytes(), b"=", cookie.as_bytes()].concat().as_slice()]);
    block_on(handle.load()).expect("there is no store that could fail")
}

pub(super) fn python() -> Value {
    json!({ "secret": SECRET, "now": NOW, "max_age": MAX_AGE })
}

fn read(session: &Session) -> Value {
    serde_json::from_str(&session.to_map().into_json()).expect("all values are JSON")
}

fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("a session is an object")
}

fn value_of(set_cookie: &str) -> &str {
    let pair = set_cookie.split(';').next().expect("a part at least");
    pair.split_once('=').expect("name and value").1
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}
