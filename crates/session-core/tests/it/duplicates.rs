//! Several cookies of the session's name in one request: some of them may have been planted.

use session_core::{OnDuplicate, SessionConfigBuilder};

use crate::support::{App, Browser};

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

/// Whose session is opened by these cookies.
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
    // One that was planted without the secret does no harm, nor does one that was sent twice.
    assert_eq!(user(&app, &[&new, "id=planted"]).await.as_deref(), Some("new"));
    assert_eq!(user(&app, &["id=planted.ZVPxAA.x", &new, &new]).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_rejected_request_sets_no_cookie_unless_it_writes() {
    let (app, [old, _, new]) = three_sessions(|config| config.on_duplicate(OnDuplicate::Reject)).await;
    let header = format!("{old}; {new}");
    let handle = app.manager.open([header.as_bytes()]);
    handle.destroy();
    assert_eq!(handle.commit(200).await.set_cookie, None);
    for cookie in [old, new] {
        assert_ne!(app.data(&Browser::with_cookie(&cookie)).await, "{}");
    }
}

#[tokio::test]
async fn no_more_than_the_last_four_are_looked_at() {
    let (app, [old, middle, _]) = three_sessions(|config| config).await;
    let planted = ["id=a", "id=b", "id=c", "id=d"];
    assert_eq!(user(&app, &[&[&*old], &planted[1..]].concat()).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &[&[&*old], &planted[..]].concat()).await, None);
    assert_eq!(user(&app, &[&planted[..], &[&*middle]].concat()).await.as_deref(), Some("middle"));

    let (app, [old, ..]) = three_sessions(|config| config.on_duplicate(OnDuplicate::Reject)).await;
    assert_eq!(user(&app, &[&planted[1..], &[&*old]].concat()).await.as_deref(), Some("old"));
    assert_eq!(user(&app, &[&planted[..], &[&*old]].concat()).await, None);
}

#[tokio::test]
async fn a_value_longer_than_a_cookie_can_be_is_not_looked_at() {
    let (app, [old, ..]) = three_sessions(|config| config).await;
    let long = format!("id={}", "x".repeat(4097));
    assert_eq!(user(&app, &[&old, &long, &long, &long, &long]).await.as_deref(), Some("old"));
}
