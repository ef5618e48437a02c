//! The calls of the store that each kind of request makes, as the design lists them.

use std::time::Duration;

use session_core::Session;
use session_testkit::Operation::{self, Create, Fetch, Marker, Remove, Replace, Rotate, Touch};
use tokio::time::Instant;

use crate::support::{App, Browser, Fault, Probe, defaults};

const HALF_LIFE: u64 = 7 * 24 * 3600;

struct Counted {
    app: App,
    probe: Probe,
    browser: Browser,
}

impl Counted {
    async fn new() -> Self {
        let (app, probe) = App::server(defaults);
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        probe.calls();
        Self { app, probe, browser }
    }

    /// Returns the calls of the store that a whole request makes.
    async fn calls(&mut self, handler: impl FnOnce(&Session)) -> Vec<Operation> {
        self.app.visit(&mut self.browser, handler).await;
        self.probe.calls()
    }
}

fn read(session: &Session) {
    session.get::<String>("user").expect("it is a text");
}

fn write(session: &Session) {
    session.insert("written", true).expect("it can be written to");
}

#[tokio::test]
async fn a_request_without_session_access_makes_no_call_even_if_a_refresh_is_due() {
    let Counted { app, probe, browser } = Counted::new().await;
    app.advance(HALF_LIFE);
    let readings = app.clock.readings();
    let response = app.handle(&browser).commit(200).await;
    assert!(response.set_cookie.is_none() && response.error.is_none() && !response.session_used);
    assert!(probe.calls().is_empty());
    // A verification would read the clock, as a request that reads the session does.
    assert_eq!(app.clock.readings(), readings);
    assert!(app.visit(&mut browser.clone(), read).await.is_some());
    assert!(app.clock.readings() > readings);
}

#[tokio::test]
async fn an_untouched_session_in_the_cookie_is_free() {
    let app = App::in_cookie(defaults);
    let browser = app.browser_with(r#"{"user":"ann"}"#).await;
    app.advance(HALF_LIFE);
    let readings = app.clock.readings();
    let response = app.handle(&browser).commit(200).await;
    assert!(response.set_cookie.is_none() && !response.session_used);
    assert_eq!(app.clock.readings(), readings);
}

#[tokio::test]
async fn reading_without_a_cookie_or_by_one_that_is_forged_or_expired_asks_nothing() {
    let mut counted = Counted::new().await;
    let cookie = counted.browser.header();
    let (start, signature) = cookie.rsplit_once('.').unwrap();
    let forged = format!("{start}.{}", signature.chars().rev().collect::<String>());
    let valid = std::mem::replace(&mut counted.browser, Browser::with_cookie(&forged));
    assert!(counted.calls(read).await.is_empty());
    counted.browser = Browser::default();
    assert!(counted.calls(read).await.is_empty());
    counted.browser = valid;
    assert_eq!(counted.calls(read).await, [Fetch]);
    counted.app.advance(2 * HALF_LIFE + 1);
    assert!(counted.calls(read).await.is_empty());
}

#[tokio::test]
async fn a_read_is_one_call_and_two_when_a_refresh_is_due() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.calls(read).await, [Fetch]);
    counted.app.advance(HALF_LIFE);
    assert_eq!(counted.calls(read).await, [Fetch, Touch]);
    assert_eq!(counted.calls(read).await, [Fetch]);
}

#[tokio::test]
async fn a_first_insert_and_a_login_without_a_session_are_one_call() {
    let mut counted = Counted::new().await;
    counted.browser = Browser::default();
    assert_eq!(counted.calls(write).await, [Create]);
    counted.browser = Browser::default();
    let login = |session: &Session| {
        session.renew().unwrap();
        write(session);
    };
    assert_eq!(counted.calls(login).await, [Create]);
}

#[tokio::test]
async fn a_modification_is_two_calls_whether_or_not_a_refresh_is_due() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.calls(write).await, [Fetch, Replace]);
    counted.app.advance(HALF_LIFE);
    assert_eq!(counted.calls(|session| session.insert("more", 1).unwrap()).await, [Fetch, Replace]);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_one_call() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.calls(|session| session.insert("user", "ann").unwrap()).await, [Fetch]);
    assert_eq!(counted.calls(|session| assert!(!session.remove("absent").unwrap())).await, [Fetch]);
    assert_eq!(counted.calls(|session| assert!(session.take::<u8>("absent").unwrap().is_none())).await, [Fetch]);
    let same = |session: &Session| drop(session.update("user", |user: Option<String>| user.unwrap_or_default()));
    assert_eq!(counted.calls(same).await, [Fetch]);
}

#[tokio::test]
async fn one_conflict_costs_one_more_call() {
    let counted = Counted::new().await;
    let request = counted.app.open(&counted.browser).await;
    request.insert("mine", 1).unwrap();
    counted.app.visit(&mut counted.browser.clone(), write).await;
    counted.probe.calls();
    assert!(request.respond(200).await.error.is_none());
    assert_eq!(counted.probe.calls(), [Replace, Replace]);
}

#[tokio::test]
async fn a_session_that_is_emptied_is_two_calls() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.calls(|session| session.clear().unwrap()).await, [Fetch, Replace]);
}

#[tokio::test]
async fn a_renewal_is_two_calls_with_or_without_changes() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.calls(|session| session.renew().unwrap()).await, [Fetch, Rotate]);
    let login = |session: &Session| {
        write(session);
        session.renew().unwrap();
    };
    assert_eq!(counted.calls(login).await, [Fetch, Rotate]);
}

#[tokio::test]
async fn an_unknown_id_is_one_call_when_read_and_three_when_written() {
    let mut counted = Counted::new().await;
    counted.app.visit(&mut counted.browser.clone(), Session::destroy).await;
    counted.probe.calls();
    assert_eq!(counted.calls(read).await, [Fetch]);
    assert_eq!(counted.calls(write).await, [Fetch, Marker, Create]);
}

#[tokio::test]
async fn a_destruction_is_one_call_without_reading_and_none_without_a_valid_cookie() {
    let counted = Counted::new().await;
    for (browser, calls) in [
        (counted.browser.clone(), &[Remove][..]),
        (Browser::default(), &[]),
        (Browser::with_cookie("id=forged.ZVPxAA.x"), &[]),
    ] {
        let handle = counted.app.handle(&browser);
        handle.destroy();
        assert!(handle.commit(200).await.error.is_none());
        assert_eq!(counted.probe.calls(), calls);
    }
}

#[tokio::test]
async fn a_destruction_after_reading_is_two_calls_and_three_with_a_new_session() {
    let mut counted = Counted::new().await;
    let replaced = |session: &Session| {
        session.destroy();
        write(session);
    };
    assert_eq!(counted.calls(replaced).await, [Fetch, Remove, Create]);
    assert_eq!(counted.calls(Session::destroy).await, [Fetch, Remove]);
}

#[tokio::test]
async fn saved_changes_are_not_written_again_by_the_commit() {
    for (browser_is_new, call) in [(true, Create), (false, Replace)] {
        let counted = Counted::new().await;
        let browser = if browser_is_new { Browser::default() } else { counted.browser };
        let request = counted.app.open(&browser).await;
        write(&request);
        counted.probe.calls();
        request.save().await.unwrap();
        assert_eq!(counted.probe.calls(), [call]);
        request.save().await.unwrap();
        assert_eq!(request.respond(200).await.set_cookie.is_some(), browser_is_new);
        assert!(counted.probe.calls().is_empty());
    }
}

#[tokio::test]
async fn a_failed_response_writes_nothing() {
    let counted = Counted::new().await;
    let request = counted.app.open(&counted.browser).await;
    write(&request);
    assert!(request.respond(500).await.error.is_none());
    assert_eq!(counted.probe.calls(), [Fetch]);
}

#[tokio::test(start_paused = true)]
async fn a_destruction_is_one_call_for_each_verified_cookie_and_all_go_at_once() {
    let Counted { app, probe, browser } = Counted::new().await;
    let mut cookies = vec![browser.header()];
    for _ in 1..8 {
        cookies.push(app.browser_with(r#"{"user":"ann"}"#).await.header());
    }
    let handle = app.manager.open([cookies.join("; ").as_bytes()]);
    handle.destroy();
    probe.calls();
    probe.fail(Remove, Fault::Slow(Duration::from_millis(100)));
    let began = Instant::now();
    assert!(handle.commit(200).await.error.is_none());
    assert_eq!(probe.calls(), [Remove; 8]);
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}
