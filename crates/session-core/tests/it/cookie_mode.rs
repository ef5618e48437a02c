//! Sessions that live in the cookie.

use session_core::{Lifetime, MemoryBackend, Session, SessionError};

use crate::support::{App, Browser, NOW, SECRET, Step, TestClock, at_once, defaults};

const DATA: &str = r#"{"user":"ann"}"#;

#[tokio::test]
async fn a_session_goes_to_the_client_and_comes_back() {
    let app = App::in_cookie(defaults);
    let mut browser = Browser::default();
    app.visit(&mut browser, |session| session.insert("user", "ann").unwrap()).await;
    let session = app.open(&browser).await;
    assert_eq!(session.to_map().into_json(), DATA);
    assert!(!session.is_new());
    assert_eq!(session.id(), None);
}

#[tokio::test]
async fn every_change_sends_the_session_and_nothing_else_does() {
    let app = App::in_cookie(defaults);
    let mut browser = app.browser_with(DATA).await;
    let steps: [(Step, bool); 8] = [
        (|_| (), false),
        (|session| session.insert("user", "ann").unwrap(), false),
        (|session| assert!(!session.remove("absent").unwrap()), false),
        (|session| session.insert("user", "bob").unwrap(), true),
        (|session| drop(session.update("n", |n: Option<u8>| n.unwrap_or(1))), true),
        (|session| assert!(session.remove("n").unwrap()), true),
        (|session| session.renew().unwrap(), true),
        (|session| session.set_lifetime(Lifetime::For(std::time::Duration::from_secs(9))).unwrap(), true),
    ];
    for (step, sends) in steps {
        assert_eq!(app.visit(&mut browser, step).await.is_some(), sends);
    }
    assert_eq!(app.data(&browser).await, r#"{"user":"bob"}"#);
}

#[tokio::test]
async fn an_emptied_or_destroyed_session_removes_the_cookie() {
    let app = App::in_cookie(defaults);
    let steps: [Step; 3] =
        [Session::destroy, |session| session.clear().unwrap(), |session| assert!(session.remove("user").unwrap())];
    for step in steps {
        let mut browser = app.browser_with(DATA).await;
        app.visit(&mut browser, step).await;
        assert!(!browser.has_cookie());
    }
}

#[tokio::test]
async fn destroying_an_unread_session_removes_any_cookie_of_its_name() {
    let app = App::in_cookie(defaults);
    for (mut browser, removed) in [
        (app.browser_with(DATA).await, true),
        (Browser::with_cookie("id=forged.ZVPxAA.x; Path=/"), true),
        (Browser::default(), false),
    ] {
        let handle = app.handle(&browser);
        handle.destroy();
        let response = at_once(handle.commit(200));
        assert_eq!(response.set_cookie.is_some(), removed);
        browser.receive(&response);
        assert!(!removed || !browser.has_cookie());
    }
}

#[tokio::test]
async fn data_that_follows_a_destruction_is_all_that_is_sent() {
    let app = App::in_cookie(defaults);
    let mut browser = app.browser_with(DATA).await;
    app.visit(&mut browser, |session| {
        session.destroy();
        session.insert("farewell", true).unwrap();
    })
    .await;
    assert_eq!(app.data(&browser).await, r#"{"farewell":true}"#);
}

#[tokio::test]
async fn saving_changes_nothing_and_the_response_still_carries_the_session() {
    let app = App::in_cookie(defaults);
    let mut browser = Browser::default();
    let request = app.open(&browser).await;
    request.insert("user", "ann").unwrap();
    request.save().await.unwrap();
    browser.receive(&request.respond(200).await);
    assert_eq!(app.data(&browser).await, DATA);
}

#[tokio::test]
async fn a_session_that_browsers_would_not_keep_is_an_error_and_no_cookie() {
    let app = App::in_cookie(defaults);
    let browser = app.browser_with(DATA).await;
    let mut fits = 0;
    for length in (0..4096).step_by(64) {
        let request = app.open(&browser).await;
        request.insert("long", "x".repeat(length)).unwrap();
        let response = request.respond(200).await;
        match (&response.set_cookie, &response.error) {
            (Some(set_cookie), None) => {
                let pair = crate::support::pair(set_cookie.as_str());
                assert!(pair.len() - "=".len() <= 4096);
                fits += 1;
            }
            (None, Some(error @ SessionError::CookieTooLarge { bytes })) => {
                assert!(*bytes > 4096);
                assert_eq!(error.status(), 500);
            }
            other => panic!("{other:?}"),
        }
    }
    // Up to 47 times 64 bytes, which are some four thousand in base64.
    assert_eq!(fits, 48);
}

#[tokio::test]
async fn the_key_of_stored_sessions_is_neither_inserted_nor_read() {
    let app = App::in_cookie(defaults);
    let session = app.open(&app.browser_with(DATA).await).await;
    assert!(matches!(session.insert("_cssid", "x"), Err(SessionError::ReservedKey { key }) if &*key == "_cssid"));
    let map = session_core::SessionMap::from_json(r#"{"a":1,"_cssid":"x"}"#).unwrap();
    assert!(matches!(session.extend(&map), Err(SessionError::ReservedKey { .. })));
    assert!(!session.contains_key("a"));
    assert!(matches!(session.update("_cssid", |_: Option<u8>| 1), Err(SessionError::ReservedKey { .. })));
    assert_eq!(session.raw_json("_cssid"), None);
}

/// An app in each mode under one secret and name.
fn both_modes() -> [App; 2] {
    let clock = TestClock::at(NOW);
    let memory = MemoryBackend::builder().clock(clock.clone()).build();
    [App::new(clock.clone(), defaults), App::new(clock, |config| config.backend(memory))]
}

#[tokio::test]
async fn tokens_of_one_mode_are_of_no_use_in_the_other() {
    let [in_cookie, stored] = both_modes();
    for (issuer, reader) in [(&in_cookie, &stored), (&stored, &in_cookie)] {
        let browser = issuer.browser_with(DATA).await;
        let session = reader.open(&browser).await;
        assert!(session.is_empty() && session.is_new());
        assert_eq!(session.respond(200).await.set_cookie, None);
    }
}

#[tokio::test]
async fn a_session_that_names_a_stored_one_can_not_be_made_in_the_cookie() {
    let [in_cookie, stored] = both_modes();
    let id = stored.open(&stored.browser_with(DATA).await).await.id().unwrap();
    let signer = session_core::signer::TimestampSigner::new(SECRET);
    for payload in [format!(r#"{{"_cssid":"{}","user":"eve"}}"#, id.as_str()), r#"{"\u005fcssid":1}"#.to_owned()] {
        let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, payload);
        let token = String::from_utf8(signer.sign(payload, NOW)).unwrap();
        let browser = Browser::with_cookie(&format!("id={token}"));
        assert_eq!(in_cookie.data(&browser).await, "{}");
        assert_eq!(stored.data(&browser).await, "{}");
    }
}
