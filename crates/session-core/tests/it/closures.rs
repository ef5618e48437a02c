//! The closures of updates must be pure: they must not call their session.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use session_core::{Session, SessionError};

use crate::support::{App, Browser, Fault, Operation, begin, defaults};

#[tokio::test]
async fn a_panic_in_an_update_harms_nothing() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(r#"{"n":1}"#).await;
    let request = app.open(&browser).await;
    request.insert("kept", true).unwrap();
    let update = || request.update("n", |_: Option<u8>| -> u8 { panic!("the handler's own bug") });
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
    assert_eq!(request.get("n").unwrap(), Some(1));
    assert_eq!(request.update("n", |n: Option<u8>| n.unwrap() + 1).unwrap(), 2);
    assert!(request.respond(200).await.error.is_none());
    assert_eq!(app.data(&browser).await, r#"{"n":2,"kept":true}"#);
}

#[tokio::test]
async fn a_panic_in_a_replay_harms_only_the_request_that_panics() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(r#"{"n":1}"#).await;
    let request = app.open(&browser).await;
    let runs = AtomicU32::new(0);
    let second_time = move |n: Option<u8>| {
        assert_eq!(runs.fetch_add(1, Ordering::Relaxed), 0, "the handler's own bug");
        n.unwrap() + 1
    };
    request.update("n", second_time).unwrap();
    app.visit(&mut browser.clone(), |session| session.insert("n", 10).unwrap()).await;
    let commit = {
        let request = request.clone();
        tokio::spawn(async move { request.respond(200).await })
    };
    assert!(commit.await.unwrap_err().is_panic());
    // The next request waits for no lock that the panic has left behind.
    let [first, second] = [app.open(&browser).await, app.open(&browser).await];
    for next in [first, second] {
        next.update("n", |n: Option<u8>| n.unwrap() + 1).unwrap();
        assert!(next.respond(200).await.error.is_none());
    }
    assert_eq!(app.data(&browser).await, r#"{"n":12}"#);
    assert_eq!(request.get("n").unwrap(), Some(2));
}

#[tokio::test]
async fn an_update_may_read_and_write_the_session_although_it_should_not() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(r#"{"n":1}"#).await;
    let request = app.open(&browser).await;
    let session = Session::clone(&request);
    let touching = move |n: Option<u8>| {
        session.insert("touched", session.to_map().len()).unwrap();
        n.unwrap() + 1
    };
    assert_eq!(request.update("n", touching).unwrap(), 2);
    app.visit(&mut browser.clone(), |session| session.insert("n", 10).unwrap()).await;
    assert!(request.respond(200).await.error.is_none());
    assert_eq!(app.open(&browser).await.get("n").unwrap(), Some(11));
}

#[tokio::test]
async fn an_update_that_changes_its_own_input_is_an_error() {
    let (app, _) = App::server(defaults);
    let request = app.open(&Browser::default()).await;
    let session = Session::clone(&request);
    let unstable = move |n: Option<u64>| {
        session.insert("n", n.unwrap_or_default() + 1).unwrap();
        0
    };
    let error = request.update("n", unstable).unwrap_err();
    assert!(matches!(&error, SessionError::UnstableUpdate { key } if key.as_deref() == Some("n")), "{error:?}");
    assert_eq!(error.status(), 500);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_writes_to_the_session_whenever_it_runs_does_not_hang_a_save() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(r#"{"n":1}"#).await;
    let request = app.open(&browser).await;
    request.insert("early", true).unwrap();
    probe.fail(Operation::Replace, Fault::Slow(Duration::from_millis(100)));
    let mut save = pin!(request.save());
    begin(&mut save).await;

    let (session, runs) = (Session::clone(&request), Arc::new(AtomicU32::new(0)));
    let count = runs.clone();
    let touching = move |n: Option<u8>| {
        let run = count.fetch_add(1, Ordering::Relaxed);
        if run < 1000 {
            session.insert("run", run).unwrap();
        }
        n.unwrap() + 1
    };
    request.update("n", touching).unwrap();
    save.await.unwrap();
    assert!(runs.load(Ordering::Relaxed) < 1000);
}

#[tokio::test]
async fn an_update_that_can_not_read_what_others_wrote_is_an_error_and_changes_nothing() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"n":1}"#).await;
        let request = app.open(&browser).await;
        request.update("n", |n: Option<u8>| n.unwrap() + 1).unwrap();
        request.insert("other", true).unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("n", "text").unwrap()).await;
        let response = request.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::Value(_))), "{response:?}");
        assert_eq!(app.data(&browser).await, r#"{"n":"text"}"#);
    }
}
