//! Requests of one session that run at the same time: no update is lost, nothing is given away twice.
//!
//! They certainly overlap: all have loaded the session before any of them commits. The store compares and sets, or it
//! can't, and then the manager keeps the promises within this process.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use session_core::{OnGone, SessionConfig, SessionError, SessionManager};

use session_core::adapter::Commit;

use crate::support::{
    App, Browser, Fault, Operation, Plain, Request, SECRET, Step, assert_succeeded, at_once, defaults, increment,
    respond_together,
};

const MANY: usize = 200;

async fn open_many(app: &App, browser: &Browser, count: usize) -> Vec<Request> {
    let mut requests = Vec::new();
    for _ in 0..count {
        requests.push(app.open(browser).await);
    }
    requests
}

fn succeeded(responses: &[Commit]) -> usize {
    responses.iter().filter(|response| response.error.is_none()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_set_different_keys_keep_them_all() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let requests = open_many(&app, &browser, MANY).await;
        for (number, request) in requests.iter().enumerate() {
            request.insert(&format!("key {number}"), number).unwrap();
        }
        let responses = respond_together(requests).await;
        assert_eq!(succeeded(&responses), MANY);

        let session = app.open(&browser).await;
        assert_eq!(session.to_map().len(), MANY + 1);
        for number in 0..MANY {
            assert_eq!(session.get(&format!("key {number}")).unwrap(), Some(number));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_are_all_counted() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"n":0}"#).await;
        let requests = open_many(&app, &browser, MANY).await;
        requests.iter().for_each(|request| increment(request));
        let responses = respond_together(requests).await;
        assert_eq!(succeeded(&responses), MANY);
        assert_eq!(app.data(&browser).await, format!(r#"{{"n":{MANY}}}"#));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn saves_are_all_counted_too() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"n":0}"#).await;
        let requests = open_many(&app, &browser, MANY).await;
        let save = |request: Request| async move {
            increment(&request);
            request.save().await
        };
        let tasks: Vec<_> = requests.into_iter().map(|request| tokio::spawn(save(request))).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(app.data(&browser).await, format!(r#"{{"n":{MANY}}}"#));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_takes_succeeds() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"token":"once","user":"ann"}"#).await;
        let requests = open_many(&app, &browser, 50).await;
        for request in &requests {
            assert_eq!(request.take::<String>("token").unwrap().as_deref(), Some("once"));
        }
        let responses = respond_together(requests).await;
        assert_eq!(succeeded(&responses), 1);
        for error in responses.iter().filter_map(|response| response.error.as_ref()) {
            assert!(matches!(error, SessionError::Taken { key } if &**key == "token"), "{error:?}");
            assert_eq!(error.status(), 409);
        }
        assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_takes_of_the_only_value_succeeds() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"token":"once"}"#).await;
        let requests = open_many(&app, &browser, 50).await;
        for request in &requests {
            request.take::<String>("token").unwrap();
        }
        assert_eq!(succeeded(&respond_together(requests).await), 1);
    }
}

#[tokio::test]
async fn a_take_by_a_request_that_renews_is_the_only_one() {
    for app in App::on_each_backend(|config| config.on_gone(OnGone::Drop)) {
        let browser = app.browser_with(r#"{"token":"once","user":"ann"}"#).await;
        let (login, other) = (app.open(&browser).await, app.open(&browser).await);
        for request in [&login, &other] {
            request.take::<String>("token").unwrap();
        }
        login.renew().unwrap();
        assert_eq!(succeeded(&[login.respond(200).await, other.respond(200).await]), 1);
    }
}

#[tokio::test]
async fn a_take_of_a_value_that_was_replaced_fails_and_leaves_the_new_one() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"token":"old","user":"ann"}"#).await;
        let taking = app.open(&browser).await;
        taking.take::<String>("token").unwrap();
        taking.insert("taken", true).unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("token", "new").unwrap()).await;
        assert!(matches!(taking.respond(200).await.error, Some(SessionError::Taken { .. })));
        assert_eq!(app.data(&browser).await, r#"{"token":"new","user":"ann"}"#);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_renewals_is_left_and_the_browser_ends_up_with_it() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(r#"{"user":"ann"}"#).await;
        let requests = open_many(&app, &old, 20).await;
        for request in &requests {
            request.renew().unwrap();
        }
        let responses = respond_together(requests).await;
        assert_eq!(succeeded(&responses), 1);
        for response in &responses {
            assert_eq!(response.set_cookie.is_some(), response.error.is_none());
            assert!(matches!(response.error, None | Some(SessionError::Gone)));
        }

        let (mut in_order, mut reversed) = (old.clone(), old.clone());
        responses.iter().for_each(|response| in_order.receive(response));
        responses.iter().rev().for_each(|response| reversed.receive(response));
        assert_eq!(in_order, reversed);
        assert_eq!(app.data(&in_order).await, r#"{"user":"ann"}"#);
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn a_write_survives_that_another_request_was_about_to_empty_the_session() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"last":1}"#).await;
        let emptying = app.open(&browser).await;
        emptying.remove("last").unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("written", true).unwrap()).await;
        let response = emptying.respond(200).await;
        assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
        assert_eq!(app.data(&browser).await, r#"{"written":true}"#);
    }
}

#[tokio::test]
async fn a_clear_removes_what_another_request_wrote_before_its_commit() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"old":1}"#).await;
        let clearing = app.open(&browser).await;
        clearing.clear().unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("written", true).unwrap()).await;
        assert!(clearing.respond(200).await.error.is_none());
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_write_after_another_request_emptied_the_session_is_kept_and_sets_the_cookie() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"last":1}"#).await;
        let writing = app.open(&browser).await;
        writing.insert("written", true).unwrap();
        app.visit(&mut browser, |session| assert!(session.remove("last").unwrap())).await;
        let response = writing.respond(200).await;
        browser.receive(&response);
        assert_succeeded(&response);
        assert_eq!(app.data(&browser).await, r#"{"written":true}"#);
    }
}

#[tokio::test]
async fn a_renewal_keeps_what_other_requests_wrote_before_its_commit() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"cart":[1]}"#).await;
        let login = app.open(&browser).await;
        login.insert("user", "ann").unwrap();
        login.renew().unwrap();
        app.visit(&mut browser.clone(), |session| session.insert("seen", 7).unwrap()).await;
        browser.receive(&login.respond(200).await);
        assert_eq!(app.data(&browser).await, r#"{"cart":[1],"seen":7,"user":"ann"}"#);
    }
}

#[tokio::test]
async fn of_two_writes_of_one_key_the_later_one_stays() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"key":"before"}"#).await;
        let (first, second) = (app.open(&browser).await, app.open(&browser).await);
        first.insert("key", "first").unwrap();
        second.insert("key", "second").unwrap();
        assert_eq!(succeeded(&[first.respond(200).await, second.respond(200).await]), 2);
        assert_eq!(app.data(&browser).await, r#"{"key":"second"}"#);
    }
}

#[tokio::test]
async fn managers_of_one_configuration_keep_the_promises_together() {
    let config = SessionConfig::builder(SECRET, "id").backend(Plain::default()).build().unwrap();
    let app = || App { manager: SessionManager::new(config.clone()), ..App::in_cookie(defaults) };
    let (one, other) = (app(), app());
    let browser = one.browser_with("{\"n\":0}").await;
    let (first, second) = (one.open(&browser).await, other.open(&browser).await);
    [&first, &second].into_iter().for_each(|request| increment(request));
    let (first, second) = tokio::join!(first.respond(200), second.respond(200));
    assert_eq!(succeeded(&[first, second]), 2);
    assert_eq!(one.data(&browser).await, r#"{"n":2}"#);
}

#[test]
fn writers_that_wait_for_their_turn_in_memory_need_no_runtime() {
    let (app, probe) = App::server(defaults);
    let mut browser = at_once(app.browser_with(r#"{"user":"ann"}"#));
    let [first, second] = [(); 2].map(|()| at_once(app.open(&browser)));
    first.insert("first", 1).unwrap();
    second.insert("second", 2).unwrap();
    at_once(app.visit(&mut browser, |session| session.insert("other", 3).unwrap()));

    // The second request begins to wait while the first one has the turn, in its second attempt.
    let second: Arc<Mutex<Pin<Box<dyn Future<Output = Commit> + Send>>>> =
        Arc::new(Mutex::new(Box::pin(async move { second.respond(200).await })));
    let (attempts, waiting) = (AtomicU32::new(0), second.clone());
    let begin = move || {
        if attempts.fetch_add(1, Ordering::Relaxed) == 1 {
            let poll = waiting.try_lock().unwrap().as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
        }
    };
    probe.fail(Operation::Replace, Fault::Overtaken(Arc::new(begin)));
    let responses = [at_once(first.respond(200)), at_once(second.lock().unwrap().as_mut())];
    assert_eq!(succeeded(&responses), 2);
    assert_eq!(at_once(app.data(&browser)), r#"{"user":"ann","other":3,"first":1,"second":2}"#);
}

#[tokio::test]
async fn a_request_that_meets_conflicts_without_end_fails_at_the_deadline() {
    const RUN: Duration = Duration::from_millis(100);
    let (app, _) = App::server(|config| config.request_deadline(RUN * 5 / 2));
    let app = Arc::new(app);
    let browser = app.browser_with(r#"{"n":0}"#).await;
    let runs = Arc::new(AtomicU32::new(0));
    let request = app.open(&browser).await;
    let (others, other_browser, count) = (app.clone(), browser.clone(), runs.clone());
    let slow = move |n: Option<u32>| {
        std::thread::sleep(RUN);
        let other = at_once(others.open(&other_browser));
        other.insert("other", count.fetch_add(1, Ordering::Relaxed)).unwrap();
        assert_succeeded(&at_once(other.respond(200)));
        n.unwrap_or(0) + 1
    };
    request.update("n", slow).unwrap();
    let began = Instant::now();
    let error = request.respond(200).await.error.expect("another request is always faster");
    assert!(matches!(error, SessionError::Contended), "{error:?}");
    // The first run was in the handler. The time is over during the third run after that.
    assert!(runs.load(Ordering::Relaxed) <= 4, "{runs:?}");
    assert!(began.elapsed() < RUN * 5, "{:?}", began.elapsed());
}

/// The data after a request that has these changes to make on `before`, and meets those of a faster one.
async fn overtaken(app: &App, before: &str, mine: Step, others: Step) -> String {
    let browser = app.browser_with(before).await;
    let request = app.open(&browser).await;
    mine(&request);
    app.visit(&mut browser.clone(), others).await;
    assert_succeeded(&request.respond(200).await);
    app.data(&browser).await
}

#[tokio::test]
async fn a_clear_after_the_removal_of_the_last_key_is_a_clear() {
    for app in App::on_each_backend(defaults) {
        let mine: Step = |session| {
            assert!(session.remove("n").unwrap());
            session.clear().unwrap();
        };
        let others: Step = |session| session.insert("other", true).unwrap();
        assert_eq!(overtaken(&app, r#"{"n":5}"#, mine, others).await, "{}");
    }
}

#[tokio::test]
async fn a_change_without_an_effect_counts_where_an_update_follows_it() {
    let others: Step = |session| session.insert("n", 100).unwrap();
    let equal: Step = |session| {
        session.insert("n", 5).unwrap();
        increment(session);
    };
    let absent: Step = |session| {
        assert!(!session.remove("n").unwrap());
        increment(session);
    };
    let emptied: Step = |session| {
        session.remove("a").unwrap();
        session.clear().unwrap();
        increment(session);
    };
    let cases = [
        (r#"{"n":5}"#, equal, r#"{"n":6}"#),
        (r#"{"a":1}"#, absent, r#"{"a":1,"n":1}"#),
        (r#"{"a":1}"#, emptied, r#"{"n":1}"#),
    ];
    for (before, mine, after) in cases {
        for app in App::on_each_backend(defaults) {
            assert_eq!(overtaken(&app, before, mine, others).await, after);
        }
    }
}
