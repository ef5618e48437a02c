//! Unconfirmed writes: the save was cancelled, or the reply of the store was lost.

use std::sync::Arc;
use std::time::Duration;

use session_core::{AtomicBackend, Remove, SessionError};

use crate::support::{
    App, Browser, Fault, Operation, Probe, Request, Step, assert_succeeded, at_once, counting, defaults, increment, put,
};

#[tokio::test(start_paused = true)]
async fn an_update_is_made_once_whether_or_not_a_cancelled_save_was_carried_out() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        for renewed in [false, true] {
            let (app, probe, mut browser, request) = counting().await;
            increment(&request);
            if renewed {
                request.renew().unwrap();
            }
            request.cancel_save(&probe, fault.clone()).await;
            assert_eq!(request.get("n").unwrap(), Some(1));
            let response = request.respond(200).await;
            // Another request may have written an equal value, except under an id that only this request knows.
            let can_tell = renewed || matches!(fault, Fault::Hangs);
            assert!(can_tell == response.error.is_none(), "{response:?}");
            assert_eq!(response.set_cookie.is_some(), renewed);
            browser.receive(&response);
            assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn updates_before_and_after_a_cancelled_save_are_made_once_each() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        let (app, probe, browser, request) = counting().await;
        increment(&request);
        request.cancel_save(&probe, fault.clone()).await;
        increment(&request);
        let saved = request.save().await;
        match fault {
            Fault::Hangs => saved.unwrap(),
            // The pending changes stay pending.
            _ => assert!(matches!(saved, Err(SessionError::OutcomeUnknown))),
        }
        assert_eq!(request.get("n").unwrap(), Some(2));
        increment(&request);
        assert_succeeded(&request.respond(200).await);
        assert_eq!(app.data(&browser).await, r#"{"n":3}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_session_whose_save_was_cancelled_gets_a_cookie_that_works() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        let (app, probe) = App::server(defaults);
        let mut browser = Browser::default();
        let request = app.open(&browser).await;
        increment(&request);
        request.cancel_save(&probe, fault).await;
        browser.receive(&request.respond(200).await);
        assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
        assert_eq!(app.memory.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_last_key_was_removed_by_a_cancelled_save_is_gone() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        let (_, probe, mut browser, request) = counting().await;
        assert!(request.remove("n").unwrap());
        request.cancel_save(&probe, fault).await;
        let response = request.respond(200).await;
        assert_succeeded(&response);
        browser.receive(&response);
        assert!(!browser.has_cookie());
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_take_was_cancelled_is_handed_out_once() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        for taken_by_another in [false, true] {
            let (app, probe) = App::server(defaults);
            let browser = app.browser_with(r#"{"token":"once","user":"ann"}"#).await;
            let (request, other) = (app.open(&browser).await, app.open(&browser).await);
            request.take::<String>("token").unwrap();
            request.cancel_save(&probe, fault.clone()).await;
            let mut given_away = 0;
            if taken_by_another {
                other.take::<String>("token").unwrap();
                given_away += u8::from(other.respond(200).await.error.is_none());
            }
            given_away += u8::from(request.respond(200).await.error.is_none());
            assert!(given_away <= 1);
            assert!(given_away == 1 || matches!(fault, Fault::NeverReplies));
            assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_is_not_repeated_when_it_can_not_be_told_whether_it_was_made() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        let (app, probe, browser, request) = counting().await;
        increment(&request);
        request.cancel_save(&probe, fault.clone()).await;
        app.visit(&mut browser.clone(), |session| session.insert("other", true).unwrap()).await;
        let response = request.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::OutcomeUnknown)), "{response:?}");
        let made = u8::from(matches!(fault, Fault::NeverReplies));
        assert_eq!(app.data(&browser).await, format!(r#"{{"n":{made},"other":true}}"#));
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_value_is_written_again_when_it_can_not_be_told_whether_it_was_written() {
    for fault in [Fault::Hangs, Fault::NeverReplies] {
        let (app, probe, browser, request) = counting().await;
        request.insert("mine", true).unwrap();
        request.cancel_save(&probe, fault).await;
        app.visit(&mut browser.clone(), |session| session.insert("n", 7).unwrap()).await;
        assert_succeeded(&request.respond(200).await);
        let session = app.open(&browser).await;
        assert_eq!((session.get("n").unwrap(), session.get("mine").unwrap()), (Some(7), Some(true)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_is_not_repeated_when_a_cancelled_save_is_carried_out_late() {
    let (app, probe, browser, request) = counting().await;
    increment(&request);
    request.cancel_save(&probe, Fault::Hangs).await;
    // The commit's own write is on its way to the store when the cancelled one arrives there after all.
    let key = format!("session:{}", request.id().unwrap().as_str());
    let memory = app.memory.clone();
    let arrives = move || put(&memory, &key, r#"{"n":1}"#, Duration::from_secs(60));
    probe.fail(Operation::Replace, Fault::Overtaken(Arc::new(arrives)));
    let response = request.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::OutcomeUnknown)), "{response:?}");
    assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
}

#[tokio::test]
async fn a_lost_reply_is_made_up_for_by_reading_once() {
    let steps: [(Step, Operation, &str); 4] = [
        (|session| session.insert("n", 1).expect("it can be written to"), Operation::Replace, r#"{"n":1}"#),
        (|session| session.renew().expect("it is loaded"), Operation::Rotate, r#"{"n":0}"#),
        (|session| assert!(session.remove("n").expect("it is there")), Operation::Replace, "{}"),
        (
            |session| {
                session.destroy();
                increment(session);
            },
            Operation::Create,
            r#"{"n":1}"#,
        ),
    ];
    for (step, call, data) in steps {
        let (app, probe, mut browser, request) = counting().await;
        step(&request);
        probe.fail(call, Fault::LostReply);
        let response = request.respond(200).await;
        assert_succeeded(&response);
        let calls = probe.calls();
        // A session that was rotated must be gone from its old key, and not by a logout.
        let looks: &[_] = if call == Operation::Rotate {
            &[call, Operation::Fetch, Operation::Marker, Operation::Fetch]
        } else {
            &[call, Operation::Fetch]
        };
        assert!(calls.ends_with(looks), "{calls:?}");
        probe.heal();
        browser.receive(&response);
        assert_eq!(app.data(&browser).await, data);
        assert_eq!(browser.has_cookie(), data != "{}");
    }
}

#[tokio::test]
async fn a_lost_request_is_an_error_and_its_changes_stay_pending() {
    let (app, probe, mut browser, request) = counting().await;
    increment(&request);
    request.renew().unwrap();
    probe.fail(Operation::Rotate, Fault::LostRequest);
    let error = request.save().await.unwrap_err();
    assert_eq!(error.status(), 503);
    assert_eq!(app.data(&browser).await, r#"{"n":0}"#);

    probe.heal();
    browser.receive(&request.respond(200).await);
    assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
}

#[tokio::test]
async fn a_renewal_that_stopped_half_way_is_an_error_and_the_session_stays_where_it_was() {
    let (app, probe, browser, request) = counting().await;
    increment(&request);
    request.renew().unwrap();
    probe.fail(Operation::Rotate, Fault::HalfWay);
    let response = request.respond(200).await;
    assert_eq!(response.error.map(|error| error.status()), Some(503));
    assert_eq!(response.set_cookie, None);
    assert_eq!(app.data(&browser).await, r#"{"n":0}"#);
}

#[tokio::test]
async fn a_logout_between_the_steps_of_a_renewal_is_final() {
    let (app, probe, browser, request) = counting().await;
    let (key, memory) = (format!("session:{}", request.id().unwrap().as_str()), app.memory.clone());
    increment(&request);
    request.renew().unwrap();
    probe.fail(Operation::Rotate, Fault::HalfWay);
    let logout = move || drop(at_once(memory.remove(Remove::new(&key))).unwrap());
    probe.fail(Operation::Fetch, Fault::Overtaken(Arc::new(logout)));
    assert_eq!(request.respond(200).await.set_cookie, None);
    probe.heal();
    assert_eq!(app.data(&browser).await, "{}");
    // Only markers are left, which expire by themselves.
    app.advance(61);
    app.browser_with("{\"n\":0}").await;
    app.browser_with("{\"n\":0}").await;
    assert_eq!(app.memory.len(), 2);
}

/// A store in which a renewal has stopped half way, and the request that began it.
async fn torn(plain: bool) -> (App, Probe, Browser, Request) {
    let (app, probe) = App::watched(plain, defaults);
    let browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let request = app.open(&browser).await;
    request.renew().expect("it is loaded");
    probe.fail(
        if plain { Operation::Set } else { Operation::Rotate },
        if plain { Fault::LostReply } else { Fault::HalfWay },
    );
    assert!(matches!(request.save().await, Err(SessionError::Store(_))));
    probe.heal();
    (app, probe, browser, request)
}

#[tokio::test]
async fn a_renewal_that_stopped_half_way_can_be_made_again() {
    for plain in [false, true] {
        let (app, _, mut browser, request) = torn(plain).await;
        browser.receive(&request.respond(200).await);
        assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
    }
}

#[tokio::test]
async fn a_renewal_that_stopped_half_way_comes_to_nothing_if_another_was_faster() {
    for plain in [false, true] {
        let (app, _, mut browser, request) = torn(plain).await;
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        let response = request.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
        assert_eq!(response.set_cookie, None);
        assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
    }
}

#[tokio::test]
async fn a_half_done_renewal_is_void_after_a_logout_even_if_the_logouts_reply_was_lost() {
    for plain in [false, true] {
        let (app, probe, mut browser, request) = torn(plain).await;
        let leaving = app.open(&browser).await;
        leaving.destroy();
        probe.fail(if plain { Operation::Delete } else { Operation::Remove }, Fault::LostReply);
        assert!(leaving.respond(200).await.error.is_some());
        probe.heal();
        browser.receive(&request.respond(200).await);
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_response_does_not_make_a_cancelled_renewal_again() {
    for (fault, renewed) in [(Fault::Hangs, false), (Fault::NeverReplies, true)] {
        let (app, probe, mut browser, request) = counting().await;
        let before = request.id();
        request.renew().unwrap();
        request.cancel_save(&probe, fault).await;
        let response = request.respond(500).await;
        assert_eq!(response.set_cookie.is_some(), renewed, "what was carried out, the client must learn");
        browser.receive(&response);
        assert_eq!(app.open(&browser).await.id() != before, renewed);
        assert_eq!(app.data(&browser).await, r#"{"n":0}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_response_does_not_repeat_a_cancelled_renewal_while_the_store_is_down() {
    let (app, probe, browser, request) = counting().await;
    let before = request.id();
    request.renew().unwrap();
    request.cancel_save(&probe, Fault::Hangs).await;
    probe.fail(Operation::All, Fault::Down);
    assert!(request.respond(500).await.error.is_some());
    probe.heal();
    request.save().await.unwrap();
    assert_eq!(request.id(), before);
    assert_eq!(app.data(&browser).await, r#"{"n":0}"#);
}

#[tokio::test(start_paused = true)]
async fn an_update_is_not_repeated_when_a_cancelled_save_is_carried_out_around_a_reload() {
    for before in [true, false] {
        let (app, probe, browser, request) = counting().await;
        increment(&request);
        request.cancel_save(&probe, Fault::Hangs).await;
        // Another save finds that the cancelled one was not carried out, and fails.
        probe.fail(Operation::Replace, Fault::Down);
        assert!(matches!(request.save().await, Err(SessionError::Store(_))));
        probe.heal();
        let key = format!("session:{}", request.id().unwrap().as_str());
        let arrive = || put(&app.memory, &key, r#"{"n":1}"#, Duration::from_secs(60));
        let reloaded = if before {
            arrive();
            request.reload().await
        } else {
            let reloaded = request.reload().await;
            arrive();
            reloaded
        };
        let response = request.respond(200).await;
        let error = reloaded.err().or(response.error);
        assert!(matches!(error, Some(SessionError::OutcomeUnknown)), "{error:?}");
        assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
    }
}
