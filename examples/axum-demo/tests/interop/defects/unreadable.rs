//! Cookies that can't be read. Python answers most of them with 500; in Rust all are an empty session.

use serde_json::json;

use crate::support::{App, Demo, Peer, Token, for_each_app, get, post, sign_timestamp, sign_value, unix_now};

for_each_app![
    a_cookie_without_two_dots_fails_in_the_original_and_is_an_empty_session_in_rust,
    a_signed_cookie_without_json_is_an_error_in_python_and_an_empty_session_in_rust,
    a_signed_cookie_without_an_object_breaks_python_and_is_an_empty_session_in_rust,
    a_timestamp_beyond_all_years_is_an_error_in_python_and_an_empty_session_in_rust,
    a_timestamp_that_is_no_number_is_an_empty_session_on_both_sides,
    payloads_that_no_server_signs_are_an_empty_session_in_rust,
];

/// A browser that ignores the removal of a cookie keeps two of them: `null` from Python, an empty value from Rust.
async fn a_cookie_without_two_dots_fails_in_the_original_and_is_an_empty_session_in_rust(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let status = match app {
        App::StarletteSession => 500,
        App::Starlette => 200,
    };
    for cookie in ["null", "", "undefined", ".", "one.dot", "one.", ".one", "\"\""] {
        assert_eq!(get(python, "/view_session", cookie).await.status, status, "{cookie:?}");
        assert_is_empty_in_rust(&rust, cookie).await;
    }
}

async fn a_signed_cookie_without_json_is_an_error_in_python_and_an_empty_session_in_rust(app: App) {
    let (python, rust, now) = (Peer::live(app), Demo::cookie(), unix_now());
    let signed = |payload: &[u8]| Token::signed(payload, now).to_string();
    for (what, cookie) in [
        ("not base64", sign_value("abcde", now)),
        ("base64 without padding", sign_value("eyJhIjogMX0", now)),
        ("base64 of the other alphabet", sign_value("eyJhIjogIn5_fj8ifQ==", now)),
        ("nothing", sign_value("", now)),
        ("not JSON", signed(b"{a: 1}")),
        ("half of it", signed(br#"{"a": 1"#)),
        ("more than one value", signed(br#"{"a": 1} {}"#)),
        ("not UTF-8", signed(b"{\"a\": \"\xff\"}")),
        ("white space only", signed(b" ")),
    ] {
        assert_eq!(get(python, "/view_session", &cookie).await.status, 500, "{what}");
        assert_is_empty_in_rust(&rust, &cookie).await;
    }
}

async fn a_signed_cookie_without_an_object_breaks_python_and_is_an_empty_session_in_rust(app: App) {
    let (python, rust, now) = (Peer::live(app), Demo::cookie(), unix_now());
    for json in ["[1]", "\"text\"", "1", "true", "null", "[]", "0"] {
        let cookie = Token::signed(json, now).to_string();
        assert_eq!(get(python, "/view_session", &cookie).await.session_json(), json);
        assert_eq!(post(python, "/update_session", &cookie, r#"{"n": 1}"#).await.status, 500, "{json}");
        assert_is_empty_in_rust(&rust, &cookie).await;
    }
}

async fn a_timestamp_beyond_all_years_is_an_error_in_python_and_an_empty_session_in_rust(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    for seconds in [253_402_300_800, u64::MAX / 2, u64::MAX] {
        let cookie = Token::signed(r#"{"n": 41}"#, seconds).to_string();
        assert_eq!(get(python, "/view_session", &cookie).await.status, 500, "{seconds}");
        assert_is_empty_in_rust(&rust, &cookie).await;
    }
}

async fn a_timestamp_that_is_no_number_is_an_empty_session_on_both_sides(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    for timestamp in ["", "!!!!", "A", "AAAAAAAAAAAA", "AQAAAAAAAAAA"] {
        let cookie = sign_timestamp(r#"{"n": 41}"#, timestamp);
        assert_eq!(get(python, "/view_session", &cookie).await.session(), json!({}), "{timestamp:?}");
        assert_is_empty_in_rust(&rust, &cookie).await;
    }
}

/// Such cookies need the secret, and no library makes them.
async fn payloads_that_no_server_signs_are_an_empty_session_in_rust(app: App) {
    let (python, rust, now) = (Peer::live(app), Demo::cookie(), unix_now());
    let utf_16: Vec<u8> = r#"{"n": 41}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (what, cookie) in [
        ("UTF-16", Token::signed(utf_16, now).to_string()),
        ("a byte order mark", Token::signed("\u{feff}{\"n\": 41}", now).to_string()),
        ("more than base64", sign_value("eyJu*Ijog*NDF9", now)),
    ] {
        assert_eq!(get(python, "/view_session", &cookie).await.session(), json!({"n": 41}), "{what}");
        assert_is_empty_in_rust(&rust, &cookie).await;
    }
}

/// A request that only reads finds an empty session, and the cookie is left alone. A request that writes begins a new
/// session.
async fn assert_is_empty_in_rust(rust: &Demo, cookie: &str) {
    let read = get(rust, "/view_session", cookie).await;
    assert_eq!((read.session(), read.set_cookie()), (json!({}), None), "{cookie:?}");
    let written = post(rust, "/increment", cookie, "").await;
    assert_eq!(written.session(), json!({"n": 1}), "{cookie:?}");
    assert_eq!(get(rust, "/view_session", &written.cookie()).await.session(), json!({"n": 1}), "{cookie:?}");
}
