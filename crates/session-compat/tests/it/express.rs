//! Sessions of Express: its cookies, and the values of connect-redis.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use session_compat::Express;
use session_core::format::{AcceptedFormat, StoredRecord};
use session_core::{
    AtomicBackend, BackendErrorKind, Create, MemoryBackend, Refresh, Replace, SessionCodec, SessionConfig,
    SessionConfigBuilder, SessionManager, SessionMap,
};
use session_testkit::TestClock;

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    tags: Vec<String>,
    cookie_name: Option<String>,
    secrets: Option<Vec<String>>,
    header: Option<String>,
    token: Option<String>,
    sign_matches: Option<bool>,
    session_id: Option<String>,
    recommend: Option<String>,
    #[serde(default)]
    may_reject: bool,
    store_value: Option<String>,
    session: Option<String>,
    secret: Option<String>,
    options: Option<Value>,
    set_cookie: Option<Vec<String>>,
}

const NOW: u64 = 1_700_000_000;

fn of_format(format: &str, count: usize) -> Vec<Vector> {
    let vectors: Vec<Vector> = vectors("express.json");
    let vectors: Vec<_> = vectors.into_iter().filter(|vector| vector.format == format).collect();
    assert_eq!(vectors.len(), count);
    vectors
}

fn manager(secrets: &[String], name: &str, memory: &MemoryBackend) -> SessionManager {
    let builder = SessionConfig::builder(secrets[0].as_str(), name).format(Express::new()).refresh(Refresh::Always);
    let builder = secrets[1..].iter().fold(builder, |builder, secret| builder.verify_key(secret.as_str()));
    SessionManager::new(
        builder.danger_allow_weak_secret(true).backend(memory.clone()).build().expect("the configuration is good"),
    )
}

#[tokio::test]
async fn each_cookie_names_the_session_that_express_found() {
    for vector in of_format("express_session_cookie", 32) {
        let (secrets, name) = (vector.secrets.unwrap(), vector.cookie_name.unwrap());
        let memory = MemoryBackend::new();
        let session = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
        // Two-cookie vectors name a second session, which must not be taken.
        if let Some(id) = &vector.session_id {
            memory.create(Create::new(&format!("sess:{id}"), &session, Duration::from_secs(60))).await.unwrap();
        }
        let header = vector.header.unwrap();
        let cookie = header.split_once(": ").map_or(&*header, |(_, value)| value);
        let handle = manager(&secrets, &name, &memory).open([cookie.as_bytes()]);
        let found = !handle.load().await.unwrap().is_empty();
        assert_eq!(found, vector.recommend.as_deref() == Some("ok"), "{} {:?}", vector.id, vector.tags);
        if vector.sign_matches == Some(true) {
            let set_cookie = handle.commit(200).await.set_cookie.expect("the session is refreshed");
            let token = set_cookie.as_str().split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
            assert_eq!(Some(token), vector.token, "{}", vector.id);
        }
    }
}

#[tokio::test]
async fn the_first_cookie_is_taken_over_without_the_settings_of_express() {
    let secret = "a secret of at least thirty-two bytes";
    let (old, own, hour) = (MemoryBackend::new(), MemoryBackend::new(), Duration::from_secs(3600));
    let handle = manager(&[secret.to_owned()], Express::COOKIE_NAME, &old).open([]);
    handle.load().await.unwrap().insert("user", "ann").unwrap();
    let begun = handle.commit(200).await.set_cookie.unwrap();
    let cookie = begun.as_str().split(';').next().unwrap();
    // The session with settings, as Express has stored it.
    let stored = Express::new().decode(br#"{"cookie":{"originalMaxAge":60000},"user":"ann"}"#).unwrap();
    let key = format!("sess:{}", cookie.trim_start_matches("connect.sid=s%3A").split('.').next().unwrap());
    let version = old.fetch(&key).await.unwrap().unwrap().version;
    old.replace(Replace::new(&key, &stored, hour, &version)).await.unwrap();

    let accepted = AcceptedFormat::new(Express::new(), secret, Express::COOKIE_NAME).backend(old.clone());
    let new = SessionConfig::builder("another secret of thirty-two bytes", "id").backend(own.clone());
    let new = SessionManager::new(new.accept_format(accepted).build().unwrap());
    let junk = "connect.sid=s%3Aa.b";
    let second = new.open([format!("{junk}; {cookie}").as_bytes()]).load().await.unwrap();
    assert!(second.is_new() && own.is_empty(), "Express reads the first cookie only");
    let first = new.open([format!("{cookie}; {junk}").as_bytes()]).load().await.unwrap();
    assert_eq!(first.get::<String>("user").unwrap().as_deref(), Some("ann"));
    let taken = own.fetch(&format!("session:{}", first.id().unwrap().as_str())).await.unwrap().unwrap();
    assert_eq!(taken.session.as_json(), r#"{"user":"ann"}"#);
}

/// The attributes of a cookie, in lower case.
fn attributes(cookie: &str) -> BTreeSet<String> {
    cookie.split("; ").skip(1).map(str::to_ascii_lowercase).collect()
}

#[tokio::test]
async fn each_cookie_is_set_as_express_sets_it_but_for_four_attributes() {
    for vector in of_format("express_set_cookie", 4) {
        let (options, [set_cookie]) =
            (vector.options.unwrap(), <[_; 1]>::try_from(vector.set_cookie.unwrap()).unwrap());
        let cookie = &options["cookie"];
        let (pair, _) = set_cookie.split_once("; ").unwrap();
        let name = options["name"].as_str().unwrap_or(Express::COOKIE_NAME);
        let max_age = cookie["maxAge"].as_u64().map(|milliseconds| milliseconds / 1000);
        let partitioned = cookie["partitioned"] == true;
        // Browsers drop such cookies, which Express sends, without `Secure`.
        let secure = partitioned || name.starts_with("__Host-");
        let format = max_age.map_or(Express::new(), |seconds| Express::new().max_age(Duration::from_secs(seconds)));
        let memory = MemoryBackend::new();
        let builder = SessionConfig::builder(vector.secret.unwrap(), name).format(format).backend(memory.clone());
        let builder = builder.danger_allow_weak_secret(true).https_only(secure).partitioned(partitioned);
        let builder = builder.danger_allow_script_access(cookie["httpOnly"] == false);
        let builder = builder.same_site(cookie["sameSite"].as_str().unwrap_or("lax").parse().unwrap());
        let builder = cookie["domain"].as_str().into_iter().fold(builder, SessionConfigBuilder::domain);
        let session = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
        let key = format!("sess:{}", "x".repeat(32));
        memory.create(Create::new(&key, &session, Duration::from_secs(60))).await.unwrap();

        let handle = SessionManager::new(builder.build().unwrap()).open([pair.as_bytes()]);
        handle.load().await.unwrap().insert("n", 1).unwrap();
        let ours = handle.commit(200).await.set_cookie.unwrap();
        assert_eq!(ours.as_str().split("; ").next(), Some(pair), "{}", vector.id);
        let mut expected = attributes(&set_cookie);
        expected.retain(|attribute| !attribute.starts_with("expires=") && !attribute.starts_with("priority="));
        expected.extend(max_age.map(|seconds| format!("max-age={seconds}")));
        if cookie["sameSite"].is_null() {
            expected.insert("samesite=lax".to_owned());
        }
        if secure {
            expected.insert("secure".to_owned());
        }
        assert_eq!(attributes(ours.as_str()), expected, "{}", vector.id);
    }
}

/// The session of a stored value, as handlers see it.
fn visible(session: &SessionMap) -> Value {
    let mut value: Value = serde_json::from_str(&session.as_json()).expect("it is JSON");
    value.as_object_mut().expect("it is an object").remove("__session");
    value
}

#[test]
fn each_stored_value_is_the_session_that_express_read() {
    let mut read = 0;
    for vector in of_format("connect_redis", 28) {
        let Some(stored) = &vector.store_value else { continue };
        let decoded = Express::new().decode(stored.as_bytes());
        if vector.recommend.as_deref() == Some("empty") {
            let empty = decoded
                .map_or_else(|error| error.kind() == BackendErrorKind::Corrupt, |map| visible(&map) == json!({}));
            assert!(empty, "{}", vector.id);
            continue;
        }
        let session = decoded.unwrap_or_else(|error| panic!("{}: {error}", vector.id));
        let seen = visible(&session);
        if let Some(expected) = vector.session.as_ref().filter(|_| !vector.may_reject) {
            let expected: Value = serde_json::from_str(expected).unwrap();
            // Express drops names of its session object, which are data here.
            for (key, value) in expected.as_object().unwrap() {
                assert_eq!(&seen[key], value, "{} {:?}", vector.id, vector.tags);
            }
            if !vector.tags.iter().any(|tag| tag == "reserved-keys") {
                assert_eq!(seen, expected, "{}", vector.id);
            }
        }
        let back: Value = serde_json::from_slice(&Express::new().encode(&session).unwrap()).unwrap();
        let mut before: Value = serde_json::from_str(stored).unwrap();
        assert!(back["cookie"].is_object(), "Express answers 500 without it");
        if before["cookie"].is_object() && before["cookie"]["originalMaxAge"].is_null() {
            assert_eq!(back, before, "{}", vector.id);
        } else if before["cookie"].is_object() {
            before["cookie"]["expires"] = back["cookie"]["expires"].clone();
            assert_eq!(back, before, "{}", vector.id);
        }
        read += 1;
    }
    assert_eq!(read, 20);
}

fn stored(express: &Express, session: &str) -> String {
    let session = SessionMap::from_json(session).expect("tests write JSON");
    String::from_utf8(express.encode(&session).expect("Express holds it")).expect("it is text")
}

#[test]
fn a_session_that_begins_in_rust_has_the_cookie_object_that_express_needs() {
    let null = r#""cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;
    assert_eq!(stored(&Express::new(), "{}"), format!("{{{null}}}"));
    assert_eq!(stored(&Express::new(), r#" {"user": "ann"}"#), format!(r#"{{{null},"user": "ann"}}"#));
    let express = Express::new().max_age(Duration::from_secs(60)).clock(TestClock::at(NOW));
    assert_eq!(
        stored(&express, r#"{"user":"ann"}"#),
        r#"{"cookie":{"originalMaxAge":60000,"expires":"2023-11-14T22:14:20.000Z","httpOnly":true,"path":"/"},"user":"ann"}"#
    );
}

#[test]
fn settings_and_values_go_back_as_they_came() {
    let express = Express::new().clock(TestClock::at(NOW));
    let stored = r#"{"cookie":{"originalMaxAge":60500.0,"expires":"2020-01-01T00:00:00.000Z","secure":true,"x": 1e400},"n":123456789012345678901234567890,"text":"\u00e9"}"#;
    let session = express.decode(stored.as_bytes());
    let back = String::from_utf8(express.encode(&session.unwrap()).unwrap()).unwrap();
    assert_eq!(back, stored.replace("2020-01-01T00:00:00.000Z", "2023-11-14T22:14:21.000Z"));
}

#[test]
fn a_handler_can_not_replace_the_cookie_object() {
    let session = SessionMap::from_json(r#"{"cookie":"chocolate"}"#).unwrap();
    assert!(Express::new().encode(&session).is_err());
}

#[test]
fn the_lifetime_of_the_cookie_is_that_of_the_session() {
    let express = Express::new().clock(TestClock::at(NOW));
    let lifetime = |cookie: &str| {
        let mut session =
            express.decode(format!(r#"{{"cookie":{cookie},"a":1}}"#).as_bytes()).expect("it is a session");
        let record = StoredRecord::detach(&mut session);
        (record.max_age, record.browser)
    };
    assert_eq!(lifetime(r#"{"originalMaxAge":90001}"#), (Some(91), false));
    for of_browser in ["{}", r#"{"originalMaxAge":null}"#, r#"{"originalMaxAge":false}"#, r#"{"originalMaxAge":-5}"#] {
        assert_eq!(lifetime(of_browser), (None, true), "{of_browser}");
    }
}

#[test]
fn a_lifetime_that_rust_has_set_is_that_of_the_cookie() {
    let express = Express::new().clock(TestClock::at(NOW));
    let mut session = express.decode(br#"{"cookie":{"originalMaxAge":null,"expires":null},"a":1}"#).unwrap();
    let mut record = StoredRecord::detach(&mut session);
    (record.max_age, record.browser) = (Some(60), false);
    record.attach(&mut session).unwrap();
    let stored = String::from_utf8(express.encode(&session).unwrap()).unwrap();
    assert_eq!(stored, r#"{"cookie":{"originalMaxAge":60000,"expires":"2023-11-14T22:14:20.000Z"},"a":1}"#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_at_random_are_refused_or_read(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            r#"\{"cookie":(\{("originalMaxAge":(null|-?[0-9]{1,20}|true|"x"))?\}|null|1),"a":[0-9]\}"#.prop_map(String::into_bytes),
        ],
    ) {
        if let Ok(session) = Express::new().decode(&bytes)
            && let Ok(back) = Express::new().encode(&session)
        {
            prop_assert!(serde_json::from_slice::<Value>(&back).expect("it is JSON")["cookie"].is_object());
        }
    }

    #[test]
    fn cookies_at_random_name_no_session(text in "(s:|s%3A)?[ -~]{0,80}") {
        let memory = MemoryBackend::new();
        let secrets = ["a secret".to_owned()];
        let header = format!("connect.sid={text}");
        let handle = manager(&secrets, "connect.sid", &memory).open([header.as_bytes()]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        prop_assert!(runtime.block_on(handle.load()).expect("memory answers").is_new());
    }
}
