//! A request makes each call of the store once, even if several tasks ask for it at the same time.

use std::pin::pin;
use std::time::Duration;

use session_core::SessionError;

use crate::support::{
    App, Browser, Fault, Operation, Probe, Request, Step, assert_succeeded, begin, counting, defaults, increment,
};

const SLOW: Fault = Fault::Slow(Duration::from_millis(100));

#[tokio::test(start_paused = true)]
async fn saves_and_commit_at_once_mint_one_id_and_write_once() {
    let (app, probe) = App::server(defaults);
    let mut browser = Browser::default();
    let request = app.open(&browser).await;
    request.insert("user", "ann").unwrap();
    probe.fail(Operation::Create, SLOW);
    let (first, second, response) = tokio::join!(request.save(), request.save(), request.respond(200));
    first.and(second).unwrap();
    assert_succeeded(&response);
    assert_eq!(probe.calls(), [Operation::Create]);
    assert_eq!(app.memory.len(), 1);
    browser.receive(&response);
    assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
}

#[tokio::test(start_paused = true)]
async fn save_and_commit_at_once_renew_once() {
    let (app, probe, mut browser, request) = counting().await;
    request.renew().unwrap();
    increment(&request);
    probe.fail(Operation::Rotate, SLOW);
    let (saved, response) = tokio::join!(request.save(), request.respond(200));
    saved.unwrap();
    // The commit asks for the session that the save has renewed before it sends the cookie.
    assert_eq!(probe.calls(), [Operation::Rotate, Operation::Touch]);
    browser.receive(&response);
    assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
}

#[tokio::test(start_paused = true)]
async fn requests_that_load_twice_at_once_ask_the_store_once() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let handle = app.handle(&browser);
    probe.calls();
    probe.fail(Operation::Fetch, SLOW);
    let (first, second) = tokio::join!(handle.load(), handle.load());
    assert_eq!(first.unwrap().to_map().into_json(), second.unwrap().to_map().into_json());
    assert_eq!(probe.calls(), [Operation::Fetch]);
}

#[tokio::test(start_paused = true)]
async fn changes_made_while_a_save_is_in_flight_are_persisted_by_the_commit() {
    let (app, probe, browser, request) = counting().await;
    increment(&request);
    request.insert("early", 1).unwrap();
    probe.fail(Operation::Replace, SLOW);
    {
        let mut save = pin!(request.save());
        begin(&mut save).await;
        increment(&request);
        request.remove("early").unwrap();
        request.insert("late", 2).unwrap();
        save.await.unwrap();
    }
    assert_eq!(app.data(&browser).await, r#"{"n":1,"early":1}"#);
    assert_eq!(request.to_map().into_json(), r#"{"n":2,"late":2}"#);
    probe.calls();
    assert_succeeded(&request.respond(200).await);
    assert_eq!(probe.calls(), [Operation::Replace]);
    assert_eq!(app.data(&browser).await, r#"{"n":2,"late":2}"#);
}

#[tokio::test(start_paused = true)]
async fn changes_made_while_a_save_meets_a_conflict_stay_on_top_of_what_others_wrote() {
    let (app, probe, browser, request) = counting().await;
    increment(&request);
    app.visit(&mut browser.clone(), |session| {
        increment(session);
        session.insert("other", true).unwrap();
    })
    .await;
    probe.fail(Operation::Replace, SLOW);
    {
        let mut save = pin!(request.save());
        begin(&mut save).await;
        increment(&request);
        save.await.unwrap();
    }
    assert_eq!(request.to_map().into_json(), r#"{"n":3,"other":true}"#);
    assert_succeeded(&request.respond(200).await);
    assert_eq!(app.data(&browser).await, r#"{"n":3,"other":true}"#);
}

#[tokio::test]
async fn changes_stay_pending_when_the_store_refuses_a_save() {
    let (app, probe, browser, request) = counting().await;
    increment(&request);
    probe.fail(Operation::Replace, Fault::Down);
    assert!(matches!(request.save().await, Err(SessionError::Store(_))));
    probe.heal();
    increment(&request);
    assert_succeeded(&request.respond(200).await);
    assert_eq!(app.data(&browser).await, r#"{"n":2}"#);
}

#[tokio::test(start_paused = true)]
async fn a_session_destroyed_while_it_is_created_leaves_nothing() {
    for cancelled in [false, true] {
        let (app, probe) = App::server(defaults);
        let mut browser = Browser::default();
        let request = app.open(&browser).await;
        increment(&request);
        if cancelled {
            request.cancel_save(&probe, Fault::NeverReplies).await;
            request.destroy();
        } else {
            probe.fail(Operation::Create, SLOW);
            let mut save = pin!(request.save());
            begin(&mut save).await;
            request.destroy();
            save.await.unwrap();
        }
        let response = request.respond(200).await;
        assert_succeeded(&response);
        browser.receive(&response);
        assert!(!browser.has_cookie());
        // Only a marker is left, which expires by itself.
        app.advance(61);
        app.browser_with(r#"{"n":0}"#).await;
        assert_eq!(app.memory.len(), 1);
    }
}

/// A request that saves `{"user":"ann"}` to a stored or new session, on a store that takes its time.
async fn saving(stored: bool) -> (App, Probe, Browser, Request) {
    let (app, probe) = App::server(defaults);
    let browser = if stored { app.browser_with(r#"{"n":0}"#).await } else { Browser::default() };
    let request = app.open(&browser).await;
    request.insert("user", "ann").expect("it can be written to");
    probe.fail(Operation::All, SLOW);
    (app, probe, browser, request)
}

#[tokio::test(start_paused = true)]
async fn a_session_destroyed_during_a_save_hands_none_of_its_data_to_the_next_one() {
    for (stored, cancelled) in [(true, false), (true, true), (false, false), (false, true)] {
        for inserted_at_once in [false, true] {
            let (app, probe, mut browser, request) = saving(stored).await;
            request.renew().unwrap();
            if cancelled {
                probe.heal();
                probe.fail(Operation::All, Fault::NeverReplies);
            }
            {
                let mut save = pin!(request.save());
                begin(&mut save).await;
                request.destroy();
                if inserted_at_once {
                    request.insert("farewell", true).unwrap();
                }
                if !cancelled {
                    save.await.unwrap();
                }
            }
            probe.heal();
            assert_eq!(request.contains_key("farewell"), inserted_at_once);
            assert!(!request.contains_key("user") && !request.contains_key("n"));
            request.insert("farewell", true).unwrap();
            browser.receive(&request.respond(200).await);
            assert_eq!(app.data(&browser).await, r#"{"farewell":true}"#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_destroyed_during_a_cancelled_save_is_not_shown_to_the_client() {
    for stored in [true, false] {
        let (_, probe, _, request) = saving(stored).await;
        probe.heal();
        probe.fail(Operation::All, Fault::NeverReplies);
        {
            let mut save = pin!(request.save());
            begin(&mut save).await;
            request.destroy();
        }
        probe.heal();
        probe.fail(Operation::Remove, Fault::Down);
        let response = request.respond(200).await;
        assert_eq!(response.set_cookie, None);
        assert_eq!(request.to_map().into_json(), "{}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_replaces_one_found_gone_by_a_save_is_stored() {
    let (app, probe, mut browser, request) = saving(true).await;
    let other = app.handle(&browser);
    {
        let mut save = pin!(request.save());
        begin(&mut save).await;
        probe.heal();
        other.destroy();
        assert_succeeded(&other.commit(200).await);
        request.destroy();
        request.insert("farewell", true).unwrap();
        assert!(matches!(save.await, Err(SessionError::Gone)));
    }
    browser.receive(&request.respond(200).await);
    assert_eq!(app.data(&browser).await, r#"{"farewell":true}"#);
}

#[tokio::test(start_paused = true)]
async fn changes_that_do_not_replay_on_a_save_fail_the_commit_and_lose_nothing() {
    let pending: [Step; 2] = [
        |session| assert_eq!(session.take::<u64>("n").expect("n is a number"), Some(0)),
        |session| drop(session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)),
    ];
    for step in pending {
        let (app, probe, browser, request) = counting().await;
        request.insert("early", true).unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("n", "text").unwrap()).await;
        probe.fail(Operation::Replace, SLOW);
        {
            let mut save = pin!(request.save());
            begin(&mut save).await;
            step(&request);
            save.await.unwrap();
        }
        let error = request.respond(200).await.error;
        assert!(matches!(error, Some(SessionError::Taken { .. } | SessionError::Value(_))), "{error:?}");
        assert_eq!(app.data(&browser).await, r#"{"n":"text","early":true}"#);
    }
}
