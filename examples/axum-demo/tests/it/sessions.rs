//! The routes of a user's sessions.

use std::time::Duration;

use serde_json::Value;
use session_test_support::{MemcachedServer, RedisServer};

use crate::client::Browser;
use crate::demo::Demo;

async fn log_in(demo: &Demo, user: &str) -> Browser {
    let browser = Browser::new(demo);
    let answer = browser.post("/login", format!(r#"{{"user":"{user}"}}"#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    browser
}

async fn sessions(browser: &Browser) -> Vec<Value> {
    let answer = browser.get("/sessions").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    body["sessions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_user_lists_and_ends_sessions() {
    let demo = Demo::start(&["--backend", "memory"]);
    let (here, there, bob) = (log_in(&demo, "ann").await, log_in(&demo, "ann").await, log_in(&demo, "bob").await);
    let listed = sessions(&here).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|one| one["current"] == true).count(), 1);
    for one in &listed {
        assert_eq!(one["label"], "unknown");
        assert!(one["created"].as_u64().unwrap() <= one["last_seen"].as_u64().unwrap() + 1);
    }
    let other = listed.iter().find(|one| one["current"] == false).unwrap();
    let body = serde_json::json!({ "ref": other["ref"] }).to_string();
    assert_eq!(bob.post("/sessions/revoke", body.clone()).await.text, r#"{"revoked":0}"#, "another user's");
    assert_eq!(here.post("/sessions/revoke", body).await.text, r#"{"revoked":1}"#);
    assert_eq!(there.get("/sessions").await.status, 401);
    assert_eq!(there.session().await, "{}");
    log_in(&demo, "ann").await;
    assert_eq!(here.post("/sessions/revoke_others", "").await.text, r#"{"revoked":1}"#);
    assert_eq!(here.post("/sessions/revoke_all", "").await.text, r#"{"revoked":1}"#);
    assert_eq!(here.get("/sessions").await.status, 401);
    assert_eq!(sessions(&bob).await.len(), 1);
    let wrong = bob.post("/sessions/revoke", r#"{"ref":"x"}"#).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
}

#[tokio::test]
async fn the_label_of_a_session_is_the_user_agent_of_its_sign_in() {
    let demo = Demo::start(&["--backend", "memory"]);
    let browser = Browser::new(&demo).called("Firefox on Linux");
    browser.post("/login", r#"{"user":"ann"}"#).await;
    assert_eq!(sessions(&browser).await[0]["label"], "Firefox on Linux");
    assert_eq!(browser.session().await, r#"{"user":"ann"}"#, "the label is no data of the session");
    assert!(browser.post("/logout", "").await.removes_the_cookie());
    assert_eq!(browser.get("/sessions").await.error(401), "sign in first");
}

#[tokio::test]
async fn sessions_that_one_server_ends_have_ended_at_the_other() {
    let redis = RedisServer::start(&[]);
    let url = redis.url();
    let [here, there] = [(); 2].map(|()| Demo::start(&["--backend", "redis", "--redis-url", &url]));
    let (phone, laptop) = (log_in(&here, "ann").await, log_in(&there, "ann").await);
    assert_eq!(sessions(&phone.at(&there)).await.len(), 2);
    assert_eq!(phone.post("/sessions/revoke_others", "").await.text, r#"{"revoked":1}"#);
    assert_eq!(laptop.session().await, "{}");
    assert_eq!(phone.at(&there).post("/sessions/revoke_all", "").await.text, r#"{"revoked":1}"#);
    assert_eq!(phone.session().await, "{}");
}

#[tokio::test]
async fn sessions_in_memcached_are_not_listed_and_end_all_at_once() {
    let memcached = MemcachedServer::start();
    let address = memcached.address();
    let [here, there] = [(); 2].map(|()| Demo::start(&["--backend", "memcache", "--memcache-addr", &address]));
    let (phone, laptop) = (log_in(&here, "ann").await, log_in(&there, "ann").await);
    assert_eq!(phone.get("/sessions").await.status, 501);
    assert_eq!(phone.at(&there).post("/sessions/revoke_all", "").await.text, r#"{"revoked":null}"#);
    for browser in [&phone, &laptop.at(&here)] {
        assert_eq!(browser.session().await, "{}");
    }
    assert_eq!(log_in(&here, "ann").await.at(&there).session().await, r#"{"user":"ann"}"#);
}

#[tokio::test]
async fn a_session_beyond_the_limit_ends_the_oldest() {
    let demo = Demo::start(&["--backend", "memory", "--max-sessions-per-user", "1"]);
    let first = log_in(&demo, "ann").await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let second = log_in(&demo, "ann").await;
    assert_eq!((first.get("/sessions").await.status, sessions(&second).await.len()), (401, 1));
}

#[tokio::test]
async fn a_session_beyond_the_limit_is_refused_on_request() {
    let demo = Demo::start(&["--max-sessions-per-user", "1", "--on-session-limit", "refuse", "--backend", "memory"]);
    let first = log_in(&demo, "ann").await;
    let second = Browser::new(&demo);
    let refused = second.post("/login", r#"{"user":"ann"}"#).await;
    assert_eq!(refused.error(409), "too many sessions, sign out elsewhere first");
    assert_eq!((second.session().await.as_str(), sessions(&first).await.len()), ("{}", 1));
    first.post("/logout", "").await;
    assert_eq!(second.post("/login", r#"{"user":"ann"}"#).await.status, 200);
}

#[tokio::test]
async fn a_store_without_an_index_is_a_501() {
    let demo = Demo::start(&["--backend", "cookie"]);
    let answer = log_in(&demo, "ann").await.get("/sessions").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (501, r#"{"error":"the session store keeps no index of users"}"#)
    );
}
