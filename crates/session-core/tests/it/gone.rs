//! A session that is no longer under its id: renewed, destroyed, emptied or vanished, as a commit or a load finds it.

use session_core::{OnGone, Session, SessionConfigBuilder, SessionError};
use session_testkit::Operation::{Create, Fetch, Marker, Remove};

use crate::support::{App, Browser, Fault, Step, assert_succeeded, defaults, increment};

const DATA: &str = r#"{"token":"once","user":"ann"}"#;

fn dropping(config: SessionConfigBuilder) -> SessionConfigBuilder {
    config.on_gone(OnGone::Drop)
}

fn take(session: &Session) {
    assert!(session.take::<String>("token").expect("a text").is_some());
}

fn renew(session: &Session) {
    session.renew().expect("it is loaded");
}

fn remove_all(session: &Session) {
    for key in session.to_map().keys() {
        session.remove(&key).expect("it can be written to");
    }
}

fn clear(session: &Session) {
    session.clear().expect("it can be written to");
}

fn insert(session: &Session) {
    session.insert("late", true).expect("it can be written to");
}

/// Inserts a user and renews.
fn login(session: &Session) {
    session.insert("user", "bob").expect("it can be written to");
    renew(session);
}

#[tokio::test]
async fn a_take_that_loses_against_a_logout_is_a_conflict() {
    for configure in [defaults, dropping] {
        for app in App::on_each_backend(configure) {
            let browser = app.browser_with(DATA).await;
            let taking = app.open(&browser).await;
            take(&taking);
            app.visit(&mut browser.clone(), Session::destroy).await;
            let error = taking.respond(200).await.error.unwrap();
            assert_eq!(error.status(), 409, "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_removal_that_loses_against_a_renewal_is_a_conflict_or_dropped() {
    for step in [remove_all, clear] {
        for (configure, status) in [(defaults as fn(_) -> _, Some(409)), (dropping, None)] {
            for app in App::on_each_backend(configure) {
                let mut browser = app.browser_with(DATA).await;
                let [removing, saving] = [app.open(&browser).await, app.open(&browser).await];
                app.visit(&mut browser, renew).await;
                [&removing, &saving].into_iter().for_each(|request| step(request));
                let response = removing.respond(200).await;
                assert_eq!((response.error.map(|error| error.status()), response.set_cookie), (status, None));
                assert!(matches!(saving.save().await, Err(SessionError::Gone)));
                assert_eq!(app.data(&browser).await, DATA);
            }
        }
    }
}

#[tokio::test]
async fn removals_from_a_vanished_session_are_done() {
    for step in [remove_all, clear] {
        let (app, _) = App::server(defaults);
        let browser = app.browser_with(DATA).await;
        let [removing, saving] = [app.open(&browser).await, app.open(&browser).await];
        [&removing, &saving].into_iter().for_each(|request| step(request));
        app.advance(15 * 24 * 3600);
        let response = removing.respond(200).await;
        assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
        saving.save().await.unwrap();
    }
}

#[tokio::test]
async fn other_changes_of_a_vanished_session_are_a_conflict_or_dropped() {
    let steps: [(Step, bool); 3] = [(insert, true), (take, false), (renew, false)];
    for (step, may_be_dropped) in steps {
        for (configure, drops) in [(defaults as fn(_) -> _, false), (dropping, true)] {
            let (app, _) = App::server(configure);
            let browser = app.browser_with(DATA).await;
            let [request, saving] = [app.open(&browser).await, app.open(&browser).await];
            [&request, &saving].into_iter().for_each(|request| step(request));
            app.advance(15 * 24 * 3600);
            let response = request.respond(200).await;
            assert_eq!(response.error.is_none(), drops && may_be_dropped, "{response:?}");
            assert_eq!(response.set_cookie, None);
            assert!(matches!(saving.save().await, Err(SessionError::Gone)));
        }
    }
}

#[tokio::test]
async fn requests_that_empty_one_session_all_succeed() {
    let steps: [[Step; 2]; 4] = [[clear, clear], [remove_all, remove_all], [clear, remove_all], [remove_all, clear]];
    for [first, second] in steps {
        for app in App::on_each_backend(defaults) {
            let browser = app.browser_with(DATA).await;
            let requests = [app.open(&browser).await, app.open(&browser).await];
            first(&requests[0]);
            second(&requests[1]);
            for request in requests {
                let mut browser = browser.clone();
                let response = request.respond(200).await;
                assert_succeeded(&response);
                browser.receive(&response);
                assert!(!browser.has_cookie());
            }
        }
    }
}

#[tokio::test]
async fn additions_while_another_request_empties_the_session_are_in_one_session() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let [emptying, first, second] = [app.open(&old).await, app.open(&old).await, app.open(&old).await];
        let id = first.id();
        clear(&emptying);
        first.insert("first", 1).unwrap();
        second.insert("second", 2).unwrap();
        let mut browser = old.clone();
        browser.receive(&emptying.respond(200).await);
        // A request that comes now with the old cookie adds to the same session.
        let third = app.open(&old).await;
        assert!(third.is_empty());
        third.insert("third", 3).unwrap();
        for request in [first, second, third] {
            let response = request.respond(200).await;
            assert_succeeded(&response);
            browser.receive(&response);
            assert!(browser.has_cookie());
        }
        let found = app.open(&browser).await;
        assert_eq!((found.to_map().into_json().as_str(), found.id()), (r#"{"first":1,"second":2,"third":3}"#, id));
    }
}

#[tokio::test]
async fn a_take_while_another_request_empties_the_session_is_a_conflict() {
    for app in App::on_each_backend(dropping) {
        let browser = app.browser_with(DATA).await;
        let taking = app.open(&browser).await;
        take(&taking);
        app.visit(&mut browser.clone(), clear).await;
        let error = taking.respond(200).await.error;
        assert!(matches!(error, Some(SessionError::Taken { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_read_of_an_emptied_session_does_not_extend_its_life() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    app.advance(7 * 24 * 3600);
    app.visit(&mut browser.clone(), clear).await;
    probe.calls();
    assert_eq!(app.visit(&mut browser.clone(), |session| assert!(session.is_empty())).await, None);
    assert_eq!(probe.calls(), [Fetch]);
}

#[tokio::test]
async fn a_session_that_is_emptied_and_renewed_leaves_nothing_under_its_id() {
    let (app, probe) = App::server(defaults);
    let mut browser = app.browser_with(DATA).await;
    probe.calls();
    app.visit(&mut browser, |session| {
        clear(session);
        renew(session);
    })
    .await;
    assert_eq!(probe.calls(), [Fetch, Remove]);
    assert!(!browser.has_cookie() && app.memory.is_empty());
}

#[tokio::test]
async fn a_login_with_the_cookie_of_a_renewed_session_begins_a_new_one() {
    let (watched, probe) = App::server(defaults);
    for app in [watched].into_iter().chain(App::on_each_backend(defaults)) {
        let old = app.browser_with(DATA).await;
        let mut renewed = old.clone();
        app.visit(&mut renewed, renew).await;
        probe.calls();
        let mut browser = old.clone();
        app.visit(&mut browser, login).await;
        let calls = probe.calls();
        assert!(calls.is_empty() || calls == [Fetch, Marker, Create], "{calls:?}");
        assert_eq!(app.data(&browser).await, r#"{"user":"bob"}"#);
        assert_eq!(app.data(&renewed).await, DATA);
    }
}

#[tokio::test]
async fn of_two_overlapping_logins_one_is_a_conflict_that_works_when_it_is_tried_again() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let clicks = [app.open(&old).await, app.open(&old).await];
        clicks.iter().for_each(|request| login(request));
        let [first, second] = [clicks[0].respond(200).await, clicks[1].respond(200).await];
        assert_succeeded(&first);
        assert_eq!(second.error.map(|error| error.status()), Some(409));
        // The reply to the first one was lost.
        let mut again = old.clone();
        app.visit(&mut again, login).await;
        assert_eq!(app.data(&again).await, r#"{"user":"bob"}"#);
    }
}

/// Destroys the session and begins another.
fn replace(session: &Session) {
    session.destroy();
    increment(session);
}

#[tokio::test]
async fn a_logout_with_the_old_cookie_ends_the_session_that_replaced_a_destroyed_one() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let mut browser = old.clone();
        app.visit(&mut browser, replace).await;
        assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
        app.visit(&mut old.clone(), Session::destroy).await;
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_logout_stands_if_the_session_that_follows_it_can_not_be_created() {
    for fault in [Fault::Down, Fault::LostRequest, Fault::KeyInUse] {
        let (app, probe) = App::server(defaults);
        let old = app.browser_with(DATA).await;
        let mut browser = old.clone();
        let request = app.open(&browser).await;
        replace(&request);
        probe.fail(Create, fault);
        let response = request.respond(200).await;
        assert!(response.error.as_ref().is_some_and(|error| error.status() >= 500), "{response:?}");
        browser.receive(&response);
        assert!(!browser.has_cookie());
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn a_logout_removes_an_unreadable_session_that_was_loaded_and_its_cookie() {
    let (app, probe) = App::server(defaults);
    let mut browser: Browser = app.browser_with(DATA).await;
    probe.fail(Fetch, Fault::Corrupt);
    app.visit(&mut browser, |session| {
        assert!(session.is_empty());
        session.destroy();
    })
    .await;
    assert!(!browser.has_cookie() && app.memory.is_empty());
}
