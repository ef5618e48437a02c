//! The demo and the real Django with the engine `cached_db`: a table, and copies of its rows in Redis.

use serde_json::json;
use session_test_support::RedisServer;

use crate::django_db::Site;
use crate::support::{Browser, Demo, Framework, Server, get};

/// Both sides on the file that the tests of `db` share.
fn start(redis: &RedisServer) -> (Framework, Demo) {
    let (url, cache) = (&Site::sqlite().url, redis.url());
    let django = Framework::django(&["--database", url, "--redis", &cache]);
    let usual = ["--format", "django-cached-db", "--backend", "sqlite", "--sql-url", url, "--redis-url", &cache];
    (django, Demo::with(&usual))
}

const DATA: &str = r#"{"user":"eve","n":1.5}"#;

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let redis = RedisServer::start(&[]);
    let ((django, rust), browser) = (start(&redis), Browser::new());
    browser.post(&django, "/update_session", DATA).await;
    assert_eq!(browser.view(&rust).await, json!({"user": "eve", "n": 1.5}));
    let copies = || redis.ask(&["KEYS", ":1:django.contrib.sessions.cached_db*"]).concat();
    assert_ne!(copies(), "", "Django has made a copy");
    browser.post(&rust, "/update_session", r#"{"n":2}"#).await;
    assert_eq!(copies(), "");
    assert_eq!(browser.view(&django).await["n"], 2);
    browser.post(&django, "/update_session", r#"{"n":3}"#).await;
    assert_eq!(browser.view(&rust).await["n"], 3);
    // A login or a logout on one side is one on the other.
    for (at, other) in [(&rust as &(dyn Server + Sync), &django as &(dyn Server + Sync)), (&django, &rust)] {
        browser.post(other, "/update_session", DATA).await;
        let old = browser.cookie(at).expect("there is a session");
        browser.post(at, "/login", r#"{"user":"bob"}"#).await;
        assert_eq!(browser.view(other).await["user"], "bob");
        let new = browser.cookie(at).expect("there is a session");
        browser.post(at, "/logout", "").await;
        for cookie in [old, new] {
            assert_eq!(get(other, "/view_session", &cookie).await.session(), json!({}));
            assert_eq!(get(at, "/view_session", &cookie).await.session(), json!({}));
        }
    }
}

#[tokio::test]
async fn a_logout_is_refused_while_the_cache_could_bring_the_session_back() {
    let redis = RedisServer::start(&[]);
    let ((django, rust), browser) = (start(&redis), Browser::new());
    browser.post(&django, "/update_session", DATA).await;
    let cookie = browser.cookie(&django).expect("there is a session");
    redis.pause();
    assert_eq!(browser.view(&rust).await["user"], "eve", "the row is enough to read");
    let refused = browser.post(&rust, "/logout", "").await;
    assert_eq!((refused.status, refused.set_cookie()), (503, None));
    redis.resume();
    while browser.post(&rust, "/logout", "").await.status != 200 {}
    assert_eq!(get(&django, "/view_session", &cookie).await.session(), json!({}));
}
