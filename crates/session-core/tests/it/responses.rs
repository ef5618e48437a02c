//! The responses that commit, and the changes that are possible after the response head.

use std::time::Duration;

use session_core::Lifetime;
use session_core::SessionError;

use crate::support::{App, Browser, Fault, Operation, Step, defaults};

const DATA: &str = r#"{"user":"ann"}"#;

#[tokio::test]
async fn a_failed_response_commits_no_changes() {
    let steps: [Step; 4] = [
        |session| session.insert("late", true).unwrap(),
        |session| session.renew().unwrap(),
        |session| session.clear().unwrap(),
        |session| session.set_lifetime(Lifetime::For(Duration::from_secs(9))).unwrap(),
    ];
    for status in [500, 503, 599] {
        for step in steps {
            for app in App::on_each_backend(defaults).into_iter().chain([App::in_cookie(defaults)]) {
                let browser = app.browser_with(DATA).await;
                let request = app.open(&browser).await;
                step(&request);
                let kept = request.clone();
                let response = request.respond(status).await;
                assert!(response.set_cookie.is_none() && response.error.is_none(), "{response:?}");
                assert_eq!(kept.to_map().into_json(), DATA, "a kept session is seen as it is");
                assert_eq!(app.data(&browser).await, DATA);

                let new = app.open(&Browser::default()).await;
                new.insert("user", "bob").unwrap();
                assert_eq!(new.respond(status).await.set_cookie, None);
            }
        }
    }
}

#[tokio::test]
async fn a_failed_response_drops_the_changes_though_the_cookie_expired_before_it() {
    let app = App::in_cookie(|config| config.max_age(Duration::from_secs(100)));
    let browser = app.browser_with(DATA).await;
    app.advance(99);
    let request = app.open(&browser).await;
    request.insert("late", true).unwrap();
    let kept = request.clone();
    app.advance(5);
    assert!(request.respond(500).await.error.is_none());
    assert_eq!(kept.to_map().into_json(), DATA);
}

#[tokio::test]
async fn any_other_response_commits() {
    for status in [101, 200, 304, 404, 499] {
        let (app, _) = App::server(defaults);
        let browser = app.browser_with(DATA).await;
        let request = app.open(&browser).await;
        request.insert("status", status).unwrap();
        assert!(request.respond(status).await.error.is_none());
        assert_eq!(app.open(&browser).await.get("status").unwrap(), Some(status));
    }
}

#[tokio::test]
async fn by_configuration_failed_responses_commit_too() {
    for app in App::on_each_backend(|config| config.commit_on_server_error(true)) {
        let mut browser = Browser::default();
        let request = app.open(&browser).await;
        request.insert("user", "ann").unwrap();
        browser.receive(&request.respond(500).await);
        assert_eq!(app.data(&browser).await, DATA);
    }
}

#[tokio::test]
async fn a_destruction_is_carried_out_whatever_the_status() {
    for loaded in [true, false] {
        let [memory, plain] = App::on_each_backend(defaults);
        for (app, stored) in [(memory, true), (plain, true), (App::in_cookie(defaults), false)] {
            let old = app.browser_with(DATA).await;
            let mut browser = old.clone();
            let handle = app.handle(&browser);
            if loaded {
                handle.load().await.unwrap().insert("late", true).unwrap();
            }
            handle.destroy();
            browser.receive(&handle.commit(500).await);
            assert!(!browser.has_cookie());
            // A cookie that holds the session itself can't be revoked.
            assert_eq!(app.data(&old).await, if stored { "{}" } else { DATA });
        }
    }
}

#[tokio::test]
async fn a_failed_response_destroys_and_makes_no_new_session() {
    let (app, probe) = App::server(defaults);
    let mut browser = app.browser_with(DATA).await;
    let request = app.open(&browser).await;
    request.destroy();
    request.insert("user", "bob").unwrap();
    probe.calls();
    browser.receive(&request.respond(500).await);
    assert_eq!(probe.calls(), [Operation::Remove]);
    assert!(!browser.has_cookie());
}

#[tokio::test]
async fn a_saved_session_gets_its_cookie_even_if_the_response_fails() {
    for renewed in [false, true] {
        for app in App::on_each_backend(defaults) {
            let mut browser = if renewed { app.browser_with(DATA).await } else { Browser::default() };
            let request = app.open(&browser).await;
            request.renew().unwrap();
            request.insert("user", "ann").unwrap();
            request.save().await.unwrap();
            request.insert("late", true).unwrap();
            browser.receive(&request.respond(500).await);
            assert_eq!(app.data(&browser).await, DATA);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_completed_renewal_gets_its_cookie_after_a_cancelled_save_and_a_failed_response() {
    let (app, probe) = App::server(defaults);
    let mut browser = app.browser_with(DATA).await;
    let request = app.open(&browser).await;
    request.renew().unwrap();
    request.cancel_save(&probe, Fault::NeverReplies).await;
    browser.receive(&request.respond(500).await);
    assert_eq!(app.data(&browser).await, DATA);
}

#[tokio::test]
async fn changes_that_a_failed_response_dropped_are_not_saved_afterwards() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(DATA).await;
        let request = app.open(&browser).await;
        request.insert("discarded", true).unwrap();
        assert!(request.respond(500).await.error.is_none());
        request.insert("streamed", true).unwrap();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, r#"{"user":"ann","streamed":true}"#);
    }
}

#[tokio::test]
async fn a_stored_session_can_be_changed_and_saved_after_the_response_head() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(DATA).await;
        let request = app.open(&browser).await;
        assert!(request.respond(200).await.error.is_none());
        request.insert("streamed", 1).unwrap();
        request.save().await.unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("between", 2).unwrap()).await;
        request.insert("streamed", 3).unwrap();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, r#"{"user":"ann","streamed":3,"between":2}"#);
        request.destroy();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_new_session_that_got_its_cookie_can_be_saved_after_the_response_head() {
    for app in App::on_each_backend(defaults) {
        let mut browser = Browser::default();
        let request = app.open(&browser).await;
        request.insert("user", "ann").unwrap();
        browser.receive(&request.respond(200).await);
        request.insert("streamed", true).unwrap();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, r#"{"user":"ann","streamed":true}"#);
    }
}

#[tokio::test]
async fn changes_that_need_a_cookie_fail_after_the_response_head() {
    let (app, probe) = App::server(defaults);
    let new = app.open(&Browser::default()).await;
    let stored = app.open(&app.browser_with(DATA).await).await;
    let cookie_app = App::in_cookie(defaults);
    let in_cookie = cookie_app.open(&cookie_app.browser_with(DATA).await).await;
    for request in [&new, &stored, &in_cookie] {
        assert!(request.respond(200).await.error.is_none());
        assert!(matches!(request.renew(), Err(SessionError::HeadersSent)));
        assert!(matches!(request.set_lifetime(Lifetime::For(Duration::from_secs(60))), Err(SessionError::HeadersSent)));
    }
    for request in [&new, &in_cookie] {
        assert!(matches!(request.insert("late", 1), Err(SessionError::HeadersSent)));
        assert!(matches!(request.update("n", |n: Option<u8>| n.unwrap_or(1)), Err(SessionError::HeadersSent)));
    }
    probe.calls();
    new.save().await.unwrap();
    assert!(probe.calls().is_empty());
}

#[tokio::test]
async fn changes_that_a_failed_commit_left_are_not_stored_under_an_id_without_a_cookie() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    let (renewed, new) = (app.open(&browser).await, app.open(&Browser::default()).await);
    renewed.renew().unwrap();
    new.insert("late", true).unwrap();
    for request in [&renewed, &new] {
        probe.fail(Operation::All, Fault::Down);
        assert!(request.respond(200).await.error.is_some());
        probe.heal();
        assert!(matches!(request.save().await, Err(SessionError::HeadersSent)));
    }
    assert_eq!(app.data(&browser).await, DATA);
    assert_eq!(app.memory.len(), 1);
}
