//! A logout is final: concurrent requests of the session never undo it, in either order.

use session_core::{OnGone, Session, SessionError};

use session_core::adapter::Commit;
use tokio::task::yield_now;

use crate::support::{App, Browser, Request, Step, defaults, respond_together};

const DATA: &str = r#"{"user":"ann"}"#;

async fn logout(app: &App, browser: &mut Browser) {
    app.visit(browser, Session::destroy).await;
    assert!(!browser.has_cookie());
}

/// Asserts that the browser stays logged out after a late response, and that the old cookie opens no session.
async fn assert_final(app: &App, old: &Browser, late: &Request, status: u16) {
    let response = late.respond(status).await;
    assert!(response.set_cookie.is_none(), "{response:?}");
    assert!(response.error.is_none(), "{response:?}");
    assert_eq!(app.data(old).await, "{}");
}

#[tokio::test]
async fn a_destroyed_session_is_not_resurrected_by_a_write_in_flight() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let writing = app.open(&old).await;
        writing.insert("late", true).unwrap();
        logout(&app, &mut old.clone()).await;
        assert_final(&app, &old, &writing, 200).await;
    }
}

#[tokio::test]
async fn a_destroyed_session_is_not_resurrected_by_a_renewal_in_flight() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let renewing = app.open(&old).await;
        renewing.renew().unwrap();
        logout(&app, &mut old.clone()).await;
        // The page must not say "welcome": the login did not happen.
        let response = renewing.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
        assert_eq!(response.set_cookie, None);
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn a_destroyed_session_is_not_resurrected_by_a_save() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let saving = app.open(&old).await;
        saving.insert("late", true).unwrap();
        logout(&app, &mut old.clone()).await;
        assert!(matches!(saving.save().await, Err(SessionError::Gone)));
        // Later calls of the same request don't resurrect it either.
        assert!(matches!(saving.insert("later", true), Err(SessionError::Gone)));
        assert!(matches!(saving.renew(), Err(SessionError::Gone)));
        assert!(matches!(saving.save().await, Err(SessionError::Gone)));
        assert_final(&app, &old, &saving, 200).await;
    }
}

#[tokio::test]
async fn a_destroyed_session_is_not_resurrected_by_a_failed_response() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let failing = app.open(&old).await;
        failing.insert("late", true).unwrap();
        logout(&app, &mut old.clone()).await;
        assert_final(&app, &old, &failing, 500).await;
    }
}

#[tokio::test]
async fn a_destroyed_session_is_not_resurrected_by_a_refresh_in_flight() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        app.advance(8 * 24 * 3600);
        let reading = app.open(&old).await;
        logout(&app, &mut old.clone()).await;
        assert_final(&app, &old, &reading, 200).await;
    }
}

#[tokio::test]
async fn a_destroyed_session_is_not_found_by_a_late_load() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let handle = app.handle(&old);
        logout(&app, &mut old.clone()).await;
        let late = app.load(handle).await;
        assert!(late.is_empty() && late.is_new());
        assert_final(&app, &old, &late, 200).await;
    }
}

#[tokio::test]
async fn a_session_written_renewed_or_saved_before_the_logout_is_destroyed() {
    let steps: [Step; 3] = [
        |session| session.insert("early", true).unwrap(),
        |session| session.renew().unwrap(),
        |session| session.destroy(),
    ];
    for step in steps {
        for app in App::on_each_backend(defaults) {
            let old = app.browser_with(DATA).await;
            let (earlier, leaving) = (app.open(&old).await, app.open(&old).await);
            leaving.destroy();
            step(&earlier);
            earlier.save().await.unwrap();
            let early_response = earlier.respond(200).await;
            assert!(leaving.respond(200).await.error.is_none());

            let mut with_new_cookie = old.clone();
            with_new_cookie.receive(&early_response);
            assert_eq!(app.data(&old).await, "{}");
            assert_eq!(app.data(&with_new_cookie).await, "{}");
        }
    }
}

#[tokio::test]
async fn a_logout_destroys_all_successors_of_a_concurrently_renewed_session() {
    for read_first in [true, false] {
        for app in App::on_each_backend(defaults) {
            let old = app.browser_with(DATA).await;
            let handle = app.handle(&old);
            if read_first {
                app.load(handle.clone()).await;
            }
            let mut browser = old.clone();
            let mut generations = vec![old];
            for _ in 0..5 {
                app.visit(&mut browser, |session| session.renew().unwrap()).await;
                generations.push(browser.clone());
            }
            assert_eq!(app.data(&browser).await, DATA);

            handle.destroy();
            browser.receive(&handle.commit(200).await);
            assert!(!browser.has_cookie());
            for generation in &generations {
                assert_eq!(app.data(generation).await, "{}");
            }
        }
    }
}

#[tokio::test]
async fn a_logout_that_loads_only_after_a_renewal_destroys_the_successor_too() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let mut browser = old.clone();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        let leaving = app.open(&old).await;
        leaving.destroy();
        assert!(leaving.respond(200).await.error.is_none());
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_logout_after_a_save_that_found_the_session_renewed_destroys_the_successor_too() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let leaving = app.open(&old).await;
        leaving.insert("left", true).unwrap();
        let mut browser = old.clone();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        assert!(matches!(leaving.save().await, Err(SessionError::Gone)));
        leaving.destroy();
        assert!(leaving.respond(200).await.error.is_none());
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_in_the_middle_of_many_requests_leaves_nothing() {
    for app in App::on_each_backend(defaults) {
        for _ in 0..20 {
            let mut old = app.browser_with(DATA).await;
            // Those that only read have to refresh.
            app.advance(8 * 24 * 3600);
            let mut requests = Vec::new();
            for number in 0..30 {
                let request = app.open(&old).await;
                match number {
                    15 => request.destroy(),
                    _ if number % 6 == 0 => request.renew().unwrap(),
                    _ if number % 3 == 0 => {}
                    _ => request.insert(&number.to_string(), number).unwrap(),
                }
                requests.push(request);
            }
            let responses = respond_together(requests).await;
            assert!(responses[15].error.is_none());
            for response in responses.iter().filter(|response| response.set_cookie.is_some()) {
                let mut given = old.clone();
                given.receive(response);
                assert_eq!(app.data(&given).await, "{}");
            }
            responses.iter().for_each(|response| old.receive(response));
            assert_eq!(app.data(&old).await, "{}");
        }
    }
}

/// Responds to a request after a number of steps, so that others may commit earlier.
async fn respond_later(request: &Request, steps: usize) -> Commit {
    for _ in 0..steps {
        yield_now().await;
    }
    request.respond(200).await
}

#[tokio::test]
async fn a_logout_is_final_between_any_two_steps_of_another_request() {
    let others: [Step; 3] =
        [|_| (), |session| session.insert("late", true).unwrap(), |session| session.renew().unwrap()];
    for step in others {
        for (first, second) in (0..12).flat_map(|steps| [(0, steps), (steps, 0)]) {
            for app in App::on_each_backend(defaults) {
                let old = app.browser_with(DATA).await;
                // Makes a refresh due, so that a request that only reads writes too.
                app.advance(8 * 24 * 3600);
                let (leaving, other) = (app.open(&old).await, app.open(&old).await);
                leaving.destroy();
                step(&other);
                let (left, answer) = tokio::join!(respond_later(&leaving, first), respond_later(&other, second));
                assert!(left.error.is_none(), "{left:?}");
                let mut browser = old.clone();
                browser.receive(&answer);
                for browser in [&old, &browser] {
                    assert_eq!(app.data(browser).await, "{}", "{first} and {second} steps later");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_write_to_a_concurrently_renewed_session_is_a_conflict() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(DATA).await;
        let writing = app.open(&browser).await;
        writing.insert("late", true).unwrap();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        let response = writing.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
        assert_eq!(response.error.map(|error| error.status()), Some(409));
        assert_eq!(response.set_cookie, None);
        assert_eq!(app.data(&browser).await, DATA);
    }
}

#[tokio::test]
async fn a_late_request_of_the_login_page_can_not_replace_the_cookie_of_the_login() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(r#"{"cart":[1]}"#).await;
        let mut browser = old.clone();
        app.visit(&mut browser, |session| {
            session.insert("user", "ann").unwrap();
            session.renew().unwrap();
        })
        .await;
        let late = app.open(&old).await;
        assert!(late.is_empty());
        late.insert("last_page", "/login").unwrap();
        let response = late.respond(200).await;
        assert_eq!(response.error.as_ref().map(SessionError::status), Some(409));
        browser.receive(&response);
        assert_eq!(app.data(&browser).await, r#"{"cart":[1],"user":"ann"}"#);
    }
}

#[tokio::test]
async fn a_person_can_sign_in_again_right_after_a_logout() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(DATA).await;
        let old_id = app.open(&browser).await.id();
        logout(&app, &mut browser.clone()).await;
        // The browser still has the old cookie.
        app.visit(&mut browser, |session| session.insert("user", "bob").unwrap()).await;
        let again = app.open(&browser).await;
        assert_eq!(again.to_map().into_json(), r#"{"user":"bob"}"#);
        assert!(again.id().is_some() && again.id() != old_id);
    }
}

#[tokio::test]
async fn by_configuration_late_changes_are_dropped_and_the_response_stays_as_it_is() {
    for app in App::on_each_backend(|config| config.on_gone(OnGone::Drop)) {
        let old = app.browser_with(DATA).await;
        let writing = app.open(&old).await;
        writing.insert("late", true).unwrap();
        let mut browser = old.clone();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        let absent = app.open(&old).await;
        absent.insert("later", true).unwrap();
        for late in [writing, absent] {
            let response = late.respond(200).await;
            assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
        }
        assert_eq!(app.data(&browser).await, DATA);
    }
}
