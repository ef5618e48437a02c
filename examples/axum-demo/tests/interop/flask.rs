//! The demo and the real Flask behind one cookie.

use serde_json::json;

use crate::support::{Browser, Demo, Framework, SECRET, get};

/// Both sides, each with these options in addition to the usual ones.
fn start(of_flask: &[&str], of_rust: &[&str]) -> (Framework, Demo) {
    (Framework::flask(of_flask), Demo::with(&[&["--format", "flask", "--backend", "cookie"], of_rust].concat()))
}

const DATA: &str = r#"{"user":"ann","n":1.5,"big":123456789012345678901234567890,"text":"é 🦀"}"#;

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let ((flask, rust), browser) = (start(&[], &[]), Browser::new());
    browser.post(&flask, "/update_session", DATA).await;
    assert_eq!(browser.view(&rust).await, browser.view(&flask).await);
    let set = browser.post(&rust, "/login", r#"{"user": "bob"}"#).await.set_cookie().expect("the session has changed");
    assert!(!set.attributes.contains("max-age"), "it ends with the browser: {set:?}");
    let seen = browser.get(&flask, "/view_session").await;
    assert!(seen.session_json().contains("123456789012345678901234567890"), "{}", seen.session_json());
    assert_eq!(seen.session()["user"], "bob");
    for in_rust in [true, false] {
        browser.post(&flask, "/update_session", DATA).await;
        match in_rust {
            true => drop(browser.post(&rust, "/logout", "").await),
            false => drop(browser.post(&flask, "/logout", "").await),
        }
        assert_eq!((browser.cookie(&rust), browser.view(&flask).await), (None, json!({})));
    }
}

#[tokio::test]
async fn a_long_session_is_compressed_on_both_sides() {
    let ((flask, rust), browser) = (start(&[], &[]), Browser::new());
    let long = json!({"text": "é".repeat(10_000)});
    browser.post(&rust, "/update_session", &long.to_string()).await;
    assert_eq!(browser.view(&flask).await, long);
    browser.post(&flask, "/update_session", r#"{"n": 1}"#).await;
    assert_eq!(browser.view(&rust).await["text"], long["text"]);
}

#[tokio::test]
async fn flash_messages_pass_through_rust() {
    let ((flask, rust), browser) = (start(&[], &[]), Browser::new());
    browser.post(&flask, "/flash", "").await;
    assert_eq!(browser.view(&rust).await, json!({"_flashes": [{" t": ["message", "Saved"]}]}));
    browser.post(&rust, "/update_session", r#"{"n": 1}"#).await;
    assert_eq!(browser.get(&flask, "/flashed").await.session(), json!({"messages": ["Saved"]}));
    assert_eq!(browser.view(&rust).await, json!({"n": 1}));
}

#[tokio::test]
async fn a_permanent_session_is_permanent_in_rust() {
    let ((flask, rust), browser) =
        (start(&["--permanent", "--max-age", "1000"], &["--max-age", "1000"]), Browser::new());
    let set = browser.post(&flask, "/update_session", DATA).await.set_cookie().expect("a session begins");
    assert!(set.attributes.iter().any(|attribute| attribute.starts_with("expires")), "{set:?}");
    let set = browser.post(&rust, "/update_session", r#"{"n": 1}"#).await.set_cookie().expect("it has changed");
    assert!(set.attributes.contains("max-age=1000"), "{set:?}");
    let seen = browser.get(&flask, "/view_session").await;
    assert!(seen.set_cookie().is_some(), "Flask renews the cookie of a permanent session");
    assert_eq!(seen.session()["n"], 1);
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let old = Framework::flask(&[]);
    let browser = Browser::new();
    browser.post(&old, "/update_session", DATA).await;
    let by_old = browser.cookie(&old).expect("there is a session");
    let rust = Demo::with_secrets(&[new, SECRET], &["--format", "flask", "--backend", "cookie"]);
    let seen = browser.get(&rust, "/view_session").await;
    assert_eq!(seen.session()["user"], "ann");
    assert!(seen.set_cookie().is_some(), "the cookie is signed by the new secret");
    let flask = Framework::start("flask", new, &["--fallback", SECRET]);
    assert_eq!(browser.view(&flask).await["user"], "ann");
    assert_eq!(get(&flask, "/view_session", &by_old).await.session()["user"], "ann");
    assert_eq!(browser.view(&old).await, json!({}));
}

#[tokio::test]
async fn a_cookie_that_is_too_old_is_no_session_on_either_side() {
    let (flask, rust) = start(&["--max-age", "60"], &["--max-age", "60"]);
    // {"user":"ann"} of 2023.
    let old = "eyJ1c2VyIjoiYW5uIn0.ZVPxAA.GFtq3wiqqwppfB-dNT-Lml3dckM";
    for seen in [get(&flask, "/view_session", old).await, get(&rust, "/view_session", old).await] {
        assert_eq!((seen.status, seen.session()), (200, json!({})));
    }
}
