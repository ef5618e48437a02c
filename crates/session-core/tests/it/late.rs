//! Changes that come late: after the response head, or while the commit is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_test_support::Log;

use crate::support::{App, Browser, Fault, Operation, Request, assert_succeeded, defaults};

/// The end of a request whose head is sent, by a step that may save.
async fn after_the_head(late: impl AsyncFnOnce(&Request)) -> Vec<String> {
    let (app, _probe) = App::server(defaults);
    let browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let request = app.open(&browser).await;
    assert_succeeded(&request.respond(200).await);
    let log = Log::capture("session_core");
    late(&request).await;
    drop(request);
    log.take().into_iter().filter(|line| line.starts_with("WARN")).collect()
}

#[tokio::test]
async fn a_late_change_that_is_never_saved_is_warned_of() {
    let warned = after_the_head(async |request| request.insert("seen", true).unwrap()).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("not saved: the changes are lost session="), "{warned:?}");
}

#[tokio::test]
async fn a_late_destroy_that_is_never_saved_is_warned_of() {
    let warned = after_the_head(async |request| request.destroy()).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
}

#[tokio::test]
async fn late_changes_that_are_saved_or_change_nothing_need_no_warning() {
    let saved = after_the_head(async |request| {
        request.insert("seen", true).unwrap();
        request.save().await.unwrap();
    });
    assert_eq!(saved.await, [""; 0]);
    assert_eq!(after_the_head(async |request| request.insert("user", "ann").unwrap()).await, [""; 0]);
    let destroyed = after_the_head(async |request| {
        request.destroy();
        request.save().await.unwrap();
    });
    assert_eq!(destroyed.await, [""; 0]);
}

/// A handler's part of a test.
type Prepare = fn(&Request);

/// Commits while another task of the request destroys the session, just before the store applies this operation.
async fn destroyed_during(operation: Operation, browser: &mut Browser, prepare: Prepare) {
    let (app, probe) = App::server(defaults);
    let mut owner = app.browser_with(r#"{"user":"ann"}"#).await;
    if operation == Operation::Create {
        owner = Browser::default();
    } else if operation == Operation::Touch {
        app.advance(14 * 24 * 3600 / 2);
    }
    *browser = owner;
    let request = app.open(browser).await;
    prepare(&request);
    let other = request.clone();
    probe.fail(operation, Fault::Overtaken(Arc::new(move || other.destroy())));
    probe.calls();
    let response = request.respond(200).await;
    assert!(probe.calls().contains(&operation), "{operation:?} was called");
    probe.heal();
    assert_succeeded(&response);
    let before = browser.clone();
    browser.receive(&response);
    assert_eq!(browser.header(), "", "the cookie is removed, or never set");
    assert_eq!(app.data(&before).await, "{}", "the session is gone");
}

#[tokio::test]
async fn a_destroy_by_another_task_during_the_commit_is_carried_out() {
    let insert: Prepare = |request| request.insert("cart", [1, 2]).unwrap();
    let renew: Prepare = |request| request.renew().unwrap();
    let cases: [(Operation, Prepare); 4] = [
        (Operation::Replace, insert),
        (Operation::Create, insert),
        (Operation::Rotate, renew),
        (Operation::Touch, |_| ()),
    ];
    for (operation, prepare) in cases {
        destroyed_during(operation, &mut Browser::default(), prepare).await;
    }
}

#[tokio::test]
async fn a_session_begun_by_another_task_while_an_emptied_one_is_removed_is_stored() {
    let (app, probe) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let request = app.open(&browser).await;
    request.clear().unwrap();
    request.renew().unwrap();
    let (other, begun) = (request.clone(), AtomicBool::new(false));
    let begin = move || {
        if !begun.swap(true, Ordering::Relaxed) {
            other.destroy();
            other.insert("cart", [1]).unwrap();
        }
    };
    probe.fail(Operation::Remove, Fault::Overtaken(Arc::new(begin)));
    let response = request.respond(200).await;
    probe.heal();
    assert_succeeded(&response);
    browser.receive(&response);
    assert_eq!(app.data(&browser).await, r#"{"cart":[1]}"#);
}

#[tokio::test]
async fn changes_that_a_failed_commit_could_not_write_are_no_late_ones() {
    let steps: [(Operation, Prepare); 2] = [
        (Operation::Replace, |request| request.insert("cart", [1]).unwrap()),
        (Operation::Remove, |request| request.destroy()),
    ];
    for (operation, prepare) in steps {
        let (app, probe) = App::server(defaults);
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let request = app.open(&browser).await;
        prepare(&request);
        probe.fail(operation, Fault::Down);
        let log = Log::capture("session_core");
        assert!(request.respond(200).await.error.is_some());
        drop(request);
        let problems = log.take_problems();
        assert!(problems.len() == 1 && problems[0].starts_with("ERROR"), "{problems:?}");
    }
}
