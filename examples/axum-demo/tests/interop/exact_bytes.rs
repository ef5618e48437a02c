//! The exact bytes of cookies: those that Python sets, and the ways in which Rust's may differ.

use std::time::Duration;

use serde_json::Value;
use session_tower::session_core::signer::TimestampSigner;
use session_tower::{SameSite, SessionConfig, SessionConfigBuilder};

use crate::support::{App, Browser, NOW, Peer, RustServer, Server, SetCookie, TestClock, Token, for_each_app, get};

for_each_app![
    python_sets_and_removes_the_cookie_with_the_documented_bytes,
    both_sides_set_and_remove_the_cookie_with_the_same_attributes,
];

const SECRET: &str = "secret";
const COOKIE: &str = "cookie";
const SESSION: &str = r#"{"data": "something"}"#;
const TOKEN: &str = "eyJkYXRhIjogInNvbWV0aGluZyJ9.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44";

async fn python_sets_and_removes_the_cookie_with_the_documented_bytes(app: App) {
    let python = start_python(app, &[]);
    let set = Browser::new().post(&python, "/update_session", SESSION).await;
    let removed = get(&python, "/clear_session", TOKEN).await;
    let (set_attributes, removal) = match app {
        App::StarletteSession => (
            "Path=/; Max-Age=1209600; httponly; samesite=lax",
            "cookie=null; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; httponly; samesite=lax",
        ),
        App::Starlette => (
            "path=/; Max-Age=1209600; httponly; samesite=lax",
            "cookie=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax",
        ),
    };
    assert_eq!(set.set_cookies(), [format!("cookie={TOKEN}; {set_attributes}")]);
    assert_eq!(removed.set_cookies(), [removal]);
}

#[test]
fn rust_signs_the_payload_of_python_with_the_very_signature_of_python() {
    let signed = TimestampSigner::new(SECRET).sign(Token::parse(TOKEN).payload, NOW);
    assert_eq!(String::from_utf8_lossy(&signed), TOKEN);
}

#[tokio::test]
async fn rust_makes_the_token_of_python_but_for_white_space_in_its_json() {
    let rust = start_rust(|config| config).await;
    let of_rust = Token::parse(&Browser::new().post(&rust, "/update_session", SESSION).await.cookie());
    let of_python = Token::parse(TOKEN);
    assert_eq!(of_rust.timestamp, of_python.timestamp);
    assert_eq!(parsed(&of_rust), parsed(&of_python));
    assert_eq!((of_rust.json().as_str(), of_python.json().as_str()), (r#"{"data":"something"}"#, SESSION));
}

async fn both_sides_set_and_remove_the_cookie_with_the_same_attributes(app: App) {
    type Configure = fn(SessionConfigBuilder) -> SessionConfigBuilder;
    let cases: [(&[&str], Configure); 3] = [
        (&[], |config| config),
        (&["--same-site=strict", "--max-age=60", "--domain=example.com"], |config| {
            config.same_site(SameSite::Strict).max_age(Duration::from_secs(60)).domain("example.com")
        }),
        (&["--same-site=none", "--https-only"], |config| config.same_site(SameSite::None).https_only(true)),
    ];
    for (options, configure) in cases {
        let (set_by_python, removed_by_python) = set_and_remove(&start_python(app, options)).await;
        let (set_by_rust, removed_by_rust) = set_and_remove(&start_rust(configure).await).await;
        assert_eq!(set_by_rust.attributes, set_by_python.attributes, "{options:?}");
        let mut removal = removed_by_python.attributes;
        if app == App::Starlette {
            // Starlette sends only `Expires`. The original sends both, and so does Rust.
            removal.insert("max-age=0".to_owned());
        }
        assert_eq!(removed_by_rust.attributes, removal, "{options:?}");
    }
}

fn start_python(app: App, options: &[&str]) -> Peer {
    let now = NOW.to_string();
    Peer::start(app, SECRET, COOKIE, &[options, &["--now", &now]].concat())
}

async fn start_rust(configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> RustServer {
    let config = SessionConfig::builder(SECRET, COOKIE).danger_allow_weak_secret(true).clock(TestClock::at(NOW));
    RustServer::start(configure(config).build().expect("the configuration is good")).await
}

/// The cookies that a server sets, first with data and then, as the session is cleared, to remove it.
async fn set_and_remove(server: &impl Server) -> (SetCookie, SetCookie) {
    let set = Browser::new().get(server, "/setup_session").await.set_cookie().expect("a new session has a cookie");
    // They are not taken from the browser, which does not send cookies for HTTPS or for other hosts.
    let removed = get(server, "/clear_session", &set.value).await.set_cookie().expect("the cookie is removed");
    assert_eq!([set.name.as_str(), removed.name.as_str()], [COOKIE, COOKIE]);
    (set, removed)
}

fn parsed(token: &Token) -> Value {
    serde_json::from_str(&token.json()).expect("a session is JSON")
}
