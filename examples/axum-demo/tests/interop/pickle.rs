//! The demo and the original on one store of the original's own pickles.

use serde_json::{Value, json};
use session_test_support::{MemcachedServer, RedisServer};

use crate::support::{App, Browser, COOKIE, Demo, Peer, SECRET, Server, Token, get, post};

/// A backend of the original that stores pickles, and the demo beside it.
struct Both {
    python: Peer,
    rust: Demo,
    redis: Option<RedisServer>,
    _memcached: Option<MemcachedServer>,
}

const BACKENDS: [&str; 3] = ["redis", "aioRedis", "aioMemcache"];

fn start(backend: &str) -> Both {
    let (redis, memcached) = match backend {
        "aioMemcache" => (None, Some(MemcachedServer::start())),
        _ => (Some(RedisServer::start(&[])), None),
    };
    let redis_url = redis.as_ref().map(RedisServer::url).unwrap_or_default();
    let address = memcached.as_ref().map(MemcachedServer::address).unwrap_or_default();
    let (of_python, of_rust) = match backend {
        "aioMemcache" => (["--memcache", &address], ["memcache", "--memcache-addr", &address]),
        _ => (["--redis", &redis_url], ["redis", "--redis-url", &redis_url]),
    };
    let python = Peer::start(App::StarletteSession, SECRET, COOKIE, &[&of_python[..], &["--pickle", backend]].concat());
    let rust = Demo::with(&[&["--format", "starlette-pickle", "--backend"], &of_rust[..]].concat());
    Both { python, rust, redis, _memcached: memcached }
}

/// Values of each kind that JSON and a pickle have in common.
const VALUES: &str = r#"{"user": "ann", "big": 123456789012345678901234567890, "numbers": [0, -1, 65536, 2147483648, 0.1, 1e+16, -0.0], "text": "\u00e9 \ud83e\udd80 \u0000", "deep": {"a": [{}, [], [null, true]]}}"#;

#[tokio::test]
async fn a_login_of_python_is_one_in_rust_and_its_values_go_back_as_they_came() {
    for backend in BACKENDS {
        let (both, browser) = (start(backend), Browser::new());
        browser.post(&both.python, "/update_session", VALUES).await;
        assert_eq!(browser.view(&both.rust).await, json_of(VALUES), "{backend}");
        browser.post(&both.rust, "/update_session", r#"{"rust": [1, "\u00e9"]}"#).await;
        let seen = browser.get(&both.python, "/view_session").await.session_json();
        assert_eq!(seen, VALUES.replace("[null, true]]}}", r#"[null, true]]}, "rust": [1, "\u00e9"]}"#), "{backend}");
    }
}

#[tokio::test]
async fn a_login_of_rust_is_one_in_python() {
    for backend in BACKENDS {
        let (both, browser) = (start(backend), Browser::new());
        browser.post(&both.rust, "/update_session", VALUES).await;
        assert_eq!(browser.get(&both.python, "/view_session").await.session_json(), VALUES, "{backend}");
        let before = browser.cookie(&both.rust).expect("there is a session");
        browser.post(&both.rust, "/login", r#"{"user": "bob"}"#).await;
        assert_eq!(browser.view(&both.python).await["user"], "bob");
        assert_ne!(browser.cookie(&both.rust), Some(before.clone()));
        assert_eq!(get(&both.python, "/view_session", &before).await.session(), Value::Null, "{backend}");
        browser.post(&both.python, "/increment?key=visits", "").await;
        assert_eq!(browser.view(&both.rust).await["visits"], 1);
    }
}

#[tokio::test]
async fn a_logout_on_either_side_is_one_on_both() {
    for backend in BACKENDS {
        let both = start(backend);
        for (by, path) in [("python", "/clear_session"), ("rust", "/logout")] {
            let browser = Browser::new();
            browser.get(&both.python, "/setup_session").await;
            let cookie = browser.cookie(&both.python).expect("there is a session");
            assert_eq!(browser.view(&both.rust).await, json!({"data": "session_data"}));
            match by {
                "python" => drop(browser.post(&both.python, path, "").await),
                _ => drop(browser.post(&both.rust, path, "").await),
            }
            assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}), "{backend} {by}");
            assert_eq!(get(&both.python, "/view_session", &cookie).await.session(), Value::Null, "{backend} {by}");
        }
    }
}

#[tokio::test]
async fn sessions_live_as_long_on_both_sides() {
    let redis = RedisServer::start(&[]);
    let (url, lifetime) = (redis.url(), ["--max-age", "1000"]);
    let of_python = [&["--redis", &url, "--pickle", "redis"], &lifetime[..]].concat();
    let python = Peer::start(App::StarletteSession, SECRET, COOKIE, &of_python);
    let of_rust = ["--format", "starlette-pickle", "--backend", "redis", "--redis-url", &url];
    let rust = Demo::with(&[&of_rust, &lifetime[..]].concat());
    for server in [&rust as &(dyn Server + Sync), &python] {
        let cookie = Browser::new().post(server, "/update_session", VALUES).await.cookie();
        let left: u64 = redis.ask(&["TTL", &id(&cookie)])[0].parse().expect("a time is a number");
        assert!((990..=1001).contains(&left), "{left}");
        redis.ask(&["PEXPIRE", &id(&cookie), "1"]);
        while redis.ask(&["EXISTS", &id(&cookie)]) != ["0"] {}
        assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({}));
        assert_eq!(get(&python, "/view_session", &cookie).await.session(), Value::Null);
    }
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let (both, browser) = (start("redis"), Browser::new());
    browser.post(&both.python, "/update_session", VALUES).await;
    let new = "a newer secret of at least thirty-two bytes";
    let redis = both.redis.as_ref().expect("the backend is Redis").url();
    let usual = ["--format", "starlette-pickle", "--backend", "redis", "--redis-url", &redis];
    let rust = Demo::with_secrets(&[new, SECRET], &usual);
    let seen = browser.get(&rust, "/view_session").await;
    assert!(seen.set_cookie().is_some() && seen.session()["user"] == "ann", "it is signed by the new secret");
    let python = Peer::start(App::StarletteSession, new, COOKIE, &["--redis", &redis, "--pickle", "redis"]);
    assert_eq!(browser.view(&python).await["user"], "ann");
    assert_eq!(browser.view(&both.python).await, json!({}));
}

/// Pickles that Rust does not read: a date, code to run, a bomb of 10^10 leaves, and deep nesting.
fn refused() -> [Vec<u8>; 4] {
    let date = b"\x80\x04}\x8c\x04when\x8c\x08datetime\x8c\x04date\x93C\x04\x07\xe8\x02\x1d\x85Rs.".to_vec();
    let code = b"\x80\x04}\x8c\x01a\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85Rs.".to_vec();
    let mut bomb = b"\x80\x04}\x94\x8c\x01b\x94]\x94".to_vec();
    for level in 2..12 {
        bomb.extend([b"]\x94(", &*[b'h', level].repeat(10), b"e"].concat());
    }
    bomb.extend(b"s.");
    let nested = [&b"\x80\x04}\x8c\x01d"[..], &b"]".repeat(30_000), &b"a".repeat(29_999), b"s."].concat();
    [date, code, bomb, nested]
}

#[tokio::test]
async fn a_pickle_that_rust_does_not_read_is_absent_there_and_stays_in_the_store() {
    let (both, browser) = (start("redis"), Browser::new());
    let cookie = browser.get(&both.python, "/setup_session").await.cookie();
    let id = id(&cookie);
    let redis = both.redis.as_ref().expect("the backend is Redis");
    for pickle in refused() {
        let digits: String = pickle.iter().map(|byte| format!("{byte:02x}")).collect();
        let set = "return redis.call('SET', KEYS[1], (ARGV[1]:gsub('..', function(d) return string.char(tonumber(d, 16)) end)))";
        redis.ask(&["EVAL", set, "1", &id, &digits]);
        let digest = || redis.ask(&["EVAL", "return redis.sha1hex(redis.call('GET', KEYS[1]))", "1", &id]);
        let before = digest();
        assert_eq!(get(&both.rust, "/view_session", &cookie).await.session(), json!({}));
        let anew = post(&both.rust, "/update_session", &cookie, r#"{"a": 1}"#).await;
        assert_ne!(self::id(&anew.cookie()), id);
        assert_eq!(digest(), before);
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

fn id(cookie: &str) -> String {
    json_of(&Token::parse(cookie).json())["_cssid"].as_str().expect("a cookie names a session").to_owned()
}
