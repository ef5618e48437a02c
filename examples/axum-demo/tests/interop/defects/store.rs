//! Sessions that a server keeps: ids that are made up by a client, resurrected, or kept over a login.
//!
//! Python only makes the cookies: it has no store here.

use std::time::Duration;

use serde_json::{Value, json};
use session_tower::session_core::starlette::BackendType;
use session_tower::session_core::{AtomicBackend, Create, WriteOutcome};
use session_tower::{MemoryBackend, SessionConfigBuilder, SessionMap};

use crate::support::{
    App, Browser, Demo, MAX_AGE, NOW, Oracle, Peer, RustServer, SECRET, Server, TestClock, Token, config, for_each_app,
    get, post, unix_now,
};

for_each_app![an_id_that_a_user_of_python_makes_up_reads_nothing_from_the_store, an_id_is_no_session_in_cookie_mode,];

const UUID: &str = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
const LIVE: &str = "3f1c9f5e-8a34-4f0e-9d43-6f0c2c0d7b11";

/// Python in cookie mode signs all values that its users put into their sessions, ids of the store included.
async fn an_id_that_a_user_of_python_makes_up_reads_nothing_from_the_store(app: App) {
    let (backend, long) = (MemoryBackend::new(), "k".repeat(65));
    // Data of another application in the same store, keys that belong to no id, and a session.
    store(&backend, UUID, r#"{"admin": true}"#).await;
    for id in ["config", "../config", "", &long, LIVE] {
        store(&backend, &format!("session:{id}"), r#"{"admin": true}"#).await;
    }
    let (python, rust) = (Peer::stopped(app), start(backend, "session:").await);
    for session in [
        json!({ "_cssid": UUID }),
        json!({ "_cssid": "config" }),
        json!({ "_cssid": "../config" }),
        json!({ "_cssid": "" }),
        json!({ "_cssid": long }),
        json!({ "_cssid": [LIVE] }),
        json!({ "_cssid": LIVE, "more": 1 }),
    ] {
        let cookie = Browser::new().post(python, "/update_session", &session.to_string()).await.cookie();
        assert_eq!(get(python, "/view_session", &cookie).await.session(), session);
        assert_starts_anew(&rust, &cookie).await;
    }
}

/// Another server has made such a cookie. Rust refuses to put an id into one.
async fn an_id_is_no_session_in_cookie_mode(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    for id in [json!(UUID), json!("x"), json!(1), json!(null)] {
        let session = json!({ "_cssid": id }).to_string();
        let refused = Browser::new().post(&rust, "/update_session", &session).await;
        assert_eq!((refused.status, refused.set_cookie()), (400, None));
        let cookie = Browser::new().post(python, "/update_session", &session).await.cookie();
        assert_starts_anew(&rust, &cookie).await;
    }
}

#[tokio::test]
async fn a_session_that_the_original_has_stored_is_read_and_written_under_its_id() {
    let backend = MemoryBackend::new();
    store(&backend, UUID, r#"{"data": "something"}"#).await;
    let rust = start(backend.clone(), "").await;
    let cookie = Oracle::shared().dump_session(&signer(), &json!({ "_cssid": UUID }).to_string());
    assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({"data": "something"}));
    let written = post(&rust, "/increment", &cookie, "").await;
    assert_eq!((written.status, written.set_cookie()), (200, None));
    let stored = backend.fetch(UUID).await.unwrap().unwrap();
    assert_eq!(stored.session.as_json(), r#"{"data": "something","n":1}"#);
}

#[tokio::test]
async fn a_session_that_the_store_has_lost_starts_anew_under_another_id() {
    let rust = Demo::memory();
    let signer = json!({ "secret": SECRET, "now": unix_now() });
    let cookie = Oracle::shared().dump_session(&signer, &json!({ "_cssid": UUID }).to_string());
    assert_starts_anew(&rust, &cookie).await;
}

#[tokio::test]
async fn the_cookie_of_a_cleared_session_resurrects_nothing() {
    for end in ["/clear_session", "/logout"] {
        let (rust, browser) = (Demo::memory(), Browser::new());
        let replayed = browser.post(&rust, "/login", r#"{"user": "ann"}"#).await.cookie();
        browser.post(&rust, end, "").await;
        assert_eq!(browser.cookie(&rust), None, "{end}");
        assert_eq!(get(&rust, "/view_session", &replayed).await.session(), json!({}), "{end}");
        // A cleared session takes data for another minute, because clearing is no logout.
        if end == "/logout" {
            assert_starts_anew(&rust, &replayed).await;
            assert_eq!(get(&rust, "/view_session", &replayed).await.session(), json!({}), "{end}");
        }
    }
}

#[tokio::test]
async fn a_login_renews_the_id_and_the_old_one_is_worthless() {
    let (rust, browser) = (Demo::memory(), Browser::new());
    let planted = browser.post(&rust, "/update_session", r#"{"cart": 1}"#).await.cookie();
    let cookie = browser.post(&rust, "/login", r#"{"user": "ann"}"#).await.cookie();
    assert_ne!(id_of(&cookie), id_of(&planted));
    assert_eq!(browser.view(&rust).await, json!({"cart": 1, "user": "ann"}));
    assert_eq!(get(&rust, "/view_session", &planted).await.session(), json!({}));
}

#[tokio::test]
async fn hardened_cookies_of_one_mode_are_none_in_the_other_and_python_needs_their_salt() {
    let hardened = || SessionConfigBuilder::hardened(SECRET, "id").clock(TestClock::at(NOW));
    let in_cookie = RustServer::start(hardened().backend_type(BackendType::Cookie).build().unwrap()).await;
    let in_memory = RustServer::start(hardened().backend(MemoryBackend::new()).build().unwrap()).await;
    let plain = start(MemoryBackend::new(), "session:").await;
    for (server, others, salt) in
        [(&in_cookie, [&in_memory, &plain], "id.cookie"), (&in_memory, [&in_cookie, &plain], "id.server")]
    {
        let cookie = Browser::new().get(server, "/setup_session").await.cookie();
        assert_eq!(get(server, "/view_session", &cookie).await.session(), json!({"data": "session_data"}));
        for other in others {
            assert_eq!(get(other, "/view_session", &cookie).await.session(), json!({}));
        }
        let mut signer = signer();
        assert!(Oracle::shared().load_session(&signer, &cookie).is_err());
        signer["salt"] = json!(salt);
        signer["digest"] = json!("sha256");
        let seen = Oracle::shared().load_session(&signer, &cookie).unwrap();
        assert_eq!(parsed(&seen), parsed(&Token::parse(&cookie).json()));
    }
}

/// A request that only reads finds an empty session. A request that writes begins a new session under a new id.
async fn assert_starts_anew(rust: &impl Server, cookie: &str) {
    let read = get(rust, "/view_session", cookie).await;
    assert_eq!((read.session(), read.set_cookie()), (json!({}), None), "{cookie}");
    let written = post(rust, "/increment", cookie, "").await;
    assert_eq!(written.session(), json!({"n": 1}), "{cookie}");
    assert_ne!(id_of(&written.cookie()), id_of(cookie), "{cookie}");
    assert_eq!(get(rust, "/view_session", &written.cookie()).await.session(), json!({"n": 1}), "{cookie}");
}

async fn start(backend: MemoryBackend, key_prefix: &str) -> RustServer {
    let config = config(&TestClock::at(NOW)).backend(backend).key_prefix(key_prefix);
    RustServer::start(config.build().expect("the configuration is good")).await
}

async fn store(backend: &MemoryBackend, key: &str, session: &str) {
    let session = SessionMap::from_json(session).expect("a session is an object");
    let created = backend.create(Create::new(key, &session, Duration::from_secs(MAX_AGE))).await;
    assert!(matches!(created, Ok(WriteOutcome::Done(_))), "{created:?}");
}

fn signer() -> Value {
    json!({ "secret": SECRET, "now": NOW, "max_age": MAX_AGE })
}

/// Returns the id in a cookie; `None` in cookie mode.
fn id_of(cookie: &str) -> Option<Value> {
    parsed(&Token::parse(cookie).json()).get("_cssid").cloned()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("a payload is JSON")
}
