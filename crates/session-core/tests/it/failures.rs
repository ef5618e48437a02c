//! A store that fails: loudly, within the deadline, and without harm to any session.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::{BackendErrorKind, OnCorrupt, Session, SessionConfigBuilder, SessionError, SessionHandle};
use tokio::time::Instant;

use crate::support::{App, Browser, Fault, Operation, Probe, Step, begin, defaults, put};

const DATA: &str = r#"{"user":"ann"}"#;
const DEADLINE: Duration = Duration::from_millis(250);

fn kind(error: &SessionError) -> Option<BackendErrorKind> {
    match error {
        SessionError::Store(error) => Some(error.kind()),
        _ => None,
    }
}

/// A session on a watched store, and a browser that has its cookie.
async fn watched(plain: bool) -> (App, Probe, Browser) {
    let (app, probe) = App::watched(plain, defaults);
    let browser = app.browser_with(DATA).await;
    probe.calls();
    (app, probe, browser)
}

async fn load_error(handle: &SessionHandle) -> SessionError {
    handle.load().await.expect_err("the store fails")
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_and_the_cookie_is_kept() {
    for plain in [false, true] {
        let (app, probe, browser) = watched(plain).await;
        probe.fail(Operation::All, Fault::Down);
        let handle = app.handle(&browser);
        let error = load_error(&handle).await;
        assert_eq!(kind(&error), Some(BackendErrorKind::Unavailable));
        assert_eq!((error.status(), error.retry_after()), (503, Some(1)));
        for status in [200, 503] {
            let response = handle.commit(status).await;
            assert!(response.set_cookie.is_none() && response.session_used);
        }
        probe.heal();
        assert_eq!(app.data(&browser).await, DATA);
    }
}

#[tokio::test]
async fn a_failed_load_is_sticky_and_is_not_a_new_session() {
    let (app, probe, browser) = watched(false).await;
    let handle = app.handle(&browser);
    probe.fail(Operation::Fetch, Fault::Down);
    assert!(handle.load_error().is_none());
    load_error(&handle).await;
    probe.heal();
    // The store answers again, but this request keeps the error that it got.
    for _ in 0..3 {
        assert_eq!(kind(&load_error(&handle.clone()).await), Some(BackendErrorKind::Unavailable));
    }
    assert!(handle.load_error().is_some());
    assert_eq!(probe.calls(), [Operation::Fetch]);
    let response = handle.commit(200).await;
    assert!(response.set_cookie.is_none() && probe.calls().is_empty());
}

#[tokio::test]
async fn a_session_that_can_not_be_loaded_can_still_be_destroyed() {
    for plain in [false, true] {
        let (app, probe, browser) = watched(plain).await;
        let handle = app.handle(&browser);
        probe.fail(Operation::All, Fault::Down);
        load_error(&handle).await;
        handle.destroy();
        let response = handle.commit(200).await;
        assert_eq!(response.error.as_ref().map(SessionError::status), Some(503));
        assert_eq!(response.set_cookie, None);

        let handle = app.handle(&browser);
        load_error(&handle).await;
        probe.heal();
        handle.destroy();
        let mut browser = browser.clone();
        browser.receive(&handle.commit(200).await);
        assert!(!browser.has_cookie());
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_waits_no_longer_than_the_deadline() {
    for plain in [false, true] {
        let (app, probe, browser) = watched(plain).await;
        probe.fail(Operation::All, Fault::Hangs);
        let start = Instant::now();
        let handle = app.handle(&browser);
        assert_eq!(kind(&load_error(&handle).await), Some(BackendErrorKind::Timeout));
        assert_eq!(handle.commit(503).await.set_cookie, None);
        assert_eq!(start.elapsed(), DEADLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn load_and_commit_together_wait_no_longer_than_the_deadline() {
    let steps: [(Step, [Operation; 2]); 4] = [
        (|session| session.insert("a", 1).unwrap(), [Operation::Replace, Operation::Set]),
        (|session| session.renew().unwrap(), [Operation::Rotate, Operation::Set]),
        (|session| session.clear().unwrap(), [Operation::Replace, Operation::Set]),
        (Session::destroy, [Operation::Remove, Operation::Delete]),
    ];
    for (step, calls) in steps {
        for plain in [false, true] {
            let (app, probe, browser) = watched(plain).await;
            let start = Instant::now();
            probe.fail(Operation::Fetch, Fault::Slow(Duration::from_millis(200)));
            probe.fail(Operation::Get, Fault::Slow(Duration::from_millis(100)));
            probe.fail(calls[usize::from(plain)], Fault::NeverReplies);
            let request = app.open(&browser).await;
            step(&request);
            let response = request.respond(200).await;
            assert_eq!(start.elapsed(), DEADLINE, "{calls:?}");
            assert_eq!(response.error.as_ref().and_then(kind), Some(BackendErrorKind::Timeout));
            assert_eq!(response.set_cookie, None);
            // The handler's own time does not count.
            assert!(probe.calls().len() >= 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_handler_does_not_count() {
    let (app, probe, browser) = watched(false).await;
    probe.fail(Operation::All, Fault::Slow(Duration::from_millis(100)));
    let request = app.open(&browser).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    request.insert("a", 1).unwrap();
    assert!(request.respond(200).await.error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_no_longer_than_the_deadline_for_a_save_that_is_not_polled() {
    let (app, probe, browser) = watched(false).await;
    let request = app.open(&browser).await;
    request.insert("a", 1).unwrap();
    probe.fail(Operation::Replace, Fault::Slow(Duration::from_millis(10)));
    let mut save = pin!(request.save());
    begin(&mut save).await;
    let response = tokio::time::timeout(2 * DEADLINE, request.respond(200)).await;
    assert_eq!(response.unwrap().error.map(|error| error.status()), Some(503));
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_given_up_at_the_deadline() {
    let (app, probe, browser) = watched(false).await;
    let request = app.open(&browser).await;
    request.insert("a", 1).unwrap();
    // Another request writes right before every write of this request.
    let (key, memory) = (format!("session:{}", request.id().unwrap().as_str()), app.memory.clone());
    let overtake = move || put(&memory, &key, r#"{"other":1}"#, Duration::from_secs(60));
    probe.fail(Operation::Replace, Fault::Slow(Duration::from_millis(20)));
    probe.fail(Operation::Replace, Fault::Overtaken(Arc::new(overtake)));
    let start = Instant::now();
    let response = request.respond(200).await;
    assert_eq!(response.error.as_ref().map(SessionError::status), Some(503), "{response:?}");
    assert_eq!(start.elapsed(), DEADLINE);
    assert!(probe.calls().len() > 10);
}

#[tokio::test]
async fn a_store_in_which_every_key_is_in_use_is_given_up() {
    let (app, probe, _) = watched(false).await;
    probe.fail(Operation::Create, Fault::KeyInUse);
    let request = app.open(&Browser::default()).await;
    request.insert("a", 1).unwrap();
    let response = request.respond(200).await;
    assert!(response.error.is_some() && response.set_cookie.is_none());
}

#[tokio::test]
async fn an_unreadable_session_counts_as_absent_and_is_left_where_it_is() {
    for plain in [false, true] {
        let (app, probe, old) = watched(plain).await;
        let call = if plain { Operation::Get } else { Operation::Fetch };
        let id = app.open(&old).await.id();
        probe.fail(call, Fault::Corrupt);
        let mut browser = old.clone();
        assert_eq!(app.visit(&mut browser, |session| assert!(session.is_empty())).await, None);
        app.visit(&mut browser, |session| session.insert("user", "bob").unwrap()).await;
        probe.heal();
        assert_ne!(app.open(&browser).await.id(), id);
        assert_eq!(app.data(&browser).await, r#"{"user":"bob"}"#);
        assert_eq!(app.data(&old).await, DATA);
    }
}

#[tokio::test]
async fn an_unreadable_session_is_a_500_by_configuration() {
    let (app, probe) = App::server(|config| config.on_corrupt(OnCorrupt::Fail));
    let browser = app.browser_with(DATA).await;
    probe.fail(Operation::Fetch, Fault::Corrupt);
    let handle = app.handle(&browser);
    let error = load_error(&handle).await;
    assert_eq!((error.status(), kind(&error)), (500, Some(BackendErrorKind::Corrupt)));
    assert_eq!(handle.commit(500).await.set_cookie, None);
}

#[tokio::test]
async fn an_unreadable_session_can_be_destroyed() {
    for plain in [false, true] {
        let (app, probe, old) = watched(plain).await;
        probe.fail(if plain { Operation::Get } else { Operation::Fetch }, Fault::Corrupt);
        let handle = app.handle(&old);
        handle.destroy();
        let response = handle.commit(200).await;
        assert!(response.error.is_none(), "{response:?}");
        probe.heal();
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn a_renewal_removes_the_old_id_if_it_succeeds_and_keeps_it_if_it_fails() {
    for plain in [false, true] {
        for fault in [Fault::Down, Fault::LostRequest, Fault::LostReply] {
            for call in [Operation::Rotate, Operation::Set, Operation::Delete] {
                let (app, probe, old) = watched(plain).await;
                let request = app.open(&old).await;
                request.renew().unwrap();
                probe.fail(call, fault.clone());
                let response = request.respond(200).await;
                probe.heal();
                let mut browser = old.clone();
                browser.receive(&response);
                assert_eq!(app.data(&browser).await, DATA, "{call:?}");
                let old_data = app.data(&old).await;
                assert_eq!(old_data, if response.error.is_none() { "{}" } else { DATA }, "{call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_session_longer_than_allowed_is_a_500_and_stays_as_it_was() {
    let limited = |config: SessionConfigBuilder| config.max_session_bytes(100);
    for app in App::on_each_backend(limited).into_iter().chain([App::in_cookie(limited)]) {
        let fits = format!(r#"{{"k":"{}"}}"#, "x".repeat(92));
        let browser = app.browser_with(&fits).await;
        assert_eq!(app.data(&browser).await, fits);
        for browser in [&browser, &Browser::default()] {
            let request = app.open(browser).await;
            request.insert("k", "x".repeat(93)).unwrap();
            let response = request.respond(200).await;
            let error = response.error.unwrap();
            assert!(matches!(error, SessionError::TooLarge { bytes: 101, limit: 100 }), "{error:?}");
            assert_eq!((error.status(), response.set_cookie), (500, None));
        }
        assert_eq!(app.data(&browser).await, fits);
    }
}

#[tokio::test]
async fn a_stored_session_longer_than_allowed_is_still_read_and_can_be_made_shorter() {
    let long = format!(r#"{{"a":1,"k":"{}"}}"#, "x".repeat(200));
    let (app, _probe) = App::server(|config| config);
    let browser = app.browser_with(&long).await;
    let (stricter, _probe) = App::server(|config| config.max_session_bytes(100).backend(app.memory.clone()));
    assert_eq!(stricter.data(&browser).await, long);
    let request = stricter.open(&browser).await;
    request.remove("k").unwrap();
    assert!(request.respond(200).await.error.is_none());
    assert_eq!(stricter.data(&browser).await, r#"{"a":1}"#);
}
