//! The demo and the real Django with `signed_cookies`, behind one cookie.

use serde_json::{Value, json};

use crate::support::{Browser, Demo, Framework, SECRET, get};

fn start() -> (Framework, Demo) {
    (Framework::django(&[]), Demo::with(&["--format", "django-cookie", "--backend", "cookie"]))
}

const DATA: &str = r#"{"_auth_user_id":"1","_auth_user_backend":"django.contrib.auth.backends.ModelBackend","_auth_user_hash":"d37d","n":1.5,"text":"é 🦀"}"#;

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let ((django, rust), browser) = (start(), Browser::new());
    browser.post(&django, "/update_session", DATA).await;
    let data: Value = serde_json::from_str(DATA).expect("it is JSON");
    assert_eq!(browser.view(&rust).await, data);
    let set = browser.post(&rust, "/login", r#"{"user": "bob ß"}"#).await.set_cookie().expect("it has changed");
    assert!(set.attributes.contains("max-age=1209600"), "{set:?}");
    let mut expected = data;
    expected["user"] = json!("bob ß");
    assert_eq!(browser.view(&django).await, expected);
    for in_rust in [true, false] {
        browser.post(&django, "/update_session", DATA).await;
        match in_rust {
            true => drop(browser.post(&rust, "/logout", "").await),
            false => drop(browser.post(&django, "/logout", "").await),
        }
        assert_eq!((browser.cookie(&rust), browser.view(&django).await), (None, json!({})));
    }
}

#[tokio::test]
async fn a_long_session_is_compressed_on_both_sides() {
    let ((django, rust), browser) = (start(), Browser::new());
    let long = json!({"text": "é".repeat(10_000)});
    browser.post(&rust, "/update_session", &long.to_string()).await;
    assert_eq!(browser.view(&django).await, long);
    browser.post(&django, "/update_session", r#"{"n": 123456789012345678901234567890}"#).await;
    assert!(browser.get(&rust, "/view_session").await.session_json().contains("123456789012345678901234567890"));
}

#[tokio::test]
async fn the_expiry_that_django_sets_is_kept() {
    let ((django, rust), browser) = (start(), Browser::new());
    browser.post(&django, "/update_session", DATA).await;
    for (expiry, attribute) in [("3600", Some("max-age=3600")), ("0", None)] {
        browser.post(&django, "/expire", expiry).await;
        let set = browser.post(&rust, "/update_session", &format!(r#"{{"n": {expiry}}}"#)).await;
        let attributes = set.set_cookie().expect("it has changed").attributes;
        let max_age = attributes.iter().find(|attribute| attribute.starts_with("max-age"));
        assert_eq!(max_age.map(String::as_str), attribute, "{attributes:?}");
        assert_eq!(browser.view(&django).await["_session_expiry"].to_string(), expiry);
    }
}

#[tokio::test]
async fn messages_pass_through_rust() {
    let ((django, rust), browser) = (start(), Browser::new());
    browser.post(&django, "/flash", "").await;
    assert!(browser.view(&rust).await["_messages"].as_str().is_some_and(|text| text.contains("Saved")));
    browser.post(&rust, "/update_session", r#"{"n": 1}"#).await;
    assert_eq!(browser.get(&django, "/flashed").await.session(), json!({"messages": ["Saved é"]}));
    assert_eq!(browser.view(&rust).await, json!({"n": 1}));
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let (old, browser) = (Framework::django(&[]), Browser::new());
    browser.post(&old, "/update_session", DATA).await;
    let by_old = browser.cookie(&old).expect("there is a session");
    let rust = Demo::with_secrets(&[new, SECRET], &["--format", "django-cookie", "--backend", "cookie"]);
    let seen = browser.get(&rust, "/view_session").await;
    assert!(seen.set_cookie().is_some() && seen.session()["_auth_user_id"] == "1", "it is signed by the new secret");
    let django = Framework::start("django", new, &["--fallback", SECRET]);
    assert_eq!(browser.view(&django).await["_auth_user_id"], "1");
    assert_eq!(get(&django, "/view_session", &by_old).await.session()["_auth_user_id"], "1");
    assert_eq!(browser.view(&old).await, json!({}));
}
