//! The headers of responses: Python sends too many cookies, too long ones, and no `Vary`.

use reqwest::header::{CACHE_CONTROL, VARY};
use serde_json::json;

use crate::support::{App, Browser, COOKIE, Demo, Peer, SetCookie, for_each_app, get, post};

for_each_app![
    python_always_sets_the_cookie_and_rust_only_after_a_change_of_the_session,
    python_never_says_vary_and_rust_does_where_the_session_was_used,
    a_response_of_rust_that_sets_the_cookie_is_not_to_be_stored,
    a_cookie_that_browsers_drop_is_sent_by_python_and_an_error_in_rust,
    the_longest_cookie_that_browsers_keep_is_read_by_both_sides,
];

async fn python_always_sets_the_cookie_and_rust_only_after_a_change_of_the_session(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let cookie = Browser::new().get(python, "/setup_session").await.cookie();
    for path in ["/view_session", "/untouched", "/setup_session"] {
        let (of_python, of_rust) = (get(python, path, &cookie).await, get(&rust, path, &cookie).await);
        assert!(of_python.set_cookie().is_some(), "{path}");
        assert_eq!((of_rust.status, of_rust.set_cookie()), (200, None), "{path}");
    }
    for (path, body) in [("/increment", ""), ("/update_session", r#"{"data": 1}"#), ("/login", r#"{"user": "ann"}"#)] {
        assert!(post(python, path, &cookie, body).await.set_cookie().is_some(), "{path}");
        assert!(post(&rust, path, &cookie, body).await.set_cookie().is_some(), "{path}");
    }
    // An empty session that stays empty needs no cookie on either side.
    for path in ["/view_session", "/untouched", "/clear_session"] {
        assert_eq!(Browser::new().get(python, path).await.set_cookie(), None, "{path}");
        assert_eq!(Browser::new().get(&rust, path).await.set_cookie(), None, "{path}");
    }
}

async fn python_never_says_vary_and_rust_does_where_the_session_was_used(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let cookie = Browser::new().get(python, "/setup_session").await.cookie();
    for path in ["/view_session", "/setup_session", "/clear_session", "/untouched"] {
        assert!(get(python, path, &cookie).await.header(VARY).is_empty(), "{path}");
        let expected: &[&str] = if path == "/untouched" { &[] } else { &["Cookie"] };
        assert_eq!(get(&rust, path, &cookie).await.header(VARY), expected, "{path}");
        // Visitors without a cookie also get another page than those with one.
        assert_eq!(Browser::new().get(&rust, path).await.header(VARY), expected, "{path}");
    }
}

async fn a_response_of_rust_that_sets_the_cookie_is_not_to_be_stored(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let cookie = Browser::new().get(python, "/setup_session").await.cookie();
    for (path, expected) in [("/clear_session", &["no-store"][..]), ("/view_session", &[]), ("/untouched", &[])] {
        assert!(get(python, path, &cookie).await.header(CACHE_CONTROL).is_empty(), "{path}");
        assert_eq!(get(&rust, path, &cookie).await.header(CACHE_CONTROL), expected, "{path}");
    }
}

async fn a_cookie_that_browsers_drop_is_sent_by_python_and_an_error_in_rust(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let update = json!({"data": "x".repeat(LONGEST_DATA + 1)}).to_string();
    let of_python = Browser::new().post(python, "/update_session", &update).await;
    assert_eq!(of_python.status, 200);
    assert!(of_python.set_cookie().is_some_and(|cookie| length_of(&cookie) > LONGEST_COOKIE));

    // If a client keeps it anyway, only Python accepts it later.
    let longer = json!({"data": "x".repeat(LONGEST_COOKIE)}).to_string();
    let cookie = Browser::new().post(python, "/update_session", &longer).await.cookie();
    assert_eq!(get(python, "/view_session", &cookie).await.session_json(), longer.replace(':', ": "));
    assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({}));

    let browser = Browser::new();
    browser.post(&rust, "/update_session", r#"{"data": "kept"}"#).await;
    let of_rust = browser.post(&rust, "/update_session", &update).await;
    assert_eq!((of_rust.status, of_rust.set_cookie()), (500, None));
    assert_eq!(browser.view(&rust).await, json!({"data": "kept"}));
    assert_eq!(browser.view(python).await, json!({"data": "kept"}));
}

async fn the_longest_cookie_that_browsers_keep_is_read_by_both_sides(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    let session = json!({"data": "x".repeat(LONGEST_DATA)});
    let cookie = browser.post(&rust, "/update_session", &session.to_string()).await.set_cookie();
    // The length of base64 is a multiple of four, so no cookie is only one or two bytes longer.
    assert!(cookie.is_some_and(|cookie| (LONGEST_COOKIE - 3..=LONGEST_COOKIE).contains(&length_of(&cookie))));
    assert_eq!(browser.view(&rust).await, session);
    assert_eq!(browser.view(python).await, session);
}

/// The length of name and value (RFC 6265bis, section 5.6).
const LONGEST_COOKIE: usize = 4096;

/// The length of the text in `{"data":"..."}` whose cookie is the longest in Rust: 4052 bytes of base64 make 3039 of
/// JSON, beside 35 of timestamp, signature and dots, and the name.
const LONGEST_DATA: usize = (LONGEST_COOKIE - COOKIE.len() - 35) / 4 * 3 - r#"{"data":""}"#.len();

fn length_of(cookie: &SetCookie) -> usize {
    cookie.name.len() + cookie.value.len()
}
