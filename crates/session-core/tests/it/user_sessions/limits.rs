//! The limit of a user's sessions.

use std::sync::Arc;

use session_core::{OnSessionLimit, Session, SessionConfigBuilder, SessionError};

use super::{USER, devices, is_signed_in, sign_in, signed_in};
use crate::support::{App, Browser, Fault, Operation, assert_succeeded, at_once, respond_together};

fn limited(on_limit: OnSessionLimit) -> impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder {
    move |config| config.max_sessions_per_user(2, on_limit)
}

#[tokio::test]
async fn a_sign_in_beyond_the_limit_ends_the_oldest_one() {
    let (app, _) = App::server(limited(OnSessionLimit::DropOldest));
    let [mut first, _, _] = signed_in(&app, ["first", "second", "third"]).await;
    assert_eq!(devices(&app).await, ["third", "second"]);
    assert!(!is_signed_in(&app, &first).await);
    sign_in(&app, &mut first, "again").await;
    assert_eq!(devices(&app).await, ["again", "third"]);
}

#[tokio::test]
async fn a_sign_in_beyond_the_limit_is_refused_and_leaves_its_session_as_it_was() {
    let (app, _) = App::server(limited(OnSessionLimit::Refuse));
    let [mut first, _] = signed_in(&app, ["first", "second"]).await;
    sign_in(&app, &mut first, "first again").await;
    app.advance(1);
    let cart = app.browser_with(r#"{"cart":3}"#).await;
    for browser in [&cart, &Browser::default()] {
        let request = app.open(browser).await;
        request.sign_in(USER).unwrap();
        let response = request.respond(200).await;
        let error = response.error.expect("it is one session too many");
        assert!(matches!(error, SessionError::TooManyUserSessions { limit: 2 }), "{error:?}");
        assert_eq!((error.status(), error.is_conflict(), response.set_cookie), (409, false, None));
    }
    assert_eq!(app.data(&cart).await, r#"{"cart":3}"#);
    assert_eq!(devices(&app).await, ["first again", "second"]);
    app.visit(&mut first, Session::sign_out).await;
    signed_in(&app, ["third"]).await;
    assert_eq!(devices(&app).await, ["third", "second"]);
}

/// The client whose sign-in is the oldest stores its session last, after another sign-in was acknowledged.
#[tokio::test]
async fn a_sign_in_that_is_stored_late_keeps_the_limit() {
    for (on_limit, late_is_live) in [(OnSessionLimit::Refuse, true), (OnSessionLimit::DropOldest, false)] {
        let (app, probe) = App::server(|config| config.max_sessions_per_user(1, on_limit));
        let late = app.open(&Browser::default()).await;
        late.sign_in(USER).unwrap();
        app.advance(1);
        let faster = app.open(&Browser::default()).await;
        faster.sign_in(USER).unwrap();
        let healed = probe.clone();
        let overtake = move || {
            healed.heal();
            assert_succeeded(&at_once(faster.respond(200)));
        };
        probe.fail(Operation::Create, Fault::Overtaken(Arc::new(overtake)));
        let response = late.respond(200).await;
        assert_eq!((response.error.is_none(), response.set_cookie.is_some()), (late_is_live, late_is_live));
        assert_eq!(devices(&app).await.len(), 1, "{on_limit:?}");
    }
}

#[tokio::test]
async fn a_sign_in_whose_reply_is_lost_keeps_the_limit() {
    let (app, probe) = App::server(|config| config.max_sessions_per_user(1, OnSessionLimit::DropOldest));
    signed_in(&app, ["first"]).await;
    let cart = app.browser_with(r#"{"cart":3}"#).await;
    for (browser, operation) in [(Browser::default(), Operation::Create), (cart, Operation::Rotate)] {
        let request = app.open(&browser).await;
        request.sign_in(USER).unwrap();
        probe.fail(operation, Fault::LostReply);
        assert_succeeded(&request.respond(200).await);
        probe.heal();
        assert_eq!(devices(&app).await.len(), 1, "{operation:?}");
        app.advance(1);
    }
}

/// The request goes away while it saves the sign-in, and a later commit finds the session stored.
#[tokio::test]
async fn a_sign_in_that_is_confirmed_late_keeps_the_limit() {
    let (app, probe) = App::server(|config| config.max_sessions_per_user(1, OnSessionLimit::DropOldest));
    signed_in(&app, ["first"]).await;
    let request = app.open(&Browser::default()).await;
    request.sign_in(USER).unwrap();
    request.cancel_save(&probe, Fault::NeverReplies).await;
    assert_eq!(devices(&app).await.len(), 2);
    assert_succeeded(&request.respond(200).await);
    assert_eq!(devices(&app).await, ["none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_sign_ins_keep_the_limit() {
    for on_limit in [OnSessionLimit::Refuse, OnSessionLimit::DropOldest] {
        let (app, _) = App::server(limited(on_limit));
        let mut requests = Vec::new();
        for _ in 0..20 {
            let request = app.open(&Browser::default()).await;
            request.sign_in(USER).unwrap();
            requests.push(request);
        }
        let responses = respond_together(requests).await;
        let mut live = 0;
        for response in &responses {
            let mut browser = Browser::default();
            browser.receive(response);
            live += usize::from(is_signed_in(&app, &browser).await);
        }
        assert_eq!((live, devices(&app).await.len()), (2, 2), "{on_limit:?}");
    }
}
