//! The demo and the real Django on one Redis.

use serde_json::{Value, json};
use session_test_support::RedisServer;

use crate::support::{Browser, Demo, Framework, get, post};

/// Both sides on this Redis, each with these options.
fn start(redis: &RedisServer, (of_django, of_rust): (&[&str], &[&str])) -> (Framework, Demo) {
    let url = redis.url();
    let django = Framework::django(&[&["--redis", &url], of_django].concat());
    let usual = ["--format", "django-cache", "--backend", "redis", "--redis-url", &url];
    (django, Demo::with(&[&usual, of_rust].concat()))
}

/// The options of both sides: for pickles of Django itself, and for pickles and JSON of the package django-redis.
const VARIANTS: [(&[&str], &[&str]); 3] =
    [(&[], &[]), (&["--django-redis"], &[]), (&["--django-redis", "--json"], &["--values", "json"])];

/// The key of the browser's session.
fn key(browser: &Browser, rust: &Demo) -> String {
    format!(":1:django.contrib.sessions.cache{}", browser.cookie(rust).expect("there is a session"))
}

const DATA: &str = r#"{"_auth_user_id":"1","_auth_user_backend":"django.contrib.auth.backends.ModelBackend","_auth_user_hash":"d37d","n":1.5,"big":123456789012345678901234567890,"text":"é 🦀"}"#;

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    for variant in VARIANTS {
        let redis = RedisServer::start(&[]);
        let ((django, rust), browser) = (start(&redis, variant), Browser::new());
        browser.post(&django, "/update_session", DATA).await;
        let data: Value = serde_json::from_str(DATA).expect("it is JSON");
        assert_eq!(browser.view(&rust).await, data, "{variant:?}");
        browser.post(&rust, "/update_session", r#"{"seen": true}"#).await;
        let seen = browser.get(&django, "/view_session").await;
        assert!(seen.session_json().contains("123456789012345678901234567890"), "{}", seen.session_json());
        assert_eq!((&seen.session()["seen"], &seen.session()["_auth_user_id"]), (&json!(true), &json!("1")));
        browser.post(&django, "/login", r#"{"user": "bob"}"#).await;
        assert_eq!(browser.view(&rust).await["user"], "bob");
        let old = browser.cookie(&rust).expect("there is a session");
        browser.post(&rust, "/login", r#"{"user": "eve"}"#).await;
        assert_eq!(browser.view(&django).await["user"], "eve");
        assert_eq!(
            get(&django, "/view_session", &old).await.session(),
            json!({}),
            "a renewal in Rust is one in Django"
        );
        // A session that begins in Rust.
        let born = post(&rust, "/update_session", "", DATA).await.cookie();
        assert_eq!(get(&django, "/view_session", &born).await.session(), data);
        let is_json = redis.ask(&["GETRANGE", &key(&browser, &rust), "0", "0"]) == ["{"];
        assert_eq!(is_json, variant.1.contains(&"json"), "{variant:?}");
    }
}

#[tokio::test]
async fn the_prefix_of_keys_is_that_of_the_cache() {
    let redis = RedisServer::start(&[]);
    let ((django, rust), browser) =
        (start(&redis, (&["--key-prefix", "app"], &["--key-prefix", "app"])), Browser::new());
    browser.post(&django, "/update_session", DATA).await;
    assert_eq!(browser.view(&rust).await["_auth_user_id"], "1");
    browser.post(&rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(browser.view(&django).await["user"], "bob");
    assert_eq!(redis.ask(&["EXISTS", &format!("app{}", key(&browser, &rust))]), ["1"]);
    assert_eq!(redis.ask(&["KEYS", ":1:*"]).concat(), "");
}

#[tokio::test]
async fn messages_pass_through_rust() {
    let redis = RedisServer::start(&[]);
    for variant in VARIANTS {
        let ((django, rust), browser) = (start(&redis, variant), Browser::new());
        browser.post(&django, "/flash", "").await;
        assert!(browser.view(&rust).await["_messages"].as_str().is_some_and(|text| text.contains("Saved")));
        browser.post(&rust, "/update_session", r#"{"n": 1}"#).await;
        assert_eq!(browser.get(&django, "/flashed").await.session(), json!({"messages": ["Saved é"]}));
        assert_eq!(browser.view(&rust).await, json!({"n": 1}));
    }
}

#[tokio::test]
async fn a_logout_on_either_side_is_one_on_both() {
    let redis = RedisServer::start(&[]);
    for (variant, in_rust) in VARIANTS.into_iter().flat_map(|variant| [(variant, true), (variant, false)]) {
        let (django, rust) = start(&redis, variant);
        let browser = Browser::new();
        browser.post(&django, "/update_session", DATA).await;
        let cookie = browser.cookie(&django).expect("there is a session");
        assert_eq!(browser.view(&rust).await["_auth_user_id"], "1");
        match in_rust {
            true => drop(browser.post(&rust, "/logout", "").await),
            false => drop(browser.post(&django, "/logout", "").await),
        }
        assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({}));
        assert_eq!(get(&django, "/view_session", &cookie).await.session(), json!({}));
    }
}

#[tokio::test]
async fn the_expiry_that_django_sets_is_kept() {
    let redis = RedisServer::start(&[]);
    for variant in VARIANTS {
        let ((django, rust), browser) = (start(&redis, variant), Browser::new());
        browser.post(&django, "/update_session", DATA).await;
        browser.post(&django, "/expire", "3600").await;
        browser.post(&rust, "/update_session", r#"{"n": 2}"#).await;
        assert_eq!(browser.view(&django).await["_session_expiry"], 3600);
        let left: u64 = redis.ask(&["TTL", &key(&browser, &rust)])[0].parse().expect("a time is a number");
        assert!((3590..=3601).contains(&left), "{left}");
    }
}
