//! The data of a session survives the other side: byte for byte in Rust, within the limits of its own types in Python.

use serde_json::json;
use session_tower::SessionMap;

use crate::support::{App, Browser, Demo, Peer, Token, for_each_app};

for_each_app![
    values_of_python_come_back_byte_for_byte_after_rust_changed_another_key,
    values_of_rust_are_rewritten_by_python_and_then_left_alone_by_rust,
    a_value_that_is_not_json_harms_its_reader_only,
    keys_of_any_text_are_the_same_keys_on_both_sides,
    keys_that_only_python_can_hold_stay_as_they_are,
    keys_that_only_python_can_hold_are_not_taken_for_one_that_rust_sets,
];

/// The values as Python must write them.
const VALUES: &[&str] = &[
    "0",
    "-1",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890123456789012345678901234567890",
    "-999999999999999999999999999999999999999999999999999999999999",
    "1.0",
    "-0.0",
    "0.1",
    "100.0",
    "1e+16",
    "1e-07",
    "1e+22",
    "5e-324",
    "2.2250738585072014e-308",
    "1.7976931348623157e+308",
    "123456789.12345679",
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    r#""""#,
    r#""\u00e9 \ud83e\udd80 \u0000 \u007f \u2028 \ud800""#,
    r#""\"\\/\b\f\n\r\t </script>""#,
    r#""a.b;c=d, e""#,
    "[]",
    "{}",
    r#"[1.0, [[], {}], {"a": {"b": [null, -0.0, "\u00fc"]}}]"#,
];

async fn values_of_python_come_back_byte_for_byte_after_rust_changed_another_key(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    let written = object_of(VALUES);
    let of_python = Token::parse(&browser.post(python, "/update_session", &written).await.cookie()).json();
    assert_eq!(of_python, written);

    let of_rust = values_of(&browser.post(&rust, "/increment?key=rust", "").await.cookie());
    assert_eq!(of_rust, [VALUES, &["1"]].concat());
    let back_in_python = Token::parse(&browser.get(python, "/view_session").await.cookie()).json();
    assert_eq!(back_in_python, format!(r#"{}, "rust": 1}}"#, &written[..written.len() - 1]));
}

async fn values_of_rust_are_rewritten_by_python_and_then_left_alone_by_rust(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    let (by_rust, by_python): (Vec<_>, Vec<_>) = SPELLINGS.iter().copied().unzip();
    let reply = browser.post(&rust, "/update_session", &object_of(&by_rust)).await;
    assert_eq!(values_of(&reply.cookie()), by_rust);
    let reply = browser.post(python, "/increment?key=python", "").await;
    assert_eq!(values_of(&reply.cookie()), [&by_python[..], &["1"]].concat());
    let reply = browser.post(&rust, "/increment?key=rust", "").await;
    assert_eq!(values_of(&reply.cookie()), [&by_python[..], &["1", "1"]].concat());
}

/// Numbers and texts as Rust may write them, and as Python writes them.
const SPELLINGS: &[(&str, &str)] = &[
    ("1", "1"),
    ("1.0", "1.0"),
    ("-0.0", "-0.0"),
    ("-0", "0"),
    ("1e16", "1e+16"),
    ("1E2", "100.0"),
    ("1.10", "1.1"),
    ("0.000001", "1e-06"),
    ("5e-324", "5e-324"),
    (VALUES[5], VALUES[5]),
    ("12345678901234567890.5", "1.2345678901234567e+19"),
    // No Python float is this large.
    ("1e400", "Infinity"),
    (r#""\u00E9é🦀\/""#, r#""\u00e9\u00e9\ud83e\udd80/""#),
    (r#"{"a":[1,{"b":2.50}]}"#, r#"{"a": [1, {"b": 2.5}]}"#),
    (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
];

async fn a_value_that_is_not_json_harms_its_reader_only(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.post(python, "/update_session", r#"{"nan": NaN, "n": 1}"#).await;
    let refused = browser.post(&rust, "/increment?key=nan", "").await;
    assert_eq!((refused.status, refused.set_cookie()), (400, None));
    browser.post(&rust, "/increment", "").await;
    assert_eq!(browser.get(python, "/view_session").await.session_json(), r#"{"nan": NaN, "n": 2}"#);
}

async fn keys_of_any_text_are_the_same_keys_on_both_sides(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    let keys = ["", "é", "🦀", "\"quoted\"", "back\\slash", "a.b;c=d", "line\nbreak\0", "__proto__", "%41+%2B"];
    for key in keys {
        browser.post(python, "/update_session", &json!({ key: "python" }).to_string()).await;
    }
    for key in keys {
        // If it were another key in Rust, Python would find both afterwards.
        browser.post(&rust, "/update_session", &json!({ key: "rust" }).to_string()).await;
    }
    let expected: serde_json::Map<_, _> = keys.into_iter().map(|key| (key.to_owned(), json!("rust"))).collect();
    assert_eq!(browser.view(python).await, json!(expected));
    assert_eq!(map_of(&browser.get(python, "/view_session").await.cookie()).len(), keys.len());
}

/// Lone surrogates, which are not text in Rust.
async fn keys_that_only_python_can_hold_stay_as_they_are(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.post(python, "/update_session", r#"{"\ud800": 1, "\udfff": 2, "n": 3}"#).await;
    browser.post(&rust, "/increment", "").await;
    let seen = browser.get(python, "/view_session").await.session_json();
    assert_eq!(seen, r#"{"\ud800": 1, "\udfff": 2, "n": 4}"#);
}

/// Rust reads all such keys as U+FFFD, which a handler may also set as a key.
async fn keys_that_only_python_can_hold_are_not_taken_for_one_that_rust_sets(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.post(python, "/update_session", r#"{"\ud800": 1, "\udfff": 2}"#).await;
    browser.post(&rust, "/update_session", r#"{"\ufffd": 5}"#).await;
    let seen = browser.get(python, "/view_session").await.session_json();
    assert_eq!(seen, r#"{"\ud800": 1, "\udfff": 2, "\ufffd": 5}"#);
}

/// A JSON object of these values, as Python writes it.
fn object_of(values: &[&str]) -> String {
    let entries: Vec<_> = values.iter().enumerate().map(|(n, value)| format!(r#""{n}": {value}"#)).collect();
    format!("{{{}}}", entries.join(", "))
}

fn values_of(cookie: &str) -> Vec<String> {
    map_of(cookie).iter().map(|(_, value)| value.to_owned()).collect()
}

fn map_of(cookie: &str) -> SessionMap {
    SessionMap::from_json(Token::parse(cookie).json()).expect("a session is an object")
}
