//! Cookies that neither side has made: both see an empty session, without the data of the cookie.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{
    App, Browser, COOKIE, Demo, NOW, Oracle, Peer, SECRET, Server, Token, for_each_app, get, post, unix_now,
};

for_each_app![
    a_forged_cookie_is_an_empty_session_on_both_sides,
    a_cookie_by_another_secret_is_an_empty_session_on_both_sides,
    a_forged_cookie_is_left_alone_by_reading_and_clearing_and_removed_by_a_logout,
    a_write_takes_nothing_over_from_a_forged_cookie,
    of_several_cookies_of_one_name_both_sides_take_the_last,
    a_forged_cookie_beside_a_genuine_one_hides_it_from_python_only,
];

async fn a_forged_cookie_is_an_empty_session_on_both_sides(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    for genuine in [log_in(python).await, log_in(&rust).await] {
        let seen = view_both(python, &rust, &genuine.to_string()).await;
        assert_eq!(seen, [json!({"user": "ann"}), json!({"user": "ann"})]);
        for (what, forged) in forgeries_of(&genuine) {
            assert_eq!(view_both(python, &rust, &forged).await, [json!({}), json!({})], "{what}: {forged}");
        }
    }
}

async fn a_cookie_by_another_secret_is_an_empty_session_on_both_sides(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let longer = format!("{SECRET}.");
    for secret in ["", &SECRET[1..], &SECRET.to_uppercase(), &longer] {
        let signer = json!({ "secret": secret, "now": unix_now() });
        let forged = Oracle::shared().dump_session(&signer, r#"{"user": "ann"}"#);
        assert_eq!(view_both(python, &rust, &forged).await, [json!({}), json!({})], "{secret}");
    }
}

async fn a_forged_cookie_is_left_alone_by_reading_and_clearing_and_removed_by_a_logout(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let forged = Token { signature: "A".repeat(27), ..log_in(python).await }.to_string();
    assert_eq!(get(python, "/view_session", &forged).await.set_cookie(), None);
    assert_eq!(get(&rust, "/view_session", &forged).await.set_cookie(), None);
    assert_eq!(get(&rust, "/clear_session", &forged).await.set_cookie(), None);
    let removal = post(&rust, "/logout", &forged, "").await.set_cookie().expect("the cookie is removed");
    assert_eq!((removal.name.as_str(), removal.value.as_str()), (COOKIE, ""));
}

async fn a_write_takes_nothing_over_from_a_forged_cookie(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let forged =
        Token { payload: STANDARD.encode(r#"{"user": "admin", "n": 41}"#), ..log_in(python).await }.to_string();
    let of_python = post(python, "/increment", &forged, "").await;
    let of_rust = post(&rust, "/increment", &forged, "").await;
    for reply in [of_python, of_rust] {
        assert_eq!(reply.session(), json!({"n": 1}));
        assert_eq!(view_both(python, &rust, &reply.cookie()).await, [json!({"n": 1}), json!({"n": 1})]);
    }
}

async fn of_several_cookies_of_one_name_both_sides_take_the_last(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let (first, last) = (post(python, "/login", "x.y.z", r#"{"user": "bob"}"#).await.cookie(), log_in(&rust).await);
    for separator in ["; ", ";", "; other=1; "] {
        let both = format!("{first}{separator}{COOKIE}={last}");
        assert_eq!(view_both(python, &rust, &both).await, [json!({"user": "ann"}), json!({"user": "ann"})], "{both}");
    }
    let quoted = format!("\"{last}\"");
    assert_eq!(view_both(python, &rust, &quoted).await, [json!({"user": "ann"}), json!({"user": "ann"})]);
}

/// A neighbour of the domain that can plant cookies logs users out of Python. Rust ignores cookies that don't verify.
async fn a_forged_cookie_beside_a_genuine_one_hides_it_from_python_only(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let genuine = log_in(python).await;
    let both = format!("{genuine}; {COOKIE}=planted.by.neighbour");
    assert_eq!(view_both(python, &rust, &both).await, [json!({}), json!({"user": "ann"})]);
}

async fn log_in(server: &impl Server) -> Token {
    Token::parse(&Browser::new().post(server, "/login", r#"{"user": "ann"}"#).await.cookie())
}

async fn view_both(python: &Peer, rust: &Demo, cookie: &str) -> [Value; 2] {
    let (of_python, of_rust) = (get(python, "/view_session", cookie).await, get(rust, "/view_session", cookie).await);
    [of_python.session(), of_rust.session()]
}

/// Returns forgeries that need no secret. All keep two dots, because the original fails on fewer.
fn forgeries_of(genuine: &Token) -> Vec<(&'static str, String)> {
    let other = Token::signed("{}", NOW);
    let token = |change: &dyn Fn(&mut Token)| {
        let mut forged = genuine.clone();
        change(&mut forged);
        forged.to_string()
    };
    vec![
        ("another payload", token(&|forged| forged.payload = STANDARD.encode(r#"{"user": "admin"}"#))),
        ("one character of the payload", token(&|forged| forged.payload = flip_first(&forged.payload))),
        ("a longer payload", token(&|forged| forged.payload += "AAAA")),
        ("no payload", token(&|forged| forged.payload.clear())),
        ("two payloads", token(&|forged| forged.payload = format!("{}.{}", forged.payload, forged.payload))),
        ("a later timestamp", token(&|forged| forged.timestamp = later(&forged.timestamp))),
        ("another timestamp", token(&|forged| forged.timestamp = other.timestamp.clone())),
        ("no timestamp", token(&|forged| forged.timestamp.clear())),
        ("one character of the signature", token(&|forged| forged.signature = flip_first(&forged.signature))),
        ("another signature", token(&|forged| forged.signature = other.signature.clone())),
        ("a shorter signature", token(&|forged| forged.signature.truncate(26))),
        ("a longer signature", token(&|forged| forged.signature += "AAAA")),
        ("no signature", token(&|forged| forged.signature.clear())),
        ("a signature in another case", token(&|forged| forged.signature = swap_case(&forged.signature))),
        ("parts in another order", token(&|forged| std::mem::swap(&mut forged.payload, &mut forged.timestamp))),
        ("only dots", "..".to_owned()),
    ]
}

fn flip_first(text: &str) -> String {
    let flipped = if text.starts_with('A') { "B" } else { "A" };
    [flipped, &text[1..]].concat()
}

fn swap_case(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(swap).collect()
}

/// Returns a timestamp one second later, as an attacker would forge it to extend the session.
fn later(timestamp: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(timestamp).expect("a timestamp is base64");
    let seconds = bytes.iter().fold(0_u32, |seconds, &byte| seconds << 8 | u32::from(byte));
    URL_SAFE_NO_PAD.encode((seconds + 1).to_be_bytes())
}
