//! The events that tell operators about sessions: which there are, and that untouched requests log nothing.

mod absence;

use std::time::Duration;

use session_core::{
    Applied, BackendError, BackendErrorKind, ISessionBackend, MemoryBackend, Session, SessionConfig,
    SessionConfigBuilder, SessionManager, SessionMap, async_trait,
};
use session_test_support::Log;

use crate::support::{App, Browser, Fault, Operation, SECRET, Step, defaults};

/// Begins to keep the lines of the library.
fn capture() -> Log {
    Log::capture("session_core")
}

/// Both modes, in a store that answers at once and in the cookie.
fn apps(configure: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> [App; 2] {
    [App::server(configure).0, App::in_cookie(configure)]
}

/// The messages of the lines, without their fields.
fn messages(log: &Log) -> Vec<String> {
    log.take().iter().map(|line| line.split(" session=").next().expect("a line").trim_end().to_owned()).collect()
}

#[tokio::test]
async fn a_request_that_does_not_ask_for_its_session_logs_nothing() {
    for app in apps(defaults) {
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let log = capture();
        for browser in [&browser, &Browser::default(), &Browser::with_cookie("id=forged; Path=/")] {
            for status in [200, 500] {
                let _ = app.handle(browser).commit(status).await;
            }
        }
        assert_eq!(log.take(), [""; 0]);
    }
}

#[tokio::test]
async fn a_read_of_a_session_logs_nothing() {
    for app in apps(defaults) {
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let log = capture();
        assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
        assert_eq!(log.take(), [""; 0]);
    }
}

#[tokio::test]
async fn the_life_of_a_session_is_logged_event_by_event() {
    for (app, in_cookie) in apps(defaults).into_iter().zip([false, true]) {
        let mut browser = Browser::default();
        let log = capture();
        app.visit(&mut browser, |session| session.insert("user", "ann").unwrap()).await;
        let created = messages(&log);
        assert_eq!(created[1..], ["DEBUG session created"], "{created:?}");

        // In the cookie, each change sends the session again.
        let changed: &[&str] = if in_cookie { &["DEBUG session refreshed"] } else { &[] };
        let steps: [(u64, Step, &[&str]); 4] = [
            (0, |session| session.insert("user", "bob").unwrap(), changed),
            (0, |session| session.renew().unwrap(), &["DEBUG session renewed"]),
            (8 * 24 * 3600, |session| assert!(!session.is_empty()), &["DEBUG session refreshed"]),
            (0, Session::destroy, &["DEBUG session destroyed"]),
        ];
        for (later, step, expected) in steps {
            app.advance(later);
            app.visit(&mut browser, step).await;
            assert_eq!(messages(&log), expected);
        }
    }
}

#[tokio::test]
async fn changes_that_a_failed_response_drops_are_logged() {
    for app in apps(defaults) {
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let log = capture();
        let request = app.open(&browser).await;
        request.insert("user", "bob").unwrap();
        let _ = request.respond(503).await;
        let lines = log.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("DEBUG changes dropped, because the response failed"), "{lines:?}");
        assert!(lines[0].ends_with("status=503"), "{lines:?}");

        let _ = app.open(&browser).await.respond(503).await;
        assert_eq!(log.take(), [""; 0]);
    }
}

#[tokio::test]
async fn changes_that_a_logout_overtakes_are_logged() {
    let (app, _probe) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let request = app.open(&browser).await;
    request.insert("user", "bob").unwrap();
    app.visit(&mut browser, Session::destroy).await;
    let log = capture();
    let _ = request.respond(200).await;
    assert_eq!(log.take(), ["DEBUG changes dropped, because another request ended the session"]);
}

#[tokio::test]
async fn an_outage_logs_one_line_and_a_count_ten_seconds_later() {
    for plain in [false, true] {
        let (app, probe) = App::watched(plain, defaults);
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        probe.fail(Operation::All, Fault::Down);
        let log = capture();
        let fail = async |times: usize| {
            for _ in 0..times {
                app.handle(&browser).load().await.expect_err("the store is down");
            }
            log.take()
        };
        let first = fail(1000).await;
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].starts_with("ERROR session can't be loaded") && first[0].ends_with("failures=1"), "{first:?}");
        app.advance(10);
        let later = fail(1000).await;
        assert_eq!(later.len(), 1, "{later:?}");
        assert!(later[0].ends_with("failures=1000"), "{later:?}");
    }
}

/// A store whose values its codec neither reads nor writes.
struct Unreadable;

#[async_trait]
impl ISessionBackend for Unreadable {
    async fn get(&self, _: &str) -> Result<Option<SessionMap>, BackendError> {
        Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source("a value of the type set"))
    }

    async fn set(&self, _: &str, _: &SessionMap, _: Duration) -> Result<(), BackendError> {
        Err(BackendError::new(BackendErrorKind::Other, Applied::No).with_source("a key that the codec needs"))
    }

    async fn delete(&self, _: &str) -> Result<(), BackendError> {
        Ok(())
    }
}

#[tokio::test]
async fn an_error_of_a_codec_is_logged_with_its_cause() {
    let build = |config: SessionConfigBuilder| SessionManager::new(config.build().expect("it is good"));
    let config = || SessionConfig::builder(SECRET, "id");
    let mut browser = Browser::default();
    let memory = build(config().backend(MemoryBackend::new()));
    browser.request(&memory, |session| session.insert("user", "ann").unwrap()).await;
    let unreadable = build(config().backend(Unreadable));
    let log = capture();
    let (handle, session) = browser.load(&unreadable).await;
    assert!(log.take().iter().any(|line| line.contains("stored session is unreadable: a value of the type set")));
    session.insert("user", "bob").unwrap();
    assert!(handle.commit(200).await.error.is_some());
    assert!(log.take().iter().any(|line| line.contains("session store failed: a key that the codec needs")));
}

#[tokio::test]
async fn an_error_that_a_client_can_cause_is_no_error_in_the_log() {
    type Break = fn(SessionConfigBuilder) -> SessionConfigBuilder;
    let limits: [Break; 2] = [|config| config.max_session_bytes(20), |config| config.max_keys(1)];
    for limit in limits {
        let app = App::in_cookie(limit);
        let request = app.open(&Browser::default()).await;
        let log = capture();
        request
            .update_all(|map| {
                map.insert("a", "of some length")?;
                Ok(())
            })
            .unwrap();
        let refused = request.insert("b", 1);
        if let Err(error) = &refused {
            request.handle.report_error(error);
        }
        let _ = request.respond(200).await;
        let lines = log.take_problems();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("WARN"), "{lines:?}");
    }
}
