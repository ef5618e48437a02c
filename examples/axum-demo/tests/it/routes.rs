//! The JSON routes.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;

use crate::client::Browser;
use crate::demo::Demo;

const BACKENDS: [&str; 2] = ["cookie", "memory"];

async fn start(backend: &str) -> (Demo, Browser) {
    let demo = Demo::start(&["--backend", backend]);
    let browser = Browser::new(&demo);
    (demo, browser)
}

#[tokio::test]
async fn a_new_visitor_has_an_empty_session_and_no_cookie() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        let answer = browser.get("/view_session").await;
        assert_eq!(answer.text, r#"{"session": {}}"#, "{backend}");
        assert_eq!(answer.header("set-cookie"), None, "{backend}");
        assert_eq!(answer.header("vary"), Some("Cookie"), "{backend}");
    }
}

#[tokio::test]
async fn a_request_finds_the_data_of_the_request_before_it() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        let answer = browser.get("/setup_session").await;
        assert_eq!(answer.text, r#"{"session": {"data":"session_data"}}"#, "{backend}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{backend}");
        assert_eq!(browser.session().await, r#"{"data":"session_data"}"#, "{backend}");
    }
}

#[tokio::test]
async fn an_update_sets_the_keys_of_its_body_and_leaves_the_others() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        browser.get("/setup_session").await;
        let answer = browser.post("/update_session", r#"{"a": 1, "data": [true, null]}"#).await;
        assert_eq!(answer.session(), r#"{"data":[true, null],"a":1}"#, "{backend}");
        assert_eq!(browser.session().await, answer.session(), "{backend}");
    }
}

#[tokio::test]
async fn values_stay_as_they_came() {
    let values = r#"{"big":123456789012345678901234567890,"huge":1e400,"cents":1.10,"text":"\u00e9\ud800 é","nested":{ "a" : [ ] }}"#;
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        assert_eq!(browser.post("/update_session", values).await.session(), values, "{backend}");
        assert_eq!(browser.post("/increment", "").await.status, 200);
        let expected = format!(r#"{},"n":1}}"#, values.strip_suffix('}').unwrap());
        assert_eq!(browser.session().await, expected, "{backend}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused_and_change_nothing() {
    let bodies: [&[u8]; 9] =
        [b"", b"[]", b"1", b"null", b"{", br#"{"a":1}x"#, br#"{"a":tru}"#, b"{\"a\":\"\n\"}", b"{\"a\":\"\xff\"}"];
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        browser.get("/setup_session").await;
        for path in ["/update_session", "/slow_update?ms=0", "/login"] {
            for body in bodies {
                let answer = browser.post(path, body).await;
                assert!(!answer.error(400).is_empty(), "{path} {}", body.escape_ascii());
                assert_eq!(answer.header("set-cookie"), None, "{path} {}", body.escape_ascii());
            }
        }
        assert_eq!(browser.session().await, r#"{"data":"session_data"}"#, "{backend}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_refused() {
    let (_demo, browser) = start("memory").await;
    let object = |len: usize| format!(r#"{{"a":"{}"}}"#, "a".repeat(len - r#"{"a":""}"#.len()));
    assert_eq!(browser.post("/update_session", object(64 * 1024)).await.status, 200);
    assert!(browser.post("/update_session", object(64 * 1024 + 1)).await.error(413).contains("length limit"));
}

#[tokio::test]
async fn the_librarys_own_keys_are_refused() {
    let (_demo, browser) = start("cookie").await;
    assert!(browser.post("/update_session", r#"{"a": 1, "_cssid": "x"}"#).await.error(400).contains("_cssid"));
    assert_eq!(browser.session().await, "{}");
}

#[tokio::test]
async fn a_login_renews_the_session_and_keeps_its_data() {
    for backend in BACKENDS {
        let (demo, browser) = start(backend).await;
        let before = browser.get("/setup_session").await.cookie().to_owned();
        let answer = browser.post("/login", r#"{"user": "ann"}"#).await;
        assert_eq!(answer.session(), r#"{"data":"session_data","user":"ann"}"#, "{backend}");
        assert_ne!(answer.cookie(), before, "{backend}");
        assert_eq!(browser.session().await, answer.session(), "{backend}");
        if backend == "memory" {
            assert_eq!(Browser::with_cookie(&demo, &before).session().await, "{}");
        }
    }
}

#[tokio::test]
async fn a_login_without_a_user_is_refused_and_renews_nothing() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        browser.get("/setup_session").await;
        for body in ["{}", r#"{"user": 1}"#, r#"{"user": null}"#, r#"{"User": "ann"}"#] {
            let answer = browser.post("/login", body).await;
            assert!(answer.error(400).contains("user"), "{backend} {body}");
            assert_eq!(answer.header("set-cookie"), None, "{backend} {body}");
        }
    }
}

#[tokio::test]
async fn a_user_who_is_to_stay_logged_in_has_a_session_of_90_days() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        for (body, seconds) in [
            (r#"{"user": "ann", "remember": true}"#, 7_776_000),
            (r#"{"user": "ann", "remember": false}"#, 1_209_600),
            (r#"{"user": "ann"}"#, 1_209_600),
        ] {
            let set_cookie =
                browser.post("/login", body).await.header("set-cookie").expect("a login sets one").to_owned();
            assert!(set_cookie.ends_with(&format!("; Max-Age={seconds}")), "{backend} {body}: {set_cookie}");
            let told = browser.get("/session").await.text;
            assert!(told.contains(&format!(r#""expires_in": {seconds}, "#)), "{backend} {body}: {told}");
        }
        let refused = browser.post("/login", r#"{"user": "ann", "remember": "no"}"#).await;
        assert!(refused.error(400).contains("remember"), "{backend}");
    }
}

#[tokio::test]
async fn a_lifetime_beyond_90_days_may_be_asked_for() {
    let demo = Demo::start(&["--max-age", "34560000"]);
    let answer = Browser::new(&demo).get("/setup_session").await;
    let set_cookie = answer.header("set-cookie").expect("a session sets a cookie");
    assert!(set_cookie.ends_with("; Max-Age=34560000"), "{set_cookie}");
}

#[tokio::test]
async fn the_session_is_shown_with_the_fingerprint_of_its_id_and_never_the_id() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        let none = browser.get("/session").await;
        assert_eq!(none.text, r#"{"id": null, "expires_in": null, "session": {}}"#, "{backend}");
        let cookie = browser.post("/update_session", r#"{"n": 1.10}"#).await.cookie().to_owned();
        let facts = browser.get("/session").await.text;
        let rest = facts.strip_suffix(r#", "expires_in": 1209600, "session": {"n":1.10}}"#);
        let id = rest.and_then(|rest| rest.strip_prefix(r#"{"id": "#)).unwrap_or_else(|| panic!("{facts}"));
        if backend == "memory" {
            let token = STANDARD.decode(cookie["session=".len()..].split('.').next().unwrap()).unwrap();
            let token = String::from_utf8(token).unwrap();
            assert!(id.len() == r#""01234567""#.len() && !token.contains(id.trim_matches('"')), "{id} {token}");
            browser.post("/renew", "").await;
            assert!(!browser.get("/session").await.text.contains(id), "another session id has another fingerprint");
        } else {
            assert_eq!(id, "null");
        }
    }
}

#[tokio::test]
async fn scripts_learn_of_cookies_that_are_set_and_removed() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        for (path, news) in
            [("/renew", None), ("/increment", Some("new")), ("/renew", Some("new")), ("/logout", Some("removed"))]
        {
            let answer = browser.post(path, "").await;
            assert_eq!(answer.header("x-session-cookie"), news, "{backend} {path}");
            assert_eq!(answer.header("set-cookie").is_some(), news.is_some(), "{backend} {path}");
        }
        let page = browser.get("/").await;
        assert_eq!(page.header("x-session-cookie"), None);
    }
}

#[tokio::test]
async fn a_logout_destroys_the_session_and_removes_the_cookie() {
    for backend in BACKENDS {
        let (demo, browser) = start(backend).await;
        let cookie = browser.post("/login", r#"{"user": "ann"}"#).await.cookie().to_owned();
        let answer = browser.post("/logout", "").await;
        assert_eq!(answer.session(), "{}", "{backend}");
        assert!(answer.removes_the_cookie(), "{backend}");
        assert_eq!(browser.session().await, "{}", "{backend}");
        if backend == "memory" {
            assert_eq!(Browser::with_cookie(&demo, &cookie).session().await, "{}");
        }
    }
}

#[tokio::test]
async fn a_cleared_session_is_empty_and_its_cookie_removed() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        for method in [Method::GET, Method::POST] {
            browser.get("/setup_session").await;
            let answer = browser.send(method, "/clear_session", "").await;
            assert_eq!(answer.session(), "{}", "{backend}");
            assert!(answer.removes_the_cookie(), "{backend}");
            assert_eq!(browser.session().await, "{}", "{backend}");
        }
    }
}

#[tokio::test]
async fn a_renewed_session_has_the_same_data_and_leaves_nothing_under_the_old_cookie() {
    let (demo, browser) = start("memory").await;
    let before = browser.get("/setup_session").await.cookie().to_owned();
    let answer = browser.post("/renew", "").await;
    assert_eq!(answer.session(), r#"{"data":"session_data"}"#);
    assert_ne!(answer.cookie(), before);
    assert_eq!(browser.session().await, answer.session());
    assert_eq!(Browser::with_cookie(&demo, &before).session().await, "{}");
}

#[tokio::test]
async fn a_renewal_sends_a_cookie_in_cookie_mode_too() {
    let (_demo, browser) = start("cookie").await;
    browser.get("/setup_session").await;
    assert!(browser.post("/renew", "").await.cookie().starts_with("session="));
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
}

#[tokio::test]
async fn an_increment_counts_each_key_on_its_own() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        browser.post("/increment", "").await;
        browser.post("/increment?key=visits%20%C3%A9", "").await;
        let answer = browser.post("/increment", "").await;
        assert_eq!(answer.session(), r#"{"n":2,"visits é":1}"#, "{backend}");
        assert_eq!(browser.session().await, answer.session(), "{backend}");
    }
}

#[tokio::test]
async fn values_that_are_no_whole_numbers_are_not_incremented() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        let session = r#"{"n":"secret"}"#;
        browser.post("/update_session", session).await;
        let error = browser.post("/increment", "").await.error(400);
        assert!(error.contains(r#""n""#) && !error.contains("secret"), "{error}");
        assert_eq!(browser.session().await, session, "{backend}");
    }
}

#[tokio::test]
async fn the_highest_number_stays_when_it_is_incremented() {
    let (_demo, browser) = start("cookie").await;
    let session = r#"{"n":9223372036854775807}"#;
    browser.post("/update_session", session).await;
    assert_eq!(browser.post("/increment", "").await.session(), session);
}

#[tokio::test]
async fn a_slow_update_waits_as_long_as_it_is_told() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        let started = Instant::now();
        let answer = browser.post("/slow_update?ms=300", r#"{"a": 1}"#).await;
        assert!(started.elapsed() >= Duration::from_millis(300), "{backend}");
        assert_eq!(answer.session(), r#"{"a":1}"#, "{backend}");
        assert_eq!(browser.session().await, answer.session(), "{backend}");
        assert!(browser.post("/slow_update?ms=soon", "{}").await.error(400).contains("ms"), "{backend}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_ask_for_its_session_gets_no_header_of_it() {
    for backend in BACKENDS {
        let (_demo, browser) = start(backend).await;
        for _ in ["without a session", "with one"] {
            let answer = browser.get("/untouched").await;
            assert_eq!(answer.text, r#"{"untouched":true}"#, "{backend}");
            for name in ["set-cookie", "vary", "cache-control"] {
                assert_eq!(answer.header(name), None, "{backend}");
            }
            browser.get("/setup_session").await;
        }
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_answered_in_json_without_the_session() {
    let (_demo, browser) = start("memory").await;
    browser.get("/setup_session").await;
    let unknown = browser.get("/nowhere").await;
    assert!(!unknown.error(404).is_empty());
    let method = browser.get("/login").await;
    assert!(!method.error(405).is_empty());
    assert_eq!(method.header("allow"), Some("POST"));
    assert_eq!((unknown.header("vary"), method.header("vary")), (None, None));
}

#[tokio::test]
async fn a_session_too_long_for_a_cookie_is_a_json_error_and_leaves_the_old_one() {
    let body = format!(r#"{{"long":"{}"}}"#, "a".repeat(4096));
    let (demo, browser) = start("cookie").await;
    browser.get("/setup_session").await;
    let answer = browser.post("/update_session", body.clone()).await;
    assert!(answer.error(500).contains("browsers keep 4096"));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    let log = demo.stop();
    assert!(log.contains("WARN") && log.contains("4096"), "{log}");

    let (_demo, browser) = start("memory").await;
    assert_eq!(browser.post("/update_session", body.clone()).await.session(), body);
}

#[tokio::test]
async fn no_answer_is_taken_for_a_page() {
    let (_demo, browser) = start("cookie").await;
    for path in ["/view_session", "/untouched", "/nowhere", "/login", "/"] {
        assert_eq!(browser.get(path).await.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}
