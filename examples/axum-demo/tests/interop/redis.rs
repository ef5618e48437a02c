//! One session in one Redis: the original with a backend of JSON on one side, a server on session-redis on the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_redis::RedisBackend;
use session_test_support::RedisServer;
use session_tower::SessionConfig;

use crate::support::{App, Browser, COOKIE, Peer, RustServer, SECRET, Token, get, post};

/// A time limit that a busy machine meets.
const PATIENCE: Duration = Duration::from_secs(30);

/// A lifetime that outlasts every test.
const LONG: u64 = 14 * 24 * 3600;

/// The answer of Redis for a key that does not expire.
const NEVER: i64 = -1;

struct Both {
    python: Peer,
    rust: RustServer,
    redis: RedisServer,
}

/// Both sides on a Redis of their own, with these lifetimes in seconds.
async fn start(python: u64, rust: u64) -> Both {
    let redis = RedisServer::start(&[]);
    let lifetime = python.to_string();
    let python = Peer::start(App::StarletteSession, SECRET, COOKIE, &["--redis", &redis.url(), "--max-age", &lifetime]);
    // A long timeout, because a busy machine must not decide a test.
    let backend = RedisBackend::builder().timeout(PATIENCE).connect(&redis.url()).expect("the url is good");
    let config = SessionConfig::builder(SECRET, COOKIE).backend(backend).request_deadline(PATIENCE);
    // The original's keys have no prefix.
    let config = config.key_prefix("").max_age(Duration::from_secs(rust));
    Both { python, rust: RustServer::start(config.build().expect("the configuration is good")).await, redis }
}

impl Both {
    /// Returns the value that Redis stores under the id in this cookie.
    fn stored(&self, cookie: &str) -> Value {
        let found = self.redis.ask(&["GET", &id(cookie)]);
        found.first().map_or(Value::Null, |text| serde_json::from_str(text).expect("a session is JSON"))
    }

    /// Returns the remaining TTL of that value, in milliseconds.
    fn left(&self, cookie: &str) -> i64 {
        self.redis.ask(&["PTTL", &id(cookie)])[0].parse().expect("a time is a number")
    }

    /// Waits until Redis has dropped it.
    fn wait_for_the_end_of(&self, cookie: &str) {
        let start = Instant::now();
        while !self.redis.ask(&["GET", &id(cookie)]).is_empty() {
            assert!(start.elapsed() < PATIENCE, "the session does not expire");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A session that Rust has cleared is empty for both, and expires after a minute.
    async fn assert_emptied(&self, cookie: &str) {
        assert_eq!(self.stored(cookie), json!({}));
        assert!((1..=60_000).contains(&self.left(cookie)));
        assert_eq!(get(&self.rust, "/view_session", cookie).await.session(), json!({}));
        assert_eq!(get(&self.python, "/view_session", cookie).await.session(), json!({}));
    }

    /// Python finds `None` where there is no session, Rust an empty one that is never stored under that id.
    async fn assert_gone(&self, cookie: &str) {
        assert_eq!(self.stored(cookie), Value::Null);
        assert_eq!(get(&self.rust, "/view_session", cookie).await.session(), json!({}));
        assert_eq!(get(&self.python, "/view_session", cookie).await.session(), Value::Null);
        let anew = post(&self.rust, "/increment", cookie, "").await;
        assert_eq!(anew.session(), json!({"n": 1}));
        assert_ne!(id(&anew.cookie()), id(cookie));
        assert_eq!(self.stored(cookie), Value::Null);
    }
}

#[tokio::test]
async fn values_of_python_are_read_and_changed_by_rust_and_python_sees_both() {
    let (both, browser) = (start(LONG, LONG).await, Browser::new());
    let cookie = browser.post(&both.python, "/update_session", &strange().to_string()).await.cookie();
    assert_eq!(browser.view(&both.rust).await, strange());
    let changed = browser.post(&both.rust, "/update_session", r#"{"rust": [1, "\u00e9"]}"#).await;
    assert_eq!((changed.status, changed.set_cookie()), (200, None));
    let mut expected = strange();
    expected["rust"] = json!([1, "é"]);
    assert_eq!(both.stored(&cookie), expected);
    assert_eq!(browser.view(&both.python).await, expected);
    browser.post(&both.python, "/increment", "").await;
    expected["n"] = json!(1);
    assert_eq!(browser.view(&both.rust).await, expected);
}

#[tokio::test]
async fn values_of_rust_are_read_and_changed_by_python_and_rust_sees_both() {
    let (both, browser) = (start(LONG, LONG).await, Browser::new());
    let cookie = browser.post(&both.rust, "/update_session", &strange().to_string()).await.cookie();
    assert_eq!(browser.view(&both.python).await, strange());
    browser.post(&both.python, "/update_session", r#"{"python": {"is": null}}"#).await;
    let mut expected = strange();
    expected["python"] = json!({"is": null});
    assert_eq!(both.stored(&cookie), expected);
    assert_eq!(browser.view(&both.rust).await, expected);
    browser.post(&both.rust, "/increment", "").await;
    expected["n"] = json!(1);
    assert_eq!(browser.view(&both.python).await, expected);
}

#[tokio::test]
async fn numbers_of_python_pass_through_rust_digit_by_digit() {
    let (both, browser) = (start(LONG, LONG).await, Browser::new());
    let numbers = r#"{"big": 123456789012345678901234567890, "float": 0.1, "tiny": 5e-324, "whole": 1.0}"#;
    browser.post(&both.python, "/update_session", numbers).await;
    browser.post(&both.rust, "/increment", "").await;
    let seen = browser.get(&both.python, "/view_session").await.session_json();
    assert_eq!(seen, numbers.replace('}', r#", "n": 1}"#));
}

#[tokio::test]
async fn a_session_that_either_side_cleared_is_gone_for_both() {
    for path in ["/clear_session", "/logout"] {
        let (both, browser) = (start(LONG, LONG).await, Browser::new());
        let set_by_rust = browser.get(&both.rust, "/setup_session").await.cookie();
        assert_eq!(browser.view(&both.python).await, json!({"data": "session_data"}));
        browser.post(&both.python, path, "").await;
        both.assert_gone(&set_by_rust).await;
        assert_eq!(browser.cookie(&both.python), None);

        let set_by_python = browser.get(&both.python, "/setup_session").await.cookie();
        assert_eq!(browser.view(&both.rust).await, json!({"data": "session_data"}));
        browser.post(&both.rust, path, "").await;
        assert_eq!(browser.cookie(&both.rust), None);
        if path == "/logout" {
            both.assert_gone(&set_by_python).await;
        } else {
            both.assert_emptied(&set_by_python).await;
        }
    }
}

#[tokio::test]
async fn after_a_login_in_rust_python_knows_the_new_id_only() {
    let (both, browser) = (start(LONG, LONG).await, Browser::new());
    let before = browser.get(&both.python, "/setup_session").await.cookie();
    let after = browser.post(&both.rust, "/login", r#"{"user": "ann"}"#).await.cookie();
    assert_ne!(id(&after), id(&before));
    assert_eq!(browser.view(&both.python).await, json!({"data": "session_data", "user": "ann"}));
    assert_eq!(both.stored(&before), Value::Null);
    assert_eq!(get(&both.python, "/view_session", &before).await.session(), Value::Null);
}

#[tokio::test]
async fn a_session_that_expires_in_python_is_gone_for_both() {
    let both = start(1, LONG).await;
    let cookie = Browser::new().get(&both.python, "/setup_session").await.cookie();
    let left = both.left(&cookie);
    assert!(left != NEVER && left <= 1_000, "{left}");
    // Reading does not extend it.
    get(&both.rust, "/view_session", &cookie).await;
    both.wait_for_the_end_of(&cookie);
    assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}));
    let anew = post(&both.rust, "/increment", &cookie, "").await;
    assert_eq!(anew.session(), json!({"n": 1}));
    assert_ne!(id(&anew.cookie()), id(&cookie));
}

#[tokio::test]
async fn a_session_that_expires_in_rust_is_gone_for_both() {
    let both = start(LONG, 1).await;
    let cookie = Browser::new().get(&both.rust, "/setup_session").await.cookie();
    let left = both.left(&cookie);
    // A second longer than the cookie is valid.
    assert!(left != NEVER && left <= 2_000, "{left}");
    both.wait_for_the_end_of(&cookie);
    assert_eq!(get(&both.python, "/view_session", &cookie).await.session(), Value::Null);
    assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}));
}

#[tokio::test]
async fn the_last_writer_sets_the_lifetime_of_a_session() {
    let (both, browser) = (start(1_000, 2_000).await, Browser::new());
    let cookie = browser.get(&both.python, "/setup_session").await.cookie();
    assert!((900_000..=1_000_000).contains(&both.left(&cookie)));
    browser.post(&both.rust, "/increment", "").await;
    assert!((1_900_000..=2_001_000).contains(&both.left(&cookie)));
    // Python writes with every response.
    browser.get(&both.python, "/view_session").await;
    assert!((900_000..=1_000_000).contains(&both.left(&cookie)));
    assert_eq!(browser.view(&both.rust).await, json!({"data": "session_data", "n": 1}));
}

/// Returns values that a store might change.
fn strange() -> Value {
    json!({ "text": "ü \u{1f980} \" \\ \u{0} </script>", "": [], "nested": { "deep": [[{}], null, true, -1.5e300] } })
}

fn id(cookie: &str) -> String {
    let payload: Value = serde_json::from_str(&Token::parse(cookie).json()).expect("a payload is JSON");
    payload["_cssid"].as_str().expect("sessions are kept by a server").to_owned()
}
