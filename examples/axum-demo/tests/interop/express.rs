//! The demo and the real Express on one Redis.

use serde_json::{Value, json};
use session_test_support::RedisServer;

use crate::support::{Browser, Demo, Express, SECRET, get, post};

struct Both {
    express: Express,
    rust: Demo,
    redis: RedisServer,
}

/// Both sides on a Redis of their own, each with these options in addition to the usual ones.
fn start(of_express: &[&str], of_rust: &[&str]) -> Both {
    let redis = RedisServer::start(&[]);
    let express = Express::start(&redis.url(), of_express);
    let usual = ["--format", "express", "--backend", "redis", "--redis-url", &redis.url()];
    Both { express, rust: Demo::with(&[&usual, of_rust].concat()), redis }
}

impl Both {
    fn stored(&self, cookie: &str) -> String {
        self.redis.ask(&["GET", &key(cookie)]).pop().unwrap_or_default()
    }

    /// Returns for how many seconds Redis will keep a session.
    fn left(&self, cookie: &str) -> i64 {
        self.redis.ask(&["TTL", &key(cookie)])[0].parse().expect("a time is a number")
    }
}

/// The key of the session that a cookie names.
fn key(cookie: &str) -> String {
    let id = cookie.trim_start_matches("s%3A").split('.').next().expect("there is an id");
    format!("sess:{id}")
}

const DATA: &str = r#"{"user":"ann","n":1.5,"list":[1,{"a":null}],"text":"é 🦀"}"#;

#[tokio::test]
async fn a_login_of_express_is_one_in_rust_and_its_values_go_back_as_they_came() {
    let (both, browser) = (start(&[], &[]), Browser::new());
    browser.post(&both.express, "/update_session", DATA).await;
    let cookie = browser.cookie(&both.express).expect("there is a session");
    let before = both.stored(&cookie);
    assert_eq!(browser.view(&both.rust).await, json_of(DATA));
    assert_eq!(both.stored(&cookie), before, "reading changes nothing");
    browser.post(&both.rust, "/update_session", r#"{"big": 123456789012345678901234567890}"#).await;
    let expected = before.replace("}}", "}").trim_end_matches('}').to_owned();
    assert!(both.stored(&cookie).starts_with(&expected[..expected.len() - 1]), "{before} {}", both.stored(&cookie));
    assert_eq!(browser.view(&both.express).await["user"], "ann");
    assert_eq!(browser.cookie(&both.express), Some(cookie), "the cookie is the same on both sides");
}

#[tokio::test]
async fn a_login_of_rust_is_one_in_express() {
    let (both, browser) = (start(&[], &[]), Browser::new());
    browser.post(&both.rust, "/login", r#"{"user": "ann"}"#).await;
    assert_eq!(browser.view(&both.express).await, json!({"user": "ann"}));
    let old = browser.cookie(&both.rust).expect("there is a session");
    browser.post(&both.express, "/update_session", r#"{"flash": ["saved"]}"#).await;
    assert_eq!(browser.view(&both.rust).await, json!({"user": "ann", "flash": ["saved"]}));
    // A renewal on either side renews the session for both.
    browser.post(&both.rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(get(&both.express, "/view_session", &old).await.session(), json!({}));
    assert_eq!(browser.view(&both.express).await, json!({"user": "bob", "flash": ["saved"]}));
    browser.post(&both.express, "/login", r#"{"user": "eve"}"#).await;
    assert_eq!(browser.view(&both.rust).await["user"], "eve");
}

#[tokio::test]
async fn a_logout_on_either_side_is_one_on_both() {
    let both = start(&[], &[]);
    for in_rust in [true, false] {
        let browser = Browser::new();
        browser.post(&both.express, "/update_session", DATA).await;
        let cookie = browser.cookie(&both.express).expect("there is a session");
        assert_eq!(browser.view(&both.rust).await["user"], "ann");
        match in_rust {
            true => drop(browser.post(&both.rust, "/logout", "").await),
            false => drop(browser.post(&both.express, "/logout", "").await),
        }
        assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}));
        assert_eq!(get(&both.express, "/view_session", &cookie).await.session(), json!({}));
        // The id is not used again.
        let anew = post(&both.rust, "/update_session", &cookie, r#"{"a": 1}"#).await;
        assert_ne!(anew.set_cookie().expect("there is a new session").value, cookie);
        assert_eq!(both.stored(&cookie), "");
    }
}

#[tokio::test]
async fn a_session_that_rust_cleared_is_an_empty_one_of_express_and_never_an_error() {
    let (both, browser) = (start(&[], &[]), Browser::new());
    browser.post(&both.express, "/update_session", DATA).await;
    let cookie = browser.cookie(&both.express).expect("there is a session");
    browser.post(&both.rust, "/clear_session", "").await;
    let seen = get(&both.express, "/view_session", &cookie).await;
    assert_eq!((seen.status, seen.session()), (200, json!({})));
}

#[tokio::test]
async fn express_serves_each_session_that_rust_has_written() {
    let (both, browser) = (start(&[], &[]), Browser::new());
    for (path, body) in [
        ("/update_session", DATA),
        ("/login", r#"{"user":"bob","remember":true}"#),
        ("/renew", ""),
        ("/clear_session", ""),
        ("/increment", ""),
        ("/logout", ""),
        ("/update_session", r#"{"":"\ud800","big":123456789012345678901234567890,"n":1e400}"#),
        // Members of the session object of Express.
        ("/update_session", r#"{"id":1,"req":2,"save":3,"touch":{},"toString":4,"constructor":5,"__proto__":{"a":6}}"#),
    ] {
        assert_eq!(browser.post(&both.rust, path, body).await.status, 200, "{path} {body}");
        for (path, body) in [("/view_session", ""), ("/update_session", r#"{"by_express":true}"#)] {
            let reply = match body {
                "" => browser.get(&both.express, path).await,
                _ => browser.post(&both.express, path, body).await,
            };
            assert_eq!(reply.status, 200, "{reply:?}");
        }
        let seen = browser.get(&both.rust, "/view_session").await.session_json();
        assert!(seen.contains(r#""by_express":true"#), "{path} {body}: {seen}");
    }
}

#[tokio::test]
async fn sessions_live_as_long_on_both_sides() {
    // A browser session: connect-redis keeps it for a day.
    let both = start(&[], &[]);
    let cookie = post(&both.rust, "/update_session", "", DATA).await.cookie();
    assert!((86_390..=86_401).contains(&both.left(&cookie)), "{}", both.left(&cookie));
    // A session with `maxAge`: a use in Rust extends it, as one in Express does.
    let both = start(&["--max-age", "1000"], &["--max-age", "1000"]);
    let browser = Browser::new();
    let set = browser.post(&both.express, "/update_session", DATA).await;
    let cookie = set.set_cookie().expect("a session begins").value;
    both.redis.ask(&["EXPIRE", &key(&cookie), "500"]);
    browser.view(&both.rust).await;
    assert!((990..=1_001).contains(&both.left(&cookie)), "{}", both.left(&cookie));
    let changed = browser.post(&both.rust, "/update_session", r#"{"a": 1}"#).await;
    let set = changed.set_cookie().expect("a change sends the cookie again");
    assert!(set.value == cookie && set.attributes.contains("max-age=1000"), "{set:?}");
    both.redis.ask(&["EXPIRE", &key(&cookie), "500"]);
    assert_eq!(browser.view(&both.express).await["a"], 1);
    assert!((990..=1_001).contains(&both.left(&cookie)), "Express has not taken `expires` for past");
    let born = post(&both.rust, "/update_session", "", DATA).await;
    assert_eq!(get(&both.express, "/view_session", born.cookie()).await.session(), json_of(DATA));
    assert!(born.set_cookie().expect("a session begins").attributes.contains("max-age=1000"), "{born:?}");
    assert!(both.stored(&born.cookie()).contains(r#""originalMaxAge":1000000,"#));
}

#[tokio::test]
async fn the_prefix_of_keys_is_that_of_connect_redis() {
    let (both, browser) = (start(&["--key-prefix", "app:"], &["--key-prefix", "app:"]), Browser::new());
    browser.post(&both.express, "/update_session", DATA).await;
    assert_eq!(browser.view(&both.rust).await, json_of(DATA));
    browser.post(&both.rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(browser.view(&both.express).await["user"], "bob");
    let id = browser.cookie(&both.rust).map(|cookie| key(&cookie)).expect("there is a session");
    assert_eq!(both.redis.ask(&["EXISTS", &id.replace("sess:", "app:")]), ["1"]);
    assert_eq!(both.redis.ask(&["KEYS", "sess:*"]).concat(), "");
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let old = "an older secret of at least thirty-two bytes";
    let (before, browser) = (start(&[], &[]), Browser::new());
    let redis = before.redis.url();
    browser.post(&before.express, "/update_session", DATA).await;
    // The old secret is the one that the tests share. The new one comes first.
    let usual = ["--format", "express", "--backend", "redis", "--redis-url", &redis];
    let after = Demo::with_secrets(&[old, SECRET], &usual);
    let refreshed = browser.get(&after, "/view_session").await;
    assert_eq!(refreshed.session(), json_of(DATA));
    assert!(refreshed.set_cookie().is_some(), "the cookie is signed by the new secret");
    assert_eq!(browser.view(&after).await, json_of(DATA));
    // Express does not know the new secret.
    assert_eq!(browser.view(&before.express).await, json!({}));
    // Another one does, and still signs by the old one.
    let express = Express::start(&redis, &["--secret", old]);
    assert_eq!(browser.view(&express).await, json_of(DATA));
    browser.post(&express, "/login", r#"{"user":"bob"}"#).await;
    assert_eq!(browser.view(&after).await["user"], "bob");
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}
