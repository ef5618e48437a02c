//! Random input from clients, from stores, and from other programs with the same secret: nothing panics, no id that the
//! store does not know is adopted, and a session that was signed here comes back unchanged.

mod inputs;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use session_core::signer::{SignatureError, Signer, TimestampSigner};
use session_core::starlette::BackendType;
use session_core::{
    AtomicBackend, Backend, ISessionBackend, Lifetime, MemoryBackend, OnDuplicate, Refresh, Session, SessionConfig,
    SessionConfigBuilder, SessionError, SessionId, SessionManager, SessionMap,
};
use session_testkit::SimpleMemory;

use self::inputs::{Act, act, damaged, header, rubbish, signed, stored};
use crate::json::object;
use crate::support::{NOW, SECRET, at_once, many_cases, open, pair, put, stopped_at};

/// A configuration with every setting that makes the library look at the data.
fn config() -> SessionConfigBuilder {
    let day = Duration::from_secs(24 * 3600);
    SessionConfig::builder(SECRET, "id").clock(stopped_at(NOW)).longest_max_age(400 * day).absolute_lifetime(day)
}

/// A store of each kind. A run uses one of them.
struct Stores {
    memory: MemoryBackend,
    simple: SimpleMemory,
}

impl Stores {
    fn new() -> Self {
        let memory = MemoryBackend::builder().clock(stopped_at(NOW)).build();
        Self { memory, simple: SimpleMemory::with_clock(stopped_at(NOW)) }
    }

    fn put(&self, key: &str, json: &str) {
        let (session, minute) = (SessionMap::from_json(json).expect("JSON"), Duration::from_secs(60));
        put(&self.memory, key, json, minute);
        at_once(self.simple.set(key, &session, minute)).expect("memory does not fail");
    }

    fn backend(&self, plain: bool) -> Backend {
        if plain { self.simple.clone().into() } else { self.memory.clone().into() }
    }
}

fn both_modes() -> [SessionManager; 2] {
    [BackendType::Cookie, BackendType::Memory]
        .map(|mode| SessionManager::new(config().backend_type(mode).build().expect("the configuration is valid")))
}

/// Logs in with these cookies, and returns the cookie of the new session.
fn login(manager: &SessionManager, headers: &[Vec<u8>]) -> String {
    let (handle, session) = open(manager, headers.iter().map(Vec::as_slice));
    session.insert("fuzz", 1).expect("a session takes data");
    session.renew().expect("the response is not sent");
    let commit = at_once(handle.commit(200));
    assert!(commit.error.is_none(), "{:?}", commit.error);
    let set_cookie = commit.set_cookie.expect("a renewed session has a cookie");
    assert!(set_cookie.as_str().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{set_cookie:?}");
    pair(set_cookie.as_str()).to_owned()
}

/// Performs an act, and ignores its errors.
fn perform(session: &Session, act: Act) {
    let _ = match act {
        Act::Insert(key, value) => session.insert(&key, value),
        Act::Remove(key) => session.remove(&key).map(drop),
        Act::Take(key) => session.take::<Value>(&key).map(drop),
        Act::Update(key) => session.update(&key, |value: Option<Vec<Value>>| value.unwrap_or_default()).map(drop),
        Act::Clear => session.clear(),
        Act::Renew => session.renew(),
        Act::Destroy => {
            session.destroy();
            Ok(())
        }
        Act::MaxAge(seconds) => session.set_lifetime(Lifetime::For(Duration::from_secs(seconds))),
        Act::Save => at_once(session.save()),
        Act::Read(key) => session.get::<Value>(&key).map(drop),
    };
    let map = session.to_map();
    assert_eq!((map.len(), session.is_empty()), (map.keys().count(), map.is_empty()));
    assert!(!session.contains_key("__session"));
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn unsigned_headers_open_no_session_and_do_not_prevent_a_login(headers in vec(header(), 0..4)) {
        for manager in both_modes() {
            let (handle, session) = open(&manager, headers.iter().map(Vec::as_slice));
            assert!(session.is_new() && session.is_empty() && session.id().is_none());
            let commit = at_once(handle.commit(200));
            assert!(commit.set_cookie.is_none() && commit.error.is_none());
            let cookie = login(&manager, &headers);
            assert_eq!(open(&manager, [cookie.as_bytes()]).1.to_map().into_json(), r#"{"fuzz":1}"#);
        }
    }

    #[test]
    fn rubbish_that_is_signed_is_no_stored_session_and_its_id_is_not_adopted(
        payloads in vec((rubbish(), select(vec![NOW, NOW + 5, NOW - 100, 0, u64::MAX])), 1..3),
        on_duplicate in select(vec![OnDuplicate::Last, OnDuplicate::Newest, OnDuplicate::Reject]),
        plain in prop::bool::ANY,
    ) {
        let stores = Stores::new();
        let manager = SessionManager::new(config().backend(stores.backend(plain)).on_duplicate(on_duplicate).build().unwrap());
        let headers: Vec<_> = payloads.iter().map(|(payload, timestamp)| signed(payload, *timestamp)).collect();
        let (_, session) = open(&manager, headers.iter().map(Vec::as_slice));
        assert!(session.is_new() && session.is_empty() && session.id().is_none());

        let cookie = login(&manager, &headers);
        let (_, session) = open(&manager, [cookie.as_bytes()]);
        let id = session.id().expect("the session is stored");
        for (payload, _) in &payloads {
            assert!(!payload.windows(id.as_str().len()).any(|part| part == id.as_str().as_bytes()));
        }
        assert_eq!(stores.memory.len() + stores.simple.len(), 1, "there is one session, and it is the new one");
    }

    #[test]
    fn rubbish_that_is_signed_is_a_session_in_the_cookie_only_if_it_is_an_object(
        payload in rubbish(),
        timestamp in select(vec![NOW, NOW + 10, NOW - 100, NOW + 11, u64::MAX]),
    ) {
        let manager = SessionManager::new(SessionConfig::builder(SECRET, "id").clock(stopped_at(NOW)).build().unwrap());
        let (_, session) = open(&manager, [&*signed(&payload, timestamp)]);
        let map = SessionMap::from_slice(&payload).ok().filter(|map| timestamp <= NOW + 10 && !map.contains_key("_cssid"));
        assert_eq!(session.is_new(), map.is_none());
        assert_eq!(session.to_map().into_json(), map.map_or_else(|| "{}".to_owned(), |map| map.into_json()));
    }

    #[test]
    fn any_stored_value_can_be_read_and_changed_without_a_panic(
        stored in stored(),
        acts in vec(act(), 0..6),
        in_cookie in prop::bool::ANY,
        plain in prop::bool::ANY,
        refresh in select(vec![Refresh::HalfLife, Refresh::Always]),
    ) {
        let (config, stores, id) = (config().refresh(refresh), Stores::new(), "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6");
        let map = SessionMap::from_json(&*stored).unwrap();
        let (config, payload) = if in_cookie {
            (config, stored)
        } else {
            stores.put(&format!("session:{id}"), &stored);
            (config.backend(stores.backend(plain)), format!(r#"{{"_cssid": "{id}"}}"#))
        };
        let manager = SessionManager::new(config.build().unwrap());
        let cookie = signed(payload.as_bytes(), NOW - 1);
        let (handle, session) = open(&manager, [&*cookie]);
        if !map.contains_key("__session") {
            assert!(session.to_map() == map && !session.is_new());
        }
        acts.into_iter().for_each(|act| perform(&session, act));
        let left = session.to_map();

        let commit = at_once(handle.commit(200));
        assert!(commit.error.is_none(), "{:?}", commit.error);
        let cookie = commit.set_cookie.as_ref().map_or(&*cookie, |set_cookie| pair(set_cookie.as_str()).as_bytes());
        assert_eq!(open(&manager, [cookie]).1.to_map(), left, "what was left is what comes back");
    }

    #[test]
    fn a_session_comes_back_as_it_was_and_untouched_values_byte_for_byte((rows, text) in object()) {
        let map = SessionMap::from_json(text).unwrap();
        let mut last = BTreeMap::new();
        last.extend(rows.iter().map(|(key, value)| (&**key, &*value.written)));
        for manager in both_modes() {
            let (handle, session) = open(&manager, []);
            session.extend(&map).unwrap();
            let commit = at_once(handle.commit(200));
            if let Some(SessionError::CookieTooLarge { .. }) = commit.error {
                assert!(map.json_len() > 2000);
                continue;
            }
            assert_eq!(commit.set_cookie.is_some(), !map.is_empty());
            let cookie = commit.set_cookie.as_ref().map_or("", |set_cookie| pair(set_cookie.as_str()));
            let session = open(&manager, [cookie.as_bytes()]).1;
            assert_eq!(session.to_map().len(), last.len());
            for (key, written) in &last {
                assert_eq!(session.raw_json(key).as_deref(), Some(*written));
            }
        }
    }

    #[test]
    fn a_signed_value_verifies_and_comes_back(
        value in vec(any::<u8>(), 0..60),
        secrets in vec(vec(any::<u8>(), 0..80), 1..4),
        salt in vec(any::<u8>(), 0..20),
        (signed_at, now) in (any::<u64>(), any::<u64>()),
        max_age in option::of(any::<u64>()),
    ) {
        let signer = TimestampSigner::from(Signer::with_keys(secrets.clone(), &salt).unwrap());
        let token = signer.sign(&value, signed_at);
        match signer.unsign(&token, max_age, now) {
            Ok(unsigned) => {
                assert_eq!((unsigned.value, unsigned.timestamp, unsigned.by_signing_key), (&*value, signed_at, true));
                assert!(max_age.is_none_or(|max_age| signed_at <= now && now - signed_at <= max_age));
            }
            Err(SignatureError::Expired { age, .. }) => assert!(age == now - signed_at && Some(age) > max_age),
            Err(SignatureError::FromTheFuture { ahead }) => assert!(ahead == signed_at - now && max_age.is_some()),
            Err(other) => panic!("{other}"),
        }
        let other = [&*secrets[secrets.len() - 1], b"x"].concat();
        let other = TimestampSigner::from(Signer::with_salt(other, salt));
        assert_eq!(other.unsign(&token, None, now), Err(SignatureError::BadSignature));
    }

    #[test]
    fn a_damaged_object_is_refused_or_carried_as_it_is(bytes in damaged()) {
        let others: Option<serde_json::Map<String, Value>> = serde_json::from_slice(&bytes).ok();
        match SessionMap::from_slice(&bytes) {
            Err(_) => assert!(others.is_none(), "what is JSON to others is JSON to us"),
            Ok(mut map) => {
                assert_eq!(map.as_json().as_bytes(), bytes);
                map.insert("fuzz", 1).unwrap();
                assert!(map.remove("fuzz"));
                assert_eq!(SessionMap::from_json(map.as_json()), Ok(map.clone()));
                for (key, value) in others.into_iter().flatten().filter(|(key, _)| key != "fuzz") {
                    assert_eq!(map.get(&key), Ok(Some(value)));
                }
            }
        }
    }

    #[test]
    fn an_id_has_the_form_of_one_or_is_none(text in prop_oneof!["[A-Za-z0-9_-]{0,70}", "\\PC{0,70}"]) {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let id = SessionId::parse(&text);
        assert_eq!(id.is_some(), plain && (22..=64).contains(&text.len()));
        assert!(id.is_none_or(|id| id.as_str() == text && !format!("{id:?}").contains(&text)));
    }
}

#[test]
fn a_token_names_a_stored_session_only_if_it_says_nothing_else() {
    let id = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
    let stores = Stores::new();
    stores.put(&format!("session:{id}"), r#"{"user": "ann"}"#);
    let manager = SessionManager::new(config().backend(stores.memory).build().unwrap());
    let is_taken = |payload: &str| {
        let payload = payload.replace("<id>", id);
        !open(&manager, [&*signed(payload.as_bytes(), NOW)]).1.is_new()
    };
    for payload in [r#"{"_cssid": "<id>"}"#, r#"{"_cssid":"<id>"}"#, " {\n\"\\u005fcssid\" : \"<id>\" } "] {
        assert!(is_taken(payload), "{payload}");
    }
    for payload in [
        r#"{"_cssid": "<id>", "admin": true}"#,
        r#"{"_cssid": "<id>", "_cssid": null}"#,
        r#"{"_cssid": ["<id>"]}"#,
        r#"{"_CSSID": "<id>"}"#,
        r#"{"_cssid": " <id>"}"#,
        r#"{"_cssid": "session:<id>"}"#,
        r#"["_cssid", "<id>"]"#,
        r#""<id>""#,
        "<id>",
    ] {
        assert!(!is_taken(payload), "{payload}");
    }
}

#[test]
fn a_time_of_creation_that_can_not_be_is_no_reason_to_panic() {
    // Python keeps the library's own key, and may merge what a person has sent into the session.
    for created in ["18446744073709551615", "1e400", "-1", "\"today\"", "null"] {
        let payload = format!(r#"{{"user": "ann", "__session": {{"created": {created}}}}}"#);
        let manager = SessionManager::new(config().build().unwrap());
        let (handle, _) = open(&manager, [&*signed(payload.as_bytes(), NOW)]);
        assert!(at_once(handle.commit(200)).error.is_none(), "{created}");
    }
}

#[test]
fn an_expiry_that_never_comes_is_no_reason_to_panic() {
    let Stores { memory, .. } = Stores::new();
    put(&memory, "key", r#"{"user": "ann"}"#, Duration::MAX);
    assert!(at_once(memory.fetch("key")).unwrap().is_some());
}
