//! Compares this crate with the cookies, values and verdicts of Python in `tests/data/itsdangerous.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use session_core::signer::{Digest, Key, KeyDerivation, SignatureError, Signer, TimestampSigner};
use session_core::starlette::BackendType;
use session_core::{MemoryBackend, Refresh, SessionConfig, SessionConfigBuilder, SessionManager, SessionMap};

use crate::support::{at_once, open, pair, put, stopped_at};

const COOKIE: &str = "session";

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
    json_dumps: Vec<JsonDump>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    kind: String,
    secrets_b64: Vec<Bytes>,
    salt: String,
    key_derivation: String,
    digest: String,
    signed_at: Option<u64>,
    now: Option<u64>,
    max_age: Option<u64>,
    value_b64: Option<Bytes>,
    cookie_value_b64: Bytes,
    sign_matches: bool,
    expected: String,
    unsigned_b64: Option<Bytes>,
    session: Option<Value>,
    middleware: Option<String>,
    may_reject: bool,
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct JsonDump {
    json: String,
    python: String,
    python_compact_utf8: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(try_from = "String")]
struct Bytes(Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

fn file() -> File {
    serde_json::from_str(include_str!("../data/itsdangerous.json")).expect("the vectors are JSON")
}

/// Returns all vectors of a kind, and asserts their number.
fn vectors(kind: &str, count: usize) -> Vec<Vector> {
    let vectors: Vec<_> = file().vectors.into_iter().filter(|vector| vector.kind == kind).collect();
    assert_eq!(vectors.len(), count, "{kind}");
    vectors
}

impl Vector {
    fn keys(&self) -> impl DoubleEndedIterator<Item = Key> {
        let derivation = match &*self.key_derivation {
            "django-concat" => KeyDerivation::DjangoConcat,
            "concat" => KeyDerivation::Concat,
            "hmac" => KeyDerivation::Hmac,
            "none" => KeyDerivation::None,
            other => panic!("unknown key derivation {other}"),
        };
        let digest = match &*self.digest {
            "sha1" => Digest::Sha1,
            "sha256" => Digest::Sha256,
            "sha384" => Digest::Sha384,
            "sha512" => Digest::Sha512,
            other => panic!("unknown digest {other}"),
        };
        self.secrets_b64.iter().map(move |secret| Key::new(&*secret.0).derivation(derivation).digest(digest))
    }

    fn signer(&self) -> Signer {
        Signer::with_keys(self.keys(), &self.salt).expect("every vector has a secret")
    }

    fn now(&self) -> u64 {
        self.now.expect("a vector with a timestamp has a time")
    }

    fn value(&self) -> &[u8] {
        &self.value_b64.as_ref().expect("what can be signed again is known").0
    }

    fn header(&self) -> Vec<u8> {
        [COOKIE.as_bytes(), b"=", &self.cookie_value_b64.0].concat()
    }

    /// The configuration of the Starlette middleware that made this answer.
    fn config(&self, max_age: u64) -> SessionConfigBuilder {
        let mut keys = self.keys();
        let signing_key = keys.next_back().expect("every vector has a secret");
        keys.fold(SessionConfig::builder(signing_key, COOKIE), SessionConfigBuilder::verify_key)
            .danger_allow_weak_secret(true)
            .salt(&self.salt)
            .max_age(Duration::from_secs(max_age))
            .clock_skew(Duration::ZERO)
            .clock(stopped_at(self.now()))
            .refresh(Refresh::Never)
    }

    /// Compares an outcome with Python's; `lenient` vectors may be refused.
    fn check(&self, outcome: Result<&[u8], SignatureError>) {
        let id = &self.id;
        match (outcome, &*self.expected) {
            (Ok(value), "ok") => assert_eq!(Some(value), self.unsigned_b64.as_ref().map(|bytes| &*bytes.0), "{id}"),
            (Err(SignatureError::BadSignature), "bad_signature")
            | (Err(SignatureError::MissingTimestamp), "missing_timestamp")
            | (Err(SignatureError::MalformedTimestamp), "malformed_timestamp") => {}
            (Err(SignatureError::Expired { age, max_age }), "expired") => {
                assert_eq!(Some(age), self.signed_at.map(|signed_at| self.now() - signed_at), "{id}");
                assert_eq!(Some(max_age), self.max_age, "{id}");
            }
            (Err(SignatureError::FromTheFuture { ahead }), "expired") => {
                assert_eq!(Some(ahead), self.signed_at.map(|signed_at| signed_at - self.now()), "{id}");
            }
            (Err(SignatureError::BadSignature), "ok") if self.may_reject => {}
            (outcome, expected) => panic!("{id}: {outcome:?}, Python says {expected}"),
        }
    }
}

#[test]
fn every_vector_is_of_a_kind_that_is_tested_here_or_known_to_be_out_of_scope() {
    let mut counts = BTreeMap::<String, usize>::new();
    file().vectors.into_iter().for_each(|vector| *counts.entry(vector.kind).or_default() += 1);
    let counts: Vec<_> = counts.iter().map(|(kind, count)| (&**kind, *count)).collect();
    // What Flask signs with `URLSafeTimedSerializer` is another token format.
    let out_of_scope = ("url_safe_timed", 4);
    assert_eq!(counts, [("signer", 4), ("starlette_cookie", 30), ("timestamp_signer", 15), out_of_scope]);
}

#[test]
fn values_are_signed_and_verified_as_by_python() {
    for vector in vectors("signer", 4) {
        let (signer, signed) = (vector.signer(), &vector.cookie_value_b64.0);
        assert!(vector.sign_matches, "{}", vector.id);
        assert_eq!(signer.sign(vector.value()), *signed, "{}", vector.id);
        vector.check(signer.unsign(signed));
    }
}

#[test]
fn values_are_signed_with_the_time_and_verified_as_by_python() {
    let mut signed_again = 0;
    for vector in vectors("timestamp_signer", 15).iter().chain(&vectors("starlette_cookie", 30)) {
        let signer = TimestampSigner::from(vector.signer());
        let token = &vector.cookie_value_b64.0;
        if vector.sign_matches {
            let signed_at = vector.signed_at.expect("what can be signed again has its time");
            assert_eq!(signer.sign(vector.value(), signed_at), *token, "{}", vector.id);
            signed_again += 1;
        }
        let outcome = signer.unsign(token, vector.max_age, vector.now());
        if let (Ok(unsigned), Some(signed_at)) = (outcome, vector.signed_at) {
            assert_eq!(unsigned.timestamp, signed_at, "{}", vector.id);
            assert_eq!(unsigned.by_signing_key, vector.sign_matches, "{}", vector.id);
        }
        vector.check(outcome.map(|unsigned| unsigned.value));
    }
    assert_eq!(signed_again, 31);
}

#[test]
fn a_cookie_of_starlette_is_a_session_exactly_where_python_says_so() {
    let mut outcomes = BTreeMap::<_, usize>::new();
    for vector in vectors("starlette_cookie", 30) {
        let id = &vector.id;
        // The cookies of a session without a maximum age, and of a stored one, have tests of their own.
        let Some(max_age) = vector.max_age.filter(|_| !is_stored(&vector)) else { continue };
        let manager = SessionManager::new(vector.config(max_age).build().expect("the configuration is valid"));
        let (handle, session) = open(&manager, [&*vector.header()]);

        let found = if session.is_new() { "empty" } else { "session" };
        let agreed = vector.middleware.as_deref() == Some(found);
        assert!(agreed || (vector.may_reject && found == "empty"), "{id}: {found}");
        let json: Value = serde_json::from_str(&session.to_map().into_json()).expect("a session is JSON");
        let decoded =
            vector.session.as_ref().filter(|_| found == "session").and_then(|decoded| decoded["json"].as_str());
        let expected: Value = serde_json::from_str(decoded.unwrap_or("{}")).expect("canonical JSON");
        assert_eq!(json, expected, "{id}");

        let commit = at_once(handle.commit(200));
        assert!(commit.set_cookie.is_none() && commit.error.is_none(), "{id}: reading changes nothing, {commit:?}");
        *outcomes.entry((found, vector.may_reject)).or_default() += 1;
    }
    assert_eq!(
        outcomes.into_iter().collect::<Vec<_>>(),
        [(("empty", false), 14), (("empty", true), 2), (("session", false), 12)]
    );
}

#[test]
fn an_untouched_session_goes_back_in_the_very_cookie_that_python_made() {
    let mut issued_again = 0;
    for vector in vectors("starlette_cookie", 30) {
        let Some(max_age) = vector.max_age.filter(|_| !is_stored(&vector)) else { continue };
        if !vector.sign_matches || vector.signed_at != vector.now || vector.middleware.as_deref() != Some("session") {
            continue;
        }
        let config = vector.config(max_age).refresh(Refresh::Always).build().expect("the configuration is valid");
        let manager = SessionManager::new(config);
        let (handle, _) = open(&manager, [&*vector.header()]);
        let set_cookie = at_once(handle.commit(200)).set_cookie.expect("a refresh is due");
        assert_eq!(pair(set_cookie.as_str()).as_bytes(), vector.header(), "{}", vector.id);
        issued_again += 1;
    }
    assert_eq!(issued_again, 11);
}

#[test]
fn a_token_without_a_maximum_age_passes_the_signer_and_is_too_old_for_the_manager() {
    let vectors: Vec<_> =
        vectors("starlette_cookie", 30).into_iter().filter(|vector| vector.max_age.is_none()).collect();
    let [vector] = &*vectors else { panic!("one vector has no maximum age") };
    let signer = TimestampSigner::from(vector.signer());
    vector.check(signer.unsign(&vector.cookie_value_b64.0, None, vector.now()).map(|unsigned| unsigned.value));
    let longest = vector.config(400 * 24 * 3600).build().expect("400 days are allowed");
    let (_, session) = open(&SessionManager::new(longest), [&*vector.header()]);
    assert!(session.is_new() && session.is_empty());
}

/// Returns true if the cookie holds the id of a stored session.
fn is_stored(vector: &Vector) -> bool {
    vector.tags.iter().any(|tag| tag == "server-side-id")
}

#[test]
fn the_cookie_of_a_stored_session_is_no_session_by_itself() {
    let vectors: Vec<_> = vectors("starlette_cookie", 30).into_iter().filter(is_stored).collect();
    let [vector] = &*vectors else { panic!("one vector holds an id") };
    vector.check(Ok(vector.value()));
    for mode in [BackendType::Cookie, BackendType::Memory] {
        let config = vector.config(1_209_600).backend_type(mode).build().expect("the configuration is valid");
        let (_, session) = open(&SessionManager::new(config), [&*vector.header()]);
        assert!(session.is_new() && session.is_empty() && session.id().is_none(), "{mode}");
    }
}

#[test]
fn the_cookie_of_a_stored_session_names_it_where_the_store_knows_it() {
    let vectors: Vec<_> = vectors("starlette_cookie", 30).into_iter().filter(is_stored).collect();
    let uuid = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
    for (prefix, key) in [("", uuid.to_owned()), ("session:", format!("session:{uuid}"))] {
        let backend = MemoryBackend::new();
        put(&backend, &key, r#"{"user": "ann"}"#, Duration::from_secs(60));
        let config = vectors[0].config(1_209_600).backend(backend).key_prefix(prefix).build().unwrap();
        let (_, session) = open(&SessionManager::new(config), [&*vectors[0].header()]);
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
        assert_eq!(session.id().unwrap().as_str(), uuid);
    }
}

#[test]
fn the_json_that_python_writes_goes_back_byte_for_byte() {
    let dumps = file().json_dumps;
    assert_eq!(dumps.len(), 6);
    for dump in dumps {
        let canonical: BTreeMap<String, Value> = serde_json::from_str(&dump.json).unwrap();
        for text in [dump.python, dump.python_compact_utf8] {
            let map = SessionMap::from_json(&*text).unwrap();
            assert_eq!(map.as_json(), text);
            let values: BTreeMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
            let found: BTreeMap<String, &str> = map.iter().map(|(key, raw)| (key.into_owned(), raw)).collect();
            assert_eq!(found, values.into_iter().map(|(key, raw)| (key, raw.get())).collect());
            for (key, value) in &canonical {
                assert_eq!(map.get::<Value>(key).unwrap().as_ref(), Some(value), "{text}");
            }
            assert_eq!(map.len(), canonical.len());
        }
    }
}
