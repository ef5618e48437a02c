//! The effect of settings on the cookie: the defaults of the original, each setting, and the hardened preset.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cookie::{Cookie, SameSite as Parsed};
use session_core::adapter::Commit;
use session_core::signer::{Digest, Key, SignatureError, Signer, TimestampSigner};
use session_core::starlette::BackendType;
use session_core::{MemoryBackend, SameSite, SessionConfigBuilder, SessionError, SessionManager};

use super::{DAY, builder, manager, named};
use crate::support::{App, NOW, SECRET, TestClock, at_once, defaults, open, pair, stopped_at, stored};

type Setter = fn(SessionConfigBuilder) -> SessionConfigBuilder;

fn at_now(config: SessionConfigBuilder) -> SessionManager {
    manager(config.clock(stopped_at(NOW)))
}

fn insert(manager: &SessionManager, value: &str) -> Commit {
    let (handle, session) = open(manager, []);
    session.insert("data", value).expect("a new session takes data");
    at_once(handle.commit(200))
}

/// Returns the cookie of a new session, parsed by an independent crate.
fn set_cookie(config: SessionConfigBuilder) -> Cookie<'static> {
    let set_cookie = insert(&at_now(config), "something").set_cookie.expect("a new session has a cookie");
    Cookie::parse(set_cookie.as_str().to_owned()).expect("a Set-Cookie value is well-formed")
}

/// The preset, with sessions in memory.
fn hardened(name: &str) -> SessionConfigBuilder {
    SessionConfigBuilder::hardened(SECRET, name).backend_type(BackendType::Memory)
}

fn max_age(cookie: &Cookie<'_>) -> Option<i64> {
    cookie.max_age().map(cookie::time::Duration::whole_seconds)
}

#[test]
fn without_settings_the_cookie_is_the_one_of_the_original() {
    let cookie = set_cookie(builder());
    assert_eq!((cookie.name(), cookie.path(), cookie.domain()), ("id", Some("/"), None));
    assert_eq!((max_age(&cookie), cookie.expires_datetime()), (Some(1_209_600), None));
    assert_eq!((cookie.http_only(), cookie.same_site()), (Some(true), Some(Parsed::Lax)));
    assert_eq!((cookie.secure(), cookie.partitioned()), (None, None));
    // Salt, digest, derivation, and where the session is.
    let signer = TimestampSigner::new(SECRET);
    let unsigned = signer.unsign(cookie.value().as_bytes(), Some(0), NOW).unwrap();
    assert_eq!(STANDARD.decode(unsigned.value).unwrap(), br#"{"data":"something"}"#);
}

#[test]
fn each_setting_sets_its_attribute() {
    assert_eq!(set_cookie(builder().same_site(SameSite::Strict)).same_site(), Some(Parsed::Strict));
    let none = set_cookie(builder().same_site(SameSite::None).https_only(true));
    assert_eq!((none.same_site(), none.secure()), (Some(Parsed::None), Some(true)));
    assert_eq!(set_cookie(builder().https_only(true)).partitioned(), None);
    assert_eq!(set_cookie(builder().https_only(true).partitioned(true)).partitioned(), Some(true));
    assert_eq!(set_cookie(builder().path("/app")).path(), Some("/app"));
    for domain in ["example.com", ".example.com"] {
        assert_eq!(set_cookie(builder().domain(domain)).domain(), Some("example.com"));
    }
    assert_eq!(set_cookie(builder().danger_allow_script_access(true)).http_only(), None);
    assert_eq!(max_age(&set_cookie(builder().max_age(400 * DAY))), Some(34_560_000));
    assert_eq!(max_age(&set_cookie(builder().max_age(Duration::from_millis(1001)))), Some(2));
    let browser_session = set_cookie(builder().browser_session(true));
    assert_eq!((max_age(&browser_session), browser_session.expires()), (None, None));
}

#[test]
fn keys_in_the_store_are_the_prefix_and_the_id() {
    let settings: [(&str, Setter); 3] =
        [("session:", defaults), ("app:", |config| config.key_prefix("app:")), ("", |config| config.key_prefix(""))];
    for (prefix, set) in settings {
        let memory = MemoryBackend::builder().clock(stopped_at(NOW)).build();
        let manager = at_now(set(builder()).backend(memory.clone()));
        let set_cookie = insert(&manager, "something").set_cookie.expect("a new session has a cookie");
        let id = open(&manager, [pair(set_cookie.as_str()).as_bytes()]).1.id().expect("the session is stored");
        let stored = stored(&memory, &[prefix, id.as_str()].concat());
        assert_eq!(stored.map(|session| session.into_json()).as_deref(), Some(r#"{"data":"something"}"#), "{prefix}");
    }
}

#[test]
fn a_cookie_that_browsers_would_drop_is_an_error_and_is_not_sent() {
    // Base64 of 3045 bytes has 4060; with a second of this age a token has 35 more.
    let value = "x".repeat(3045 - r#"{"data":""}"#.len());
    let largest = at_now(named("i"));
    let set_cookie = insert(&largest, &value).set_cookie.expect("4096 bytes are allowed");
    assert_eq!(pair(set_cookie.as_str()).len(), 4096 + "=".len());
    assert_eq!(open(&largest, [pair(set_cookie.as_str()).as_bytes()]).1.get("data").unwrap(), Some(value.clone()));

    let commit = insert(&at_now(named("id")), &value);
    let Some(error @ SessionError::CookieTooLarge { bytes: 4097 }) = commit.error else { panic!("{commit:?}") };
    assert_eq!((commit.set_cookie, error.status()), (None, 500));
    assert!(insert(&at_now(named("id").backend_type(BackendType::Memory)), &value).error.is_none());
}

#[test]
fn a_token_may_be_issued_ten_seconds_in_the_future_or_as_many_as_configured() {
    let is_taken = |configure: Setter, ahead| {
        let token = TimestampSigner::new(SECRET).sign(STANDARD.encode(r#"{"user": "ann"}"#), NOW + ahead);
        let (_, session) = open(&App::in_cookie(configure).manager, [&*[b"id=", &*token].concat()]);
        !session.is_new()
    };
    let none: Setter = |config| config.clock_skew(Duration::ZERO);
    let a_minute: Setter = |config| config.clock_skew(Duration::from_secs(60));
    for (configure, seconds) in [(defaults as _, 10), (none, 0), (a_minute, 60)] {
        assert_eq!([seconds, seconds + 1].map(|ahead| is_taken(configure, ahead)), [true, false]);
    }
}

#[test]
fn the_hardened_preset_keeps_what_its_name_promises() {
    let cookie = set_cookie(hardened("id"));
    assert_eq!((cookie.name(), cookie.path(), cookie.domain()), ("__Host-id", Some("/"), None));
    assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)));
    assert_eq!((cookie.same_site(), max_age(&cookie)), (Some(Parsed::Lax), Some(30 * 60)));
    assert!(hardened("id").domain("example.com").build().is_err());
}

#[test]
fn the_hardened_preset_ends_sessions_after_30_idle_minutes_or_12_hours_in_all() {
    for (step, last) in [(1800, 12 * 3600), (1801, 1801)] {
        let clock = TestClock::at(NOW);
        let app = App::new(clock.clone(), |_| hardened("id").clock(clock));
        let mut browser = at_once(app.browser_with(r#"{"user": "ann"}"#));
        for passed in (step..=last).step_by(step) {
            app.advance(step as u64);
            let _ = at_once(app.visit(&mut browser, |session| assert_eq!(session.is_empty(), passed == last)));
        }
    }
}

#[test]
fn the_hardened_preset_rejects_cookies_that_contradict_each_other() {
    let manager = at_now(hardened("id"));
    let tokens = ["ann", "bob"].map(|value| {
        let set_cookie = insert(&manager, value).set_cookie;
        pair(set_cookie.expect("a new session has a cookie").as_str()).to_owned()
    });
    assert_eq!(open(&manager, [tokens[0].as_bytes()]).1.get("data").unwrap(), Some("ann".to_owned()));
    assert!(open(&manager, tokens.iter().map(String::as_bytes)).1.is_new());
}

#[test]
fn tokens_of_the_hardened_preset_are_of_no_use_elsewhere_under_the_same_secret() {
    let in_cookie = set_cookie(hardened("id").backend_type(BackendType::Cookie));
    let on_server = set_cookie(hardened("id"));
    let other = set_cookie(hardened("other").backend_type(BackendType::Cookie));
    for (cookie, salt) in [(&in_cookie, "id.cookie"), (&on_server, "id.server"), (&other, "other.cookie")] {
        for tried in ["id.cookie", "id.server", "other.cookie", "itsdangerous.Signer"] {
            let signer = Signer::with_salt(Key::new(SECRET).digest(Digest::Sha256), tried);
            let outcome = TimestampSigner::from(signer).unsign(cookie.value().as_bytes(), Some(0), NOW).map(drop);
            let expected = if tried == salt { Ok(()) } else { Err(SignatureError::BadSignature) };
            assert_eq!(outcome, expected, "{salt} {tried}");
        }
    }
    let chosen = set_cookie(hardened("id").salt("itsdangerous.Signer"));
    assert!(TimestampSigner::new(SECRET).unsign(chosen.value().as_bytes(), Some(0), NOW).is_ok());
}

#[test]
fn a_session_may_have_128_kib_by_default_and_16_kib_when_hardened() {
    let default = builder().backend_type(BackendType::Memory);
    for (config, kib) in [(default, 128), (hardened("id"), 16)] {
        let (manager, limit) = (at_now(config), kib * 1024);
        let value = |bytes: usize| "x".repeat(bytes - r#"{"data":""}"#.len());
        assert!(insert(&manager, &value(limit - 100)).error.is_none(), "{kib} KiB");
        let error = insert(&manager, &value(limit + 1)).error;
        assert!(matches!(error, Some(SessionError::TooLarge { limit: allowed, .. }) if allowed == limit), "{error:?}");
    }
}
