//! The revocation by epochs, in a store that can't list a user's sessions.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Absence, AtomicBackend, ConfigError, Replace, Session, SessionConfig, SessionConfigBuilder, SessionError,
    SessionManager, SessionMap, WriteOutcome,
};
use session_testkit::{EpochMemory, TestClock};

use super::{USER, is_signed_in, reference, sign_in, signed_in};
use crate::support::{App, Browser, Fault, NOW, Operation, Probe, SECRET, assert_succeeded, at_once, defaults};

/// An app whose store keeps epochs, behind a probe.
fn app(configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> (App, Probe, EpochMemory) {
    let (clock, probe) = (TestClock::at(NOW), Probe::new());
    let store = EpochMemory::with_clock(clock.clone());
    let app = App::new(clock, |config| configure(config.backend(probe.watch(store.clone()))));
    (app, probe, store)
}

#[tokio::test]
async fn all_sessions_of_a_user_end_with_its_epoch_and_those_of_others_do_not() {
    let (app, _, _) = app(defaults);
    let browsers = signed_in(&app, ["phone", "laptop"]).await;
    let mut other = Browser::default();
    app.visit(&mut other, |session| session.sign_in("bob").unwrap()).await;
    assert_eq!(app.manager.revoke_all(USER).await.unwrap(), None, "the store tells no number");
    for browser in &browsers {
        let request = app.open(browser).await;
        assert!(!request.is_signed_in() && request.is_empty());
        assert_eq!(request.absence(), Some(Absence::Revoked));
    }
    assert!(is_signed_in(&app, &other).await);
    // A user signs in again, on the device of a revoked session or on another one.
    let [mut phone, laptop] = browsers;
    for browser in [&mut phone, &mut Browser::default()] {
        sign_in(&app, browser, "again").await;
        assert!(is_signed_in(&app, browser).await);
    }
    assert!(!is_signed_in(&app, &laptop).await, "a new epoch brings no session back");
}

#[tokio::test]
async fn a_request_in_flight_leaves_no_live_session_behind_a_revocation() {
    type Handler = fn(&Session);
    let handlers: [Handler; 5] = [
        |session| session.insert("late", true).unwrap(),
        |session| session.renew().unwrap(),
        |session| session.set_label("device", "late").unwrap(),
        |session| assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap(), 1),
        |session| session.clear().unwrap(),
    ];
    for handler in handlers {
        let (app, _, _) = app(defaults);
        let [browser] = signed_in(&app, ["phone"]).await;
        let late = app.open(&browser).await;
        handler(&late);
        app.manager.revoke_all(USER).await.unwrap();
        let mut after = browser.clone();
        after.receive(&late.respond(200).await);
        for browser in [&browser, &after] {
            let request = app.open(browser).await;
            assert!(!request.is_signed_in() && request.is_empty());
        }
    }
}

#[tokio::test]
async fn a_long_request_that_looks_again_finds_its_session_revoked() {
    let (app, _, _) = app(defaults);
    let [browser] = signed_in(&app, ["phone"]).await;
    let (reloads, touches) = (app.open(&browser).await, app.open(&browser).await);
    reloads.reload().await.unwrap();
    touches.touch().await.unwrap();
    app.manager.revoke_all(USER).await.unwrap();
    assert!(matches!(reloads.reload().await, Err(SessionError::Gone)));
    assert!(matches!(touches.touch().await, Err(SessionError::Gone)));
}

#[tokio::test]
async fn a_lost_epoch_and_a_sign_in_without_one_count_as_revoked() {
    let (app, _, store) = app(defaults);
    let [phone, laptop] = signed_in(&app, ["phone", "laptop"]).await;
    // The record of a sign-in from before the store had epochs.
    let key = format!("session:{}", app.open(&phone).await.id().unwrap().as_str());
    let found = store.fetch(&key).await.unwrap().unwrap();
    let json = found.session.as_json();
    let (before, rest) = json.split_once(r#""epoch":"#).unwrap();
    let session = SessionMap::from_json(format!("{before}{}", rest.split_once(',').unwrap().1)).unwrap();
    let replaced = store.replace(Replace::new(&key, &session, Duration::from_secs(60), &found.version)).await;
    assert!(matches!(replaced, Ok(WriteOutcome::Done(_))));
    assert_eq!((is_signed_in(&app, &phone).await, is_signed_in(&app, &laptop).await), (false, true));
    store.lose_epochs();
    assert!(!is_signed_in(&app, &laptop).await);
}

#[tokio::test]
async fn a_sign_in_that_meets_another_request_joins_the_epoch_all_the_same() {
    let (app, _, _) = app(defaults);
    for renews in [false, true] {
        let mut faster = app.browser_with(r#"{"cart":3}"#).await;
        let mut browser = faster.clone();
        let request = app.open(&browser).await;
        request.sign_in(USER).unwrap();
        app.visit(
            &mut faster,
            |session| if renews { session.renew().unwrap() } else { session.insert("n", 1).unwrap() },
        )
        .await;
        let response = request.respond(200).await;
        assert_succeeded(&response);
        browser.receive(&response);
        assert!(is_signed_in(&app, &browser).await, "renews: {renews}");
    }
}

/// Revokes all sessions of the user just before the last of these calls. Each is the next one of its operation.
fn revoke_before(manager: &SessionManager, probe: &Probe, calls: &[Operation]) {
    let [call, later @ ..] = calls else {
        assert_eq!(at_once(manager.revoke_all(USER)).expect("the store answers"), None);
        return;
    };
    let (manager, healed, later) = (manager.clone(), probe.clone(), later.to_vec());
    let next = move || {
        healed.heal();
        revoke_before(&manager, &healed, &later);
    };
    probe.fail(*call, Fault::Overtaken(Arc::new(next)));
}

#[tokio::test]
async fn a_sign_in_that_overlaps_a_revocation_is_later_or_refused() {
    for has_session in [false, true] {
        let write = if has_session { Operation::Rotate } else { Operation::Create };
        for before in [&[Operation::Epoch][..], &[write], &[write, Operation::Epoch]] {
            let (app, probe, _) = app(defaults);
            let mut browser = if has_session { app.browser_with(r#"{"cart":3}"#).await } else { Browser::default() };
            let [earlier] = signed_in(&app, ["phone"]).await;
            let request = app.open(&browser).await;
            request.sign_in(USER).unwrap();
            probe.calls();
            revoke_before(&app.manager, &probe, before);
            let response = request.respond(200).await;
            let is_later = before == [Operation::Epoch];
            if is_later {
                assert_succeeded(&response);
            } else {
                assert!(matches!(response.error, Some(SessionError::Gone)), "{before:?}: {:?}", response.error);
                assert!(response.set_cookie.is_none());
                assert_eq!(probe.calls().last(), Some(&Operation::Remove), "of the session that the sign-in stored");
            }
            browser.receive(&response);
            assert_eq!(is_signed_in(&app, &browser).await, is_later, "{before:?}");
            assert!(!is_signed_in(&app, &earlier).await);
            sign_in(&app, &mut browser, "again").await;
            assert!(is_signed_in(&app, &browser).await);
        }
    }
}

/// The store answers again only after the request has saved its session without a reply.
#[tokio::test]
async fn a_sign_in_that_is_confirmed_after_a_revocation_is_refused() {
    let (app, probe, _) = app(defaults);
    let request = app.open(&Browser::default()).await;
    request.sign_in(USER).unwrap();
    probe.fail(Operation::Create, Fault::LostReply);
    probe.fail(Operation::Fetch, Fault::Down);
    assert!(matches!(request.save().await, Err(SessionError::Store(_))));
    probe.heal();
    app.manager.revoke_all(USER).await.unwrap();
    let response = request.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::Gone)), "{:?}", response.error);
    assert!(response.set_cookie.is_none());
}

#[tokio::test]
async fn a_sign_in_whose_epoch_can_not_be_confirmed_is_an_error() {
    let (app, probe, _) = app(defaults);
    let request = app.open(&Browser::default()).await;
    request.sign_in(USER).unwrap();
    let failing = probe.clone();
    probe.fail(Operation::Create, Fault::Overtaken(Arc::new(move || failing.fail(Operation::Epoch, Fault::Down))));
    let response = request.respond(200).await;
    assert_eq!(response.error.as_ref().map(SessionError::status), Some(503));
    probe.heal();
    // The session is stored, and each of its requests is checked against the epoch.
    let mut browser = Browser::default();
    browser.receive(&response);
    assert!(is_signed_in(&app, &browser).await);
    app.manager.revoke_all(USER).await.unwrap();
    assert!(!is_signed_in(&app, &browser).await);
}

#[tokio::test]
async fn a_sign_in_that_waits_after_a_conflict_joins_the_epoch_anew() {
    let (app, probe, _) = app(defaults);
    let mut browser = app.browser_with(r#"{"cart":3}"#).await;
    let request = app.open(&browser).await;
    app.visit(&mut browser.clone(), |session| session.insert("n", 1).unwrap()).await;
    request.sign_in(USER).unwrap();
    // The rotation meets the other request's write.
    revoke_before(&app.manager, &probe, &[Operation::Rotate]);
    let response = request.respond(200).await;
    assert_succeeded(&response);
    browser.receive(&response);
    assert!(is_signed_in(&app, &browser).await);
}

#[tokio::test]
async fn an_epoch_lasts_as_long_as_sessions_are_used() {
    let day = Duration::from_secs(24 * 3600);
    let (app, _, _) = app(|config| config.max_age(day).longest_max_age(10 * day));
    let [mut short, mut long] = signed_in(&app, ["short", "long"]).await;
    app.visit(&mut long, |session| session.set_lifetime(session_core::Lifetime::For(10 * day)).unwrap()).await;
    let before = reference(&app, &long).await;
    for _ in 0..3 {
        app.advance(10 * 24 * 3600 - 60);
        app.visit(&mut long, |_| ()).await;
        assert_eq!(reference(&app, &long).await, before);
        // A session of a short life leaves the epoch to the others.
        sign_in(&app, &mut short, "short").await;
    }
}

#[tokio::test]
async fn only_sessions_of_users_cost_a_call_more() {
    let (app, probe, _) = app(defaults);
    let visitor = app.browser_with(r#"{"cart":3}"#).await;
    probe.calls();
    app.visit(&mut visitor.clone(), |session| session.insert("n", 1).unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Replace]);
    let mut browser = visitor;
    app.visit(&mut browser, |session| session.sign_in(USER).unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Epoch, Operation::Rotate, Operation::Epoch]);
    app.visit(&mut browser, |session| session.insert("n", 2).unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Epoch, Operation::Replace]);
    app.visit(&mut browser, Session::sign_out).await;
    app.visit(&mut Browser::default(), |session| session.sign_in(USER).unwrap()).await;
    let sign_out = [Operation::Fetch, Operation::Epoch, Operation::Remove];
    assert_eq!(probe.calls(), [&sign_out[..], &[Operation::Epoch, Operation::Create, Operation::Epoch]].concat());
}

#[tokio::test]
async fn a_store_that_tells_no_epoch_signs_no_user_in() {
    let (app, probe, _) = app(defaults);
    let [browser] = signed_in(&app, ["phone"]).await;
    probe.fail(Operation::Epoch, Fault::Down);
    let refused = app.handle(&browser).load().await.map(drop).unwrap_err();
    assert!(matches!(refused, SessionError::Store(_)) && refused.status() == 503, "{refused:?}");
    assert!(matches!(app.manager.revoke_all(USER).await, Err(SessionError::Store(_))));
    let request = app.open(&Browser::default()).await;
    request.sign_in(USER).unwrap();
    let response = request.respond(200).await;
    assert!(response.set_cookie.is_none() && response.error.is_some_and(|error| error.status() == 503));
    probe.heal();
    assert!(is_signed_in(&app, &browser).await);
}

#[tokio::test]
async fn a_store_with_epochs_lists_nothing() {
    let (app, _, store) = app(defaults);
    let [browser] = signed_in(&app, ["phone"]).await;
    let request = app.open(&browser).await;
    let reference = request.reference().unwrap();
    let no_index = |error: SessionError| matches!(error, SessionError::NoUserIndex);
    assert!(no_index(app.manager.sessions_of(USER).await.unwrap_err()));
    assert!(no_index(app.manager.revoke(USER, reference).await.unwrap_err()));
    assert!(no_index(app.manager.revoke_others(&request).await.unwrap_err()));
    assert!(no_index(app.manager.count().await.unwrap_err()));
    assert!(is_signed_in(&app, &browser).await);
    let config = SessionConfig::builder(SECRET, "id").backend(store).require_user_index(true).build();
    assert!(matches!(config, Err(ConfigError::NoUserIndex)));
}
