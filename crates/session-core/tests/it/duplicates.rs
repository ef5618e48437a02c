//! Several cookies of the session's name in one request: some of them may have been planted.

use session_core::{OnDuplicate, SessionConfig, SessionConfigBuilder, SessionError, SessionManager};

use crate::support::{App, Browser, SECRET, defaults};

/// Cookies of sessions of `old`, `middle` and `new`, a second apart.
async fn three_sessions(configure: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> (App, [String; 3]) {
    let (app, _) = App::server(configure);
    let mut cookies = Vec::new();
    for user in ["old", "middle", "new"] {
        cookies.push(app.browser_with(&format!(r#"{{"user":"{user}"}}"#)).await.header());
        app.advance(1);
    }
    (app, cookies.try_into().expect("they are three"))
}

/// Returns the user of the session that these cookies open.
async fn user(app: &App, cookies: &[&str]) -> Option<String> {
    let joined = cookies.join("; ");
    let in_one = app.load(app.manager.open([joined.as_bytes()])).await.get("user").expect("a name");
    let in_several = app.load(app.manager.open(cookies.iter().map(|cookie| cookie.as_bytes()))).await;
    assert_eq!(in_one, in_several.get("user").expect("a name"));
    in_one
}

#[tokio::test]
async fn by_default_the_last_one_that_verifies_is_taken() {
    let (app, [old, middle, new]) = three_sessions(|config| config).await;
    assert_eq!(user(&app, &[&old, &new, &middle]).await.as_deref(), Some("middle"));
    assert_eq!(user(&app, &[&old, "id=forged.ZVPxAA.x", "id="]).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &["id=forged", "id=null"]).await, None);
}

#[tokio::test]
async fn the_one_issued_last_may_be_taken() {
    let (app, [old, middle, new]) = three_sessions(|config| config.on_duplicate(OnDuplicate::Newest)).await;
    assert_eq!(user(&app, &[&old, &new, &middle]).await.as_deref(), Some("new"));
    assert_eq!(user(&app, &[&middle, &old, "id=forged"]).await.as_deref(), Some("middle"));
}

#[tokio::test]
async fn of_two_issued_in_the_same_second_the_last_is_taken() {
    let (app, _) = App::server(|config| config.on_duplicate(OnDuplicate::Newest));
    let [first, second] = [app.browser_with(r#"{"user":"a"}"#).await, app.browser_with(r#"{"user":"b"}"#).await];
    assert_eq!(user(&app, &[&first.header(), &second.header()]).await.as_deref(), Some("b"));
    assert_eq!(user(&app, &[&second.header(), &first.header()]).await.as_deref(), Some("a"));
}

#[tokio::test]
async fn two_that_verify_and_differ_may_be_rejected() {
    let (app, [old, _, new]) = three_sessions(|config| config.on_duplicate(OnDuplicate::Reject)).await;
    assert_eq!(user(&app, &[&old, &new]).await, None);
    assert_eq!(user(&app, &[&new, &old]).await, None);
    // A cookie that was planted without the secret does no harm, and neither does one that was sent twice.
    assert_eq!(user(&app, &[&new, "id=planted"]).await.as_deref(), Some("new"));
    assert_eq!(user(&app, &["id=planted.ZVPxAA.x", &new, &new]).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_logout_destroys_the_sessions_of_all_cookies_that_verify() {
    for on_duplicate in [OnDuplicate::Last, OnDuplicate::Newest, OnDuplicate::Reject] {
        let (app, [old, middle, new]) = three_sessions(|config| config).await;
        let config = SessionConfig::builder(SECRET, "id").backend(app.memory.clone()).on_duplicate(on_duplicate);
        let config = config.clock(app.clock.clone()).build().unwrap();
        let header = format!("{old}; {middle}; {new}; id=a; id=b; id=c; id=d");
        let handle = SessionManager::new(config).open([header.as_bytes()]);
        handle.destroy();
        assert!(handle.commit(200).await.set_cookie.unwrap().as_str().contains("Max-Age=0"));
        for cookie in [old, middle, new] {
            assert_eq!(app.data(&Browser::with_cookie(&cookie)).await, "{}");
        }
    }
}

#[tokio::test]
async fn a_logout_with_an_expired_cookie_destroys_a_session_that_lives() {
    let (app, _) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let expired = browser.header();
    app.advance(8 * 24 * 3600);
    app.visit(&mut browser, |_| {}).await.expect("a refresh is due");
    app.advance(8 * 24 * 3600);

    let handle = app.manager.open([expired.as_bytes()]);
    handle.destroy();
    assert!(handle.commit(200).await.set_cookie.unwrap().as_str().contains("Max-Age=0"));
    assert_eq!(app.data(&browser).await, "{}");
}

#[tokio::test]
async fn a_logout_of_more_than_eight_sessions_says_so_and_destroys_eight() {
    let (app, _) = App::server(defaults);
    let mut cookies = Vec::new();
    for _ in 0..9 {
        cookies.push(app.browser_with(r#"{"user":"ann"}"#).await.header());
    }
    let handle = app.manager.open([cookies.join("; ").as_bytes()]);
    handle.destroy();
    let commit = handle.commit(200).await;
    let error = commit.error.unwrap();
    assert!(matches!(error, SessionError::TooManySessions { found: 9, limit: 8 }), "{error:?}");
    assert_eq!(error.status(), 400);
    assert!(commit.set_cookie.is_some());
    assert_eq!(app.memory.len(), 1);
}

#[tokio::test]
async fn junk_cookies_behind_or_before_the_real_one_hide_it_from_nothing() {
    let (app, [old, middle, _]) = three_sessions(|config| config).await;
    let planted = ["id=a", "id=b", "id=c", "id=d"];
    assert_eq!(user(&app, &[&[&*old], &planted[1..]].concat()).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &[&[&*old], &planted[..]].concat()).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &[&planted[..], &[&*middle]].concat()).await.as_deref(), Some("middle"));

    let (app, [old, ..]) = three_sessions(|config| config.on_duplicate(OnDuplicate::Reject)).await;
    assert_eq!(user(&app, &[&planted[1..], &[&*old]].concat()).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &[&planted[..], &[&*old]].concat()).await.as_deref(), Some("old"));
}

#[tokio::test]
async fn a_value_longer_than_a_cookie_can_be_is_not_looked_at() {
    let (app, [old, ..]) = three_sessions(|config| config).await;
    let long = format!("id={}", "x".repeat(4097));
    assert_eq!(user(&app, &[&old, &long, &long, &long, &long]).await.as_deref(), Some("old"));
}
