//! The events that the hooks of the application receive.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{OnSessionLimit, Session, SessionConfigBuilder, SessionEvent, SessionEventKind};
use session_testkit::EpochMemory;

use crate::support::{App, Browser, Fault, NOW, Operation, Probe, SECRET, Step, TestClock, defaults};

/// The events since the last look, each with its user.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn push(&self, event: &SessionEvent<'_>) {
        let kind = match event.kind() {
            SessionEventKind::CookieRefused(reason) => format!("cookie refused: {reason}"),
            SessionEventKind::CommitRefused(error) => format!("commit refused: {error}"),
            kind => format!("{kind:?}"),
        };
        let printed = format!("{event:?}");
        assert!(!printed.contains("ann") && !printed.contains("phone"), "{printed}");
        let told = [event.user(), event.label("device")].into_iter().flatten();
        let told = [kind.as_str()].into_iter().chain(told).collect::<Vec<_>>().join(" ");
        self.0.lock().expect("a test's own session works").push(told);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("a test's own session works"))
    }
}

/// Reports events to the returned list, in addition to another configuration.
fn told(
    configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder,
) -> (Events, impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) {
    let events = Events::default();
    let told = events.clone();
    (events, move |config| configure(config).on_event(move |event| told.push(event)))
}

fn sign_in(session: &Session) {
    session.sign_in("ann").expect("a test's own session works");
    session.set_label("device", "phone").expect("a test's own session works");
}

#[tokio::test]
async fn each_change_of_a_session_is_one_event_in_both_modes() {
    for in_cookie in [false, true] {
        let (events, configure) = told(defaults);
        let app = if in_cookie { App::in_cookie(configure) } else { App::server(configure).0 };
        let mut browser = Browser::default();
        let steps: [(Step, &[&str]); 8] = [
            (|session| assert!(session.is_empty()), &[]),
            (|session| session.insert("cart", 1).unwrap(), &["Created"]),
            (|session| session.insert("cart", 2).unwrap(), &[]),
            (sign_in, &["SignedIn ann phone"]),
            (|session| assert!(session.is_signed_in()), &[]),
            (|session| session.renew().unwrap(), &["Renewed ann phone"]),
            (Session::sign_out, &["SignedOut ann phone"]),
            (sign_in, &["SignedIn ann phone"]),
        ];
        for (number, (step, expected)) in steps.into_iter().enumerate() {
            app.visit(&mut browser, step).await;
            assert_eq!(events.take(), expected, "step {number}, in the cookie: {in_cookie}");
        }
    }
}

#[tokio::test]
async fn a_revocation_reports_each_ended_session() {
    let (events, configure) = told(defaults);
    let (app, _) = App::server(configure);
    for _ in 0..2 {
        app.visit(&mut Browser::default(), sign_in).await;
    }
    events.take();
    assert_eq!(app.manager.revoke_all("ann").await.unwrap(), Some(2));
    assert_eq!(events.take(), ["Revoked ann phone"; 2]);
    assert_eq!(app.manager.revoke_all("ann").await.unwrap(), Some(0));
    let browser = app.browser_with("{\"a\":1}").await;
    let id = app.open(&browser).await.id().unwrap();
    events.take();
    for expected in [&["Revoked"][..], &[]] {
        app.manager.destroy(&id).await.unwrap();
        assert_eq!(events.take(), expected);
    }
}

#[tokio::test]
async fn a_sign_in_that_a_revocation_overtakes_is_reported_as_refused() {
    let (events, configure) = told(defaults);
    let (clock, probe) = (TestClock::at(NOW), Probe::new());
    let store = EpochMemory::with_clock(clock.clone());
    let app = App::new(clock, |config| configure(config.backend(probe.watch(store.clone()))));
    let request = app.open(&Browser::default()).await;
    sign_in(&request);
    probe.fail(Operation::Create, Fault::Overtaken(Arc::new(move || store.lose_epochs())));
    assert!(request.respond(200).await.error.is_some());
    let told = events.take();
    assert_eq!(told[..2], ["SignedIn ann phone", "Revoked ann phone"]);
    assert!(
        matches!(&told[2..], [one] if one.starts_with("commit refused: ") && one.ends_with("ann phone")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_limit_reports_the_ended_session_or_the_refused_sign_in() {
    for (on_limit, expected) in [
        (OnSessionLimit::DropOldest, ["SignedIn ann phone", "Revoked ann phone"].as_slice()),
        (
            OnSessionLimit::Refuse,
            &["commit refused: the user already has 1 sessions, the most that are allowed ann phone"],
        ),
    ] {
        let (events, configure) = told(|config| config.max_sessions_per_user(1, on_limit));
        let (app, _) = App::server(configure);
        app.visit(&mut Browser::default(), sign_in).await;
        app.advance(1);
        events.take();
        let request = app.open(&Browser::default()).await;
        sign_in(&request);
        let _ = request.respond(200).await;
        assert_eq!(events.take(), expected);
    }
}

#[tokio::test]
async fn a_cookie_without_a_session_is_reported_with_its_reason() {
    let (events, configure) = told(|config| config.max_age(Duration::from_secs(100)));
    let (app, _) = App::server(configure);
    let mut browser = Browser::default();
    app.visit(&mut browser, sign_in).await;
    let old = browser.clone();
    app.visit(&mut browser, Session::sign_out).await;
    events.take();
    let other = Browser::with_cookie("other=1; Path=/");
    let forged = Browser::with_cookie("id=e30=.YQ.forged; Path=/");
    for (browser, expected) in [
        (&old, &["cookie refused: unknown id"][..]),
        (&forged, &["cookie refused: bad signature"]),
        (&other, &[]),
        (&Browser::default(), &[]),
    ] {
        app.open(browser).await;
        assert_eq!(events.take(), expected);
    }
    let handle = app.handle(&old);
    handle.sign_out();
    let _ = handle.commit(200).await;
    assert_eq!(events.take(), [""; 0], "another request has signed the user out");
    app.advance(200);
    app.open(&old).await;
    assert_eq!(events.take(), ["Expired"]);
}

#[tokio::test]
async fn a_request_that_lost_against_a_logout_is_reported_as_refused() {
    let (events, configure) = told(defaults);
    let (app, _) = App::server(configure);
    let mut browser = app.browser_with(r#"{"cart":3}"#).await;
    let late = app.open(&browser).await;
    sign_in(&late);
    app.visit(&mut browser, Session::destroy).await;
    events.take();
    assert!(late.respond(200).await.error.is_some());
    let told = events.take();
    assert!(
        matches!(&told[..], [one] if one.starts_with("commit refused: ") && one.ends_with("ann phone")),
        "{told:?}"
    );
    assert!(!told[0].contains(SECRET));
}

#[tokio::test]
async fn an_event_is_reported_only_after_the_store_has_confirmed_it() {
    let (events, configure) = told(defaults);
    let (app, probe) = App::server(configure);
    probe.fail(Operation::All, Fault::Down);
    let request = app.open(&Browser::default()).await;
    sign_in(&request);
    assert!(request.respond(200).await.error.is_some());
    assert_eq!(events.take(), [""; 0]);
}
