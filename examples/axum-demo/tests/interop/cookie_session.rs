//! The demo and the real cookie-session behind one pair of cookies.

use serde_json::json;

use crate::support::{Browser, Demo, Express, SECRET, Server, post};

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let express = Express::in_cookies(&[]);
    let rust = Demo::with(&["--format", "cookie-session", "--backend", "cookie"]);
    let browser = Browser::new();
    let data = json!({"user": "ann", "n": 1.5, "text": "é 🦀", "list": [null, true, {}, "?>"]});
    browser.post(&express, "/update_session", &data.to_string()).await;
    assert_eq!(browser.view(&rust).await, data);
    let set = browser.post(&rust, "/update_session", r#"{"n": 2}"#).await;
    assert_eq!(set.set_cookies().len(), 2);
    let seen = browser.get(&express, "/view_session").await;
    assert_eq!((seen.session()["n"].clone(), seen.set_cookies().len()), (2.into(), 0), "Express takes it as it is");
    // A session that begins in Rust.
    let other = Browser::new();
    other.post(&rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(other.view(&express).await, json!({"user": "bob"}));
    for in_rust in [true, false] {
        browser.post(&express, "/update_session", &data.to_string()).await;
        match in_rust {
            true => drop(browser.post(&rust, "/logout", "").await),
            false => drop(browser.post(&express, "/logout", "").await),
        }
        assert_eq!((browser.view(&express).await, browser.view(&rust).await), (json!({}), json!({})));
    }
}

#[tokio::test]
async fn both_cookies_last_as_long_as_those_of_express() {
    let express = Express::in_cookies(&["--max-age", "1000"]);
    let rust = Demo::with(&["--format", "cookie-session", "--backend", "cookie", "--max-age", "1000"]);
    for (server, attribute) in [(&express as &(dyn Server + Sync), "expires="), (&rust, "Max-Age=1000")] {
        let set = post(server, "/update_session", "", r#"{"n": 1}"#).await;
        let set = set.set_cookies();
        assert!(set.len() == 2 && set.iter().all(|cookie| cookie.contains(attribute)), "{set:?}");
    }
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let (old, browser) = (Express::in_cookies(&[]), Browser::new());
    browser.post(&old, "/update_session", r#"{"user":"ann"}"#).await;
    let rust = Demo::with_secrets(&[new, SECRET], &["--format", "cookie-session", "--backend", "cookie"]);
    let seen = browser.get(&rust, "/view_session").await;
    assert_eq!((seen.session(), seen.set_cookies().len()), (json!({"user": "ann"}), 2), "the new secret signs it");
    assert_eq!(browser.view(&old).await, json!({}));
}
