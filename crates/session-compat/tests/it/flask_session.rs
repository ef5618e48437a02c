//! Values and cookies of Flask-Session.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use session_compat::FlaskSession;
use session_core::format::StoredRecord;
use session_core::{
    AtomicBackend, BackendErrorKind, Create, MemoryBackend, SessionCodec, SessionConfig, SessionManager, SessionMap,
};

use crate::support::{fastest, hex, python, unhex, vectors};

#[derive(Deserialize)]
struct Vector {
    id: String,
    tags: Vec<String>,
    secret: String,
    store_value_b64: Option<String>,
    token: Option<String>,
    store_key: Option<String>,
    config: Config,
    expected: String,
    recommend: Option<String>,
    session: Option<String>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "SESSION_USE_SIGNER")]
    signer: bool,
    #[serde(default, rename = "SESSION_KEY_PREFIX")]
    prefix: Option<String>,
}

/// The session of a stored value, with the mark of a permanent one as Flask has it.
fn read(bytes: &[u8]) -> Option<Value> {
    let decoded = FlaskSession::new().decode(bytes);
    let mut session = decoded.map_err(|error| assert_eq!(error.kind(), BackendErrorKind::Corrupt)).ok()?;
    session.validate().expect("a session that is read is JSON");
    let record = StoredRecord::detach(&mut session);
    if !record.browser {
        session.insert("_permanent", true).expect("it is JSON");
    }
    Some(serde_json::from_str(&session.as_json()).expect("it is JSON"))
}

#[test]
fn each_stored_value_is_the_session_that_flask_read() {
    let mut values = 0;
    for vector in vectors::<Vector>("flask-session.json") {
        let Vector { id, tags, .. } = &vector;
        let Some(stored) = vector.store_value_b64.as_ref().map(|value| STANDARD.decode(value).unwrap()) else {
            continue;
        };
        let found = read(&stored);
        match vector.recommend.as_deref().unwrap_or(&vector.expected) {
            "reject" | "error" => assert_eq!(found, None, "{id} {tags:?}"),
            "accept" => assert!(found.is_some(), "{id} {tags:?}"),
            _ => {}
        }
        let Some(found) = found else { continue };
        values += 1;
        if vector.expected == "ok"
            && let Some(expected) = &vector.session
        {
            assert_eq!(found, serde_json::from_str::<Value>(expected).unwrap(), "{id} {tags:?}");
        }
        for flask in [FlaskSession::new(), FlaskSession::new().json()] {
            let session = flask.decode(&stored).unwrap();
            let Ok(back) = flask.encode(&session) else { continue };
            assert_eq!(read(&back).unwrap(), found, "{id}: it goes back as it came");
        }
    }
    assert!(values > 15, "{values}");
}

#[tokio::test]
async fn each_cookie_names_the_session_that_flask_found() {
    for vector in vectors::<Vector>("flask-session.json") {
        let Vector { id, tags, .. } = &vector;
        let (Some(token), Some(key)) = (&vector.token, &vector.store_key) else { continue };
        let flask = if vector.config.signer { FlaskSession::new().signed() } else { FlaskSession::new() };
        let memory = MemoryBackend::new();
        let session = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
        memory.create(Create::new(key, &session, Duration::from_secs(60))).await.unwrap();
        let mut builder = SessionConfig::builder(vector.secret.as_str(), "session").format(flask);
        if let Some(prefix) = &vector.config.prefix {
            builder = builder.key_prefix(prefix);
        }
        let config = builder.danger_allow_weak_secret(true).backend(memory).build().unwrap();
        let handle = SessionManager::new(config).open([format!("session={token}").as_bytes()]);
        let found = !handle.load().await.unwrap().is_empty();
        // An id whose form differs from Flask-Session's is refused here.
        let named = key.ends_with(token.split('.').next().unwrap()) && !tags.iter().any(|tag| tag == "short-id");
        let refused = ["unsigned-when-signer", "signed-other-secret", "signed-tampered", "signed-cookie-when-unsigned"];
        let expected = named && !tags.iter().any(|tag| refused.contains(&&**tag));
        assert_eq!(found, expected, "{id} {tags:?}");
    }
}

#[test]
fn python_reads_what_is_written_and_the_other_way_round() {
    let program = "
import json, msgspec, sys
for line in sys.stdin:
    print(json.dumps(msgspec.msgpack.decode(bytes.fromhex(line))))
";
    let sessions = [
        r#"{"_permanent": true, "n": [0, -1, -32, -33, 127, 128, 255, 65536, 4294967296, -9223372036854775808, 18446744073709551615]}"#,
        r#"{"_permanent": true, "f": [0.5, 1e+300, -0.0], "b": [true, false, null], "e": [{}, []]}"#,
    ]
    .map(str::to_owned);
    let written: Vec<String> = sessions.iter().map(|json| hex(&write(json))).collect();
    assert_eq!(python(program, &written), sessions);
    let long = format!(r#"{{"t": "{}", "u": "{}", "v": "{}"}}"#, "x".repeat(31), "é".repeat(100), "y".repeat(70_000));
    let back = python(program, &[hex(&write(&long))]).remove(0);
    assert!(back.contains(&"y".repeat(70_000)) && back.contains(&"\\u00e9".repeat(100)));
    let program = program.replace(
        "json.dumps(msgspec.msgpack.decode(bytes.fromhex(line)))",
        "msgspec.msgpack.encode(json.loads(line)).hex()",
    );
    for (json, packed) in sessions.iter().zip(python(&program, &sessions)) {
        assert_eq!(read(&unhex(&packed)).unwrap(), serde_json::from_str::<Value>(json).unwrap());
    }
}

fn write(json: &str) -> Vec<u8> {
    let mut session = SessionMap::from_json(json).expect("tests write JSON");
    session.remove("_permanent");
    FlaskSession::new().encode(&session).expect("msgpack holds it")
}

#[test]
fn an_integer_beyond_64_bits_is_an_error_of_msgpack_alone() {
    let session = SessionMap::from_json(r#"{"n":18446744073709551616}"#).unwrap();
    assert!(FlaskSession::new().encode(&session).is_err());
    let json = FlaskSession::new().json().encode(&session).unwrap();
    assert_eq!(String::from_utf8(json).unwrap(), r#"{"_permanent":true,"n":18446744073709551616}"#);
}

#[test]
fn values_that_json_can_not_carry_are_refused_by_their_type() {
    for (hex, name) in [
        ("81a16bc40162", "bytes"),
        ("81a16bd6ff00000000", "datetime"),
        ("81a16bcb7ff8000000000000", "NaN"),
        ("810102", "keys other than str"),
        ("80049595", "bytes after the end"),
        ("81a16bdd7fffffff", "end of the data"),
        ("81a16bdbffffffff", "end of the data"),
        ("93", "other data than a map"),
        (&format!("81a16b{}c0", "91".repeat(30_000)), "128 levels"),
    ] {
        let error = FlaskSession::new().decode(&unhex(hex)).unwrap_err();
        let source = std::error::Error::source(&error).expect("the source tells why").to_string();
        assert!(source.contains(name), "{name}: {source}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_at_random_are_refused_or_read(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"\x81\x82\xa1k\xdc\x00\x02\xdf\x91\xc0"[..])], 0..60),
    ) {
        read(&[&b"\x82"[..], &bytes].concat());
    }
}

#[test]
fn nested_lists_are_refused_within_a_millisecond() {
    let nested = [&b"\x81\xa1d"[..], &b"\x91".repeat(30_000), b"\xc0"].concat();
    let time = fastest(|| {
        let error = FlaskSession::new().decode(&nested).expect_err("it is nested too deeply");
        assert_eq!(error.kind(), BackendErrorKind::Corrupt);
    });
    assert!(time < Duration::from_millis(1), "{time:?}");
}
