//! Tokens against forged requests.

use session_core::SessionError;

use crate::support::{App, Browser, assert_succeeded, defaults, respond_together};

#[tokio::test]
async fn each_token_differs_and_all_of_the_session_verify() {
    let app = App::in_cookie(defaults);
    let mut browser = Browser::default();
    let mut tokens = Vec::new();
    app.visit(&mut browser, |session| {
        tokens = (0..50).map(|_| session.csrf_token().unwrap()).collect();
    })
    .await;
    let mut distinct = tokens.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 50);
    app.visit(&mut browser, |session| {
        for token in &tokens {
            session.verify_csrf(token).unwrap();
        }
        session.csrf_token().unwrap();
        assert!(!session.is_modified(), "a second token needs no new secret");
    })
    .await;
}

#[tokio::test]
async fn tokens_of_others_and_rubbish_are_refused_with_403() {
    let app = App::in_cookie(defaults);
    let (session, other) = (app.open(&Browser::default()).await, app.open(&Browser::default()).await);
    let mut cut = session.csrf_token().unwrap();
    cut.pop();
    let mut changed = session.csrf_token().unwrap().into_bytes();
    changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let long = format!("{}A", session.csrf_token().unwrap());
    for token in ["", "forged", &"A".repeat(43), &"é".repeat(21), &cut, &changed, &long, &other.csrf_token().unwrap()]
    {
        let error = session.verify_csrf(token).unwrap_err();
        assert!(matches!(error, SessionError::CsrfMismatch), "{token}: {error}");
        assert_eq!(error.status(), 403);
    }
    let fresh = app.open(&Browser::default()).await;
    assert!(fresh.verify_csrf(&session.csrf_token().unwrap()).is_err(), "a session without tokens accepts none");
}

#[tokio::test]
async fn the_first_tokens_of_two_pages_at_once_are_both_accepted() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let (first, second) = (app.open(&browser).await, app.open(&browser).await);
        let tokens = [first.csrf_token().unwrap(), second.csrf_token().unwrap()];
        respond_together(vec![first, second]).await.iter().for_each(assert_succeeded);
        app.visit(&mut browser, |session| tokens.iter().for_each(|token| session.verify_csrf(token).unwrap())).await;
    }
}

#[tokio::test]
async fn a_sign_in_ends_the_tokens_from_before_it() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"cart":1}"#).await;
        let mut planted = String::new();
        app.visit(&mut browser, |session| planted = session.csrf_token().unwrap()).await;
        app.visit(&mut browser, |session| {
            session.sign_in("ann").unwrap();
            assert!(session.verify_csrf(&planted).is_err());
        })
        .await;
        app.visit(&mut browser, |session| {
            assert!(session.verify_csrf(&planted).is_err());
            session.verify_csrf(&session.csrf_token().unwrap()).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn a_sign_in_ends_a_token_that_another_request_makes_at_the_same_time() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"cart":1}"#).await;
        let (login, page) = (app.open(&browser).await, app.open(&browser).await);
        login.sign_in("ann").unwrap();
        let planted = page.csrf_token().unwrap();
        let mut browser = browser;
        browser.receive(&page.respond(200).await);
        browser.receive(&login.respond(200).await);
        app.visit(&mut browser, |session| {
            assert!(session.is_signed_in());
            assert!(session.verify_csrf(&planted).is_err());
        })
        .await;
    }
}
