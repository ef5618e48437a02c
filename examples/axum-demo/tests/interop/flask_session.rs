//! The demo and the real Flask-Session on one Redis.

use serde_json::{Value, json};
use session_test_support::RedisServer;

use crate::support::{Browser, Demo, Framework, SECRET, Server, get};

struct Both {
    flask: Framework,
    rust: Demo,
    redis: RedisServer,
}

/// Both sides on a Redis of their own, each with these options.
fn start(of_flask: &[&str], of_rust: &[&str]) -> Both {
    let redis = RedisServer::start(&[]);
    let url = redis.url();
    let flask = Framework::flask(&[&["--redis", &url], of_flask].concat());
    let rust =
        Demo::with(&[&["--format", "flask-session", "--backend", "redis", "--redis-url", &url], of_rust].concat());
    Both { flask, rust, redis }
}

const DATA: &str = r#"{"user":"ann","n":1.5,"big":9007199254740993,"list":[1,{"a":null}],"text":"é 🦀"}"#;

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let variants: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["--json"], &["--values", "json"]),
        (&["--json"], &["--values", "msgpack"]),
        (&["--signer"], &["--cookies", "signed"]),
    ];
    for (of_flask, of_rust) in variants {
        let (both, browser) = (start(of_flask, of_rust), Browser::new());
        browser.post(&both.flask, "/update_session", DATA).await;
        let data: Value = serde_json::from_str(DATA).expect("it is JSON");
        assert_eq!(browser.view(&both.rust).await, data);
        browser.post(&both.rust, "/update_session", r#"{"seen": true}"#).await;
        let seen = browser.view(&both.flask).await;
        assert_eq!((&seen["seen"], &seen["big"], &seen["list"]), (&json!(true), &data["big"], &data["list"]));
        browser.post(&both.flask, "/login", r#"{"user": "bob"}"#).await;
        assert_eq!(browser.view(&both.rust).await["user"], "bob");
        browser.post(&both.rust, "/login", r#"{"user": "eve"}"#).await;
        let cookie = browser.cookie(&both.rust).expect("there is a session");
        let key = format!("session:{}", cookie.split('.').next().unwrap_or_default());
        let is_json = both.redis.ask(&["GETRANGE", &key, "0", "0"]) == ["{"];
        assert_eq!(is_json, of_rust.contains(&"json"));
        assert_eq!(browser.view(&both.flask).await["user"], "eve");
        // A session that begins in Rust is permanent, as those of Flask-Session are.
        let other = Browser::new();
        let set = other.post(&both.rust, "/update_session", DATA).await.set_cookie().expect("a session begins");
        assert!(set.attributes.contains("max-age=2678400"), "{set:?}");
        let again = other.get(&both.flask, "/view_session").await;
        assert_eq!(again.session(), data);
        let set = again.set_cookie().expect("Flask-Session sends the cookie again");
        assert!(set.attributes.iter().any(|attribute| attribute.starts_with("expires")), "{set:?}");
    }
}

#[tokio::test]
async fn flash_messages_pass_through_rust() {
    let (both, browser) = (start(&[], &[]), Browser::new());
    browser.post(&both.flask, "/flash", "").await;
    assert_eq!(browser.view(&both.rust).await, json!({"_flashes": [["message", "Saved"]]}));
    browser.post(&both.rust, "/update_session", r#"{"n": 1}"#).await;
    assert_eq!(browser.get(&both.flask, "/flashed").await.session(), json!({"messages": ["Saved"]}));
    assert_eq!(browser.view(&both.rust).await, json!({"n": 1}));
}

#[tokio::test]
async fn sessions_live_as_long_on_both_sides() {
    let (both, browser) = (start(&["--max-age", "1000"], &["--max-age", "1000"]), Browser::new());
    for server in [&both.rust as &(dyn Server + Sync), &both.flask] {
        browser.post(server, "/update_session", DATA).await;
        let key = format!("session:{}", browser.cookie(server).expect("there is a session"));
        let left: u64 = both.redis.ask(&["TTL", &key])[0].parse().expect("a time is a number");
        assert!((990..=1001).contains(&left), "{left}");
        both.redis.ask(&["PEXPIRE", &key, "1"]);
        while both.redis.ask(&["EXISTS", &key]) != ["0"] {}
        assert_eq!((browser.view(&both.rust).await, browser.view(&both.flask).await), (json!({}), json!({})));
    }
}

#[tokio::test]
async fn the_prefix_of_keys_is_that_of_flask_session() {
    let (both, browser) = (start(&["--key-prefix", "app:"], &["--key-prefix", "app:"]), Browser::new());
    browser.post(&both.flask, "/update_session", DATA).await;
    assert_eq!(browser.view(&both.rust).await["user"], "ann");
    browser.post(&both.rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(browser.view(&both.flask).await["user"], "bob");
    let id = browser.cookie(&both.rust).expect("there is a session");
    assert_eq!(both.redis.ask(&["EXISTS", &format!("app:{id}")]), ["1"]);
    assert_eq!(both.redis.ask(&["KEYS", "session:*"]).concat(), "");
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let (both, browser) = (start(&["--signer"], &[]), Browser::new());
    browser.post(&both.flask, "/update_session", DATA).await;
    let usual = ["--format", "flask-session", "--cookies", "signed", "--backend", "redis", "--redis-url"];
    let rust = Demo::with_secrets(&[new, SECRET], &[&usual[..], &[&both.redis.url()]].concat());
    let seen = browser.get(&rust, "/view_session").await;
    assert!(seen.set_cookie().is_some() && seen.session()["user"] == "ann", "it is signed by the new secret");
    let flask = Framework::start("flask", new, &["--redis", &both.redis.url(), "--signer"]);
    assert_eq!(browser.view(&flask).await["user"], "ann");
    assert_eq!(browser.view(&both.flask).await, json!({}));
}

#[tokio::test]
async fn a_logout_on_either_side_is_one_on_both() {
    let both = start(&[], &[]);
    for in_rust in [true, false] {
        let browser = Browser::new();
        browser.post(&both.flask, "/update_session", DATA).await;
        let cookie = browser.cookie(&both.flask).expect("there is a session");
        assert_eq!(browser.view(&both.rust).await["user"], "ann");
        match in_rust {
            true => drop(browser.post(&both.rust, "/logout", "").await),
            false => drop(browser.post(&both.flask, "/logout", "").await),
        }
        assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}));
        assert_eq!(get(&both.flask, "/view_session", &cookie).await.session(), json!({}));
        assert!(both.redis.ask(&["GET", &format!("session:{cookie}")]).concat().is_empty());
    }
}
