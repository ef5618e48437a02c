//! When a response sets the session's cookie, and when it must not.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use session_core::signer::Key;
use session_core::{
    AtomicBackend, Marker, Rotate, SameSite, Session, SessionConfigBuilder, SessionMap, Touch, Version, WriteOutcome,
};
use session_test_support::Log;

use crate::support::{App, Browser, Fault, NOW, Operation, Probe, Request, SECRET, Step, TestClock, defaults};

const DATA: &str = r#"{"user":"ann"}"#;
const HALF_LIFE: u64 = 7 * 24 * 3600;
const TENTH: u64 = 14 * 24 * 3600 / 10;

fn parsed(set_cookie: &str) -> Cookie<'_> {
    Cookie::parse(set_cookie).expect("a Set-Cookie value is well-formed")
}

#[tokio::test]
async fn a_new_or_renewed_session_sets_the_cookie() {
    for app in App::on_each_backend(defaults) {
        let mut browser = Browser::default();
        assert!(app.visit(&mut browser, |session| session.insert("user", "ann").unwrap()).await.is_some());
        assert!(app.visit(&mut browser, |session| session.renew().unwrap()).await.is_some());
    }
}

#[tokio::test]
async fn a_read_or_write_with_a_fresh_cookie_sets_none() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(DATA).await;
        app.advance(TENTH - 1);
        let steps: [Step; 3] =
            [|_| (), |session| session.insert("a", 1).unwrap(), |session| session.insert("a", 1).unwrap()];
        for step in steps {
            assert_eq!(app.visit(&mut browser, step).await, None);
        }
    }
}

#[tokio::test]
async fn a_session_in_which_nothing_is_left_at_first_sets_none() {
    let (app, probe) = App::server(defaults);
    let steps: [Step; 3] = [
        |_| (),
        |session| session.renew().unwrap(),
        |session| {
            session.insert("a", 1).unwrap();
            session.remove("a").unwrap();
        },
    ];
    for step in steps {
        assert_eq!(app.visit(&mut Browser::default(), step).await, None);
    }
    assert!(probe.calls().is_empty());
}

#[tokio::test]
async fn a_session_that_comes_and_goes_within_one_request_sets_none() {
    let steps: [Step; 2] = [|session| session.clear().unwrap(), Session::destroy];
    for step in steps {
        for app in App::on_each_backend(defaults) {
            let request = app.open(&Browser::default()).await;
            request.insert("user", "ann").unwrap();
            request.save().await.unwrap();
            step(&request);
            let response = request.respond(200).await;
            assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
        }
    }
}

#[tokio::test]
async fn a_forged_expired_or_unknown_cookie_is_left_alone_unless_it_is_logged_out() {
    let (app, _) = App::server(defaults);
    let unknown = app.browser_with(DATA).await;
    app.visit(&mut unknown.clone(), Session::destroy).await;
    let expired = app.browser_with(DATA).await;
    // The other logout has removed this client's cookie, and a login may have followed.
    assert_eq!(app.visit(&mut unknown.clone(), Session::destroy).await, None);
    let steps: [Step; 2] = [|_| (), |session| session.clear().unwrap()];
    for browser in [Browser::with_cookie("id=forged"), Browser::with_cookie("id=null"), unknown, expired] {
        app.advance(15 * 24 * 3600);
        for step in steps {
            assert_eq!(app.visit(&mut browser.clone(), step).await, None);
        }
        assert!(app.visit(&mut browser.clone(), Session::destroy).await.unwrap().contains("Max-Age=0"));
    }
}

#[tokio::test]
async fn a_destroyed_or_emptied_session_removes_the_cookie() {
    let steps: [Step; 4] = [
        Session::destroy,
        |session| session.clear().unwrap(),
        |session| assert!(session.remove("user").unwrap()),
        |session| assert!(session.take::<String>("user").unwrap().is_some()),
    ];
    for step in steps {
        for app in App::on_each_backend(defaults) {
            let mut browser = app.browser_with(DATA).await;
            app.visit(&mut browser, step).await;
            assert!(!browser.has_cookie());
        }
    }
}

#[tokio::test]
async fn the_removal_has_the_attributes_of_the_cookie() {
    let elaborate: fn(SessionConfigBuilder) -> SessionConfigBuilder = |config| {
        config
            .path("/app")
            .domain("example.com")
            .https_only(true)
            .same_site(SameSite::None)
            .partitioned(true)
            .danger_allow_script_access(true)
    };
    for configure in [defaults, elaborate] {
        for app in App::on_each_backend(configure).into_iter().chain([App::in_cookie(configure)]) {
            let set = app.visit(&mut Browser::default(), |session| session.insert("user", "ann").unwrap()).await;
            let set = set.unwrap();
            let mut browser = Browser::with_cookie(&set);
            let removal = app.visit(&mut browser, Session::destroy).await.unwrap();
            assert!(!browser.has_cookie());

            let (set, removal) = (parsed(&set), parsed(&removal));
            let attributes = |cookie: &Cookie<'_>| {
                let place = (cookie.path().map(str::to_owned), cookie.domain().map(str::to_owned));
                (place, cookie.secure(), cookie.http_only(), cookie.same_site(), cookie.partitioned())
            };
            assert_eq!(attributes(&set), attributes(&removal));
            assert_eq!((removal.name(), removal.value()), ("id", ""));
            assert_eq!(removal.max_age(), Some(Duration::ZERO));
            assert_eq!(removal.expires_datetime(), Some(OffsetDateTime::UNIX_EPOCH));
        }
    }
}

#[tokio::test]
async fn no_cookie_is_sent_before_the_store_has_confirmed() {
    let steps: [(Step, Operation); 5] = [
        (|session| session.insert("user", "bob").unwrap(), Operation::Replace),
        (|session| session.renew().unwrap(), Operation::Rotate),
        (|session| session.clear().unwrap(), Operation::Replace),
        (Session::destroy, Operation::Remove),
        (
            |session| {
                session.destroy();
                session.insert("user", "bob").unwrap();
            },
            Operation::Remove,
        ),
    ];
    for fault in [Fault::Down, Fault::LostRequest] {
        for (step, call) in steps {
            let (app, probe) = App::server(defaults);
            let browser = app.browser_with(DATA).await;
            app.advance(HALF_LIFE);
            probe.fail(call, fault.clone());
            let request = app.open(&browser).await;
            step(&request);
            let response = request.respond(200).await;
            assert_eq!(response.set_cookie, None, "{call:?}");
            assert_eq!(response.error.map(|error| error.status()), Some(503), "{call:?}");
            probe.heal();
            assert_eq!(app.data(&browser).await, DATA);
        }
        let (app, probe) = App::server(defaults);
        probe.fail(Operation::Create, fault);
        let request = app.open(&Browser::default()).await;
        request.insert("user", "ann").unwrap();
        let response = request.respond(200).await;
        assert!(response.set_cookie.is_none() && response.error.is_some());
    }
}

#[tokio::test]
async fn a_refresh_that_fails_or_finds_nothing_leaves_cookie_and_response_alone() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    app.advance(HALF_LIFE);
    for fault in [Fault::Down, Fault::LostRequest, Fault::LostReply] {
        probe.fail(Operation::Touch, fault);
        assert_eq!(app.visit(&mut browser.clone(), |_| ()).await, None);
        probe.heal();
    }
    let request = app.open(&browser).await;
    let key = format!("session:{}", request.id().unwrap().as_str());
    app.memory.touch(Touch::new(&key, std::time::Duration::ZERO)).await.unwrap();
    let response = request.respond(200).await;
    assert!(response.set_cookie.is_none() && response.error.is_none());
}

#[tokio::test]
async fn a_token_by_another_than_the_signing_key_is_replaced_at_once() {
    for in_cookie in [false, true] {
        let clock = TestClock::at(NOW);
        let memory = session_core::MemoryBackend::builder().clock(clock.clone()).build();
        let stored = |config: SessionConfigBuilder| if in_cookie { config } else { config.backend(memory.clone()) };
        let before = App::new(clock.clone(), stored);
        let mut browser = before.browser_with(DATA).await;

        // After a rotation: an app that signs with another key, and verifies with the old one.
        let rotated = session_core::SessionConfig::builder(Key::new("the next secret, also of 32 bytes"), "id")
            .verify_key(SECRET)
            .clock(clock.clone());
        let manager = session_core::SessionManager::new(stored(rotated).build().unwrap());
        let after = App { manager, clock, memory };
        for expected in [true, false] {
            assert_eq!(after.visit(&mut browser, |_| ()).await.is_some(), expected);
        }
        assert_eq!(after.data(&browser).await, DATA);
        assert_eq!(before.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_destroyed_session_leaves_no_cookie_behind_when_the_store_fails() {
    let (app, probe) = App::server(defaults);
    let request = app.open(&Browser::default()).await;
    request.insert("user", "ann").unwrap();
    request.save().await.unwrap();
    request.destroy();
    probe.fail(Operation::Remove, Fault::Down);
    let response = request.respond(200).await;
    assert_eq!(response.error.map(|error| error.status()), Some(503));
    assert_eq!(response.set_cookie, None);
}

#[tokio::test]
async fn a_renewed_session_that_another_request_destroyed_leaves_no_cookie_behind() {
    let steps: [Step; 2] = [Session::destroy, |session| session.insert("late", true).unwrap()];
    for step in steps {
        for app in App::on_each_backend(defaults) {
            let browser = app.browser_with(DATA).await;
            let (renewing, other) = (app.open(&browser).await, app.open(&browser).await);
            renewing.renew().unwrap();
            renewing.save().await.unwrap();
            other.destroy();
            assert!(other.respond(200).await.error.is_none());
            step(&renewing);
            let response = renewing.respond(200).await;
            assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
        }
    }
}

#[test]
fn arguments_and_replies_of_a_backend_print_no_key() {
    let (session, version) = (SessionMap::new(), Version::from(1));
    let rotate = Rotate::new("prefix:old", "prefix:new", &session, std::time::Duration::from_secs(1), &version);
    let removed: WriteOutcome<()> = WriteOutcome::Gone(Some(Marker::Renewed { successor: "prefix:new".into() }));
    let printed = format!("{rotate:?} {removed:?}");
    assert!(printed.contains("Rotate") && printed.contains("Renewed") && !printed.contains("prefix:"), "{printed}");
}

#[tokio::test]
async fn the_debug_output_of_a_commit_opens_no_session() {
    for app in App::on_each_backend(defaults).into_iter().chain([App::in_cookie(defaults)]) {
        let request = app.open(&Browser::default()).await;
        request.insert("user", "ann").unwrap();
        let response = request.respond(200).await;
        let printed = format!("{response:?}");
        let cookie = response.set_cookie.unwrap();
        let (name, attributes) =
            (parsed(cookie.as_str()).name().to_owned(), cookie.as_str().split_once(';').unwrap().1);
        assert!(printed.contains(&format!("SetCookie({name}=..;{attributes})")), "{printed}");
        assert!(!printed.contains(parsed(cookie.as_str()).value()));
    }
}

/// A request that has saved, and whose cookie is due for a refresh or a renewal.
async fn saved(renewed: bool) -> (App, Probe, Browser, Request) {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    app.advance(HALF_LIFE);
    let request = app.open(&browser).await;
    request.insert("saved", true).expect("it can be written to");
    if renewed {
        request.renew().expect("it is loaded");
    }
    request.save().await.expect("the store answers");
    probe.calls();
    (app, probe, browser, request)
}

#[tokio::test]
async fn a_cookie_that_a_save_left_due_is_sent_after_the_store_was_asked() {
    for renewed in [false, true] {
        let (app, probe, mut browser, request) = saved(renewed).await;
        let response = request.respond(200).await;
        assert!(response.error.is_none() && response.set_cookie.is_some(), "{response:?}");
        assert_eq!(probe.calls(), [Operation::Touch]);
        browser.receive(&response);
        assert_eq!(app.data(&browser).await, r#"{"user":"ann","saved":true}"#);
    }
}

#[tokio::test]
async fn a_cookie_that_a_save_left_due_is_not_sent_after_a_logout() {
    for renewed in [false, true] {
        let (app, _, browser, request) = saved(renewed).await;
        app.visit(&mut browser.clone(), Session::destroy).await;
        let response = request.respond(200).await;
        assert!(response.error.is_none() && response.set_cookie.is_none(), "{response:?}");
    }
}

#[tokio::test]
async fn a_cookie_that_a_save_left_due_is_a_warning_or_an_error_if_the_store_is_down() {
    for renewed in [false, true] {
        let (_, probe, _, request) = saved(renewed).await;
        probe.fail(Operation::Touch, Fault::Down);
        let log = Log::capture("session_core");
        let response = request.respond(200).await;
        assert_eq!(response.set_cookie, None);
        assert_eq!(response.error.map(|error| error.status()), renewed.then_some(503));
        let problems = log.take_problems();
        let level = if renewed { "ERROR" } else { "WARN" };
        assert!(problems.len() == 1 && problems[0].starts_with(level), "{problems:?}");
    }
}
