//! A user's sessions: listed, revoked and limited.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use session_core::{
    AtomicBackend, ConfigError, Create, MemoryBackend, OnSessionLimit, Refresh, Session, SessionConfig,
    SessionConfigBuilder, SessionError, SessionRef, WriteOutcome,
};
use session_testkit::SimpleMemory;

use crate::support::{
    App, Browser, Fault, NOW, Operation, Request, SECRET, assert_succeeded, at_once, defaults, respond_together, stored,
};

const USER: &str = "ann";

async fn sign_in(app: &App, browser: &mut Browser, device: &str) {
    let handler = |session: &Session| {
        session.sign_in(USER).expect("a request of a test succeeds");
        session.set_label("device", device).expect("a request of a test succeeds");
    };
    app.visit(browser, handler).await;
}

/// Browsers on these devices whose user signed in, one a second.
async fn signed_in<const N: usize>(app: &App, devices: [&str; N]) -> [Browser; N] {
    let mut browsers = std::array::from_fn(|_| Browser::default());
    for (browser, device) in browsers.iter_mut().zip(devices) {
        sign_in(app, browser, device).await;
        app.advance(1);
    }
    browsers
}

async fn devices(app: &App) -> Vec<String> {
    let sessions = app.manager.sessions_of(USER).await.expect("a request of a test succeeds");
    sessions.iter().map(|session| session.label("device").unwrap_or("none").to_owned()).collect()
}

async fn is_signed_in(app: &App, browser: &Browser) -> bool {
    app.open(browser).await.is_signed_in()
}

async fn reference(app: &App, browser: &Browser) -> SessionRef {
    app.open(browser).await.reference().expect("a request of a test succeeds")
}

#[tokio::test]
async fn a_users_sessions_are_listed_latest_first_with_labels_and_times() {
    let (app, _) = App::server(defaults);
    let [_, second] = signed_in(&app, ["phone", "laptop"]).await;
    app.visit(&mut Browser::default(), |session| session.sign_in("bob").expect("a request of a test succeeds")).await;
    app.browser_with(r#"{"cart":3}"#).await;
    let sessions = app.manager.sessions_of(USER).await.expect("a request of a test succeeds");
    let request = app.open(&second).await;
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let seen: Vec<_> = sessions
        .iter()
        .map(|session| (session.label("device"), session.is_current(&request), session.signed_in_at()))
        .collect();
    assert_eq!(seen, [(Some("laptop"), true, at(NOW + 1)), (Some("phone"), false, at(NOW))]);
    assert_eq!(sessions[0].labels().collect::<Vec<_>>(), [("device", "laptop")]);
    let printed = format!("{sessions:?}");
    assert!(!printed.contains("laptop") && !printed.contains(request.id().unwrap().as_str()), "{printed}");
}

#[tokio::test]
async fn last_seen_follows_refreshes_without_a_write_for_each_request() {
    let (app, _) = App::server(|config| config.max_age(Duration::from_secs(1000)));
    let [mut browser] = signed_in(&app, ["phone"]).await;
    let seen = async |app: &App| app.manager.sessions_of(USER).await.unwrap()[0].last_seen().unwrap();
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(seen(&app).await, at(NOW));
    app.advance(89);
    app.visit(&mut browser, |_| ()).await;
    assert_eq!(seen(&app).await, at(NOW), "a tenth has not passed");
    app.advance(10);
    app.visit(&mut browser, |_| ()).await;
    app.advance(500);
    assert_eq!(seen(&app).await, at(NOW + 100));
    let (app, _) = App::server(|config| config.refresh(Refresh::Always));
    let [mut browser] = signed_in(&app, ["phone"]).await;
    app.advance(5);
    app.visit(&mut browser, |_| ()).await;
    assert_eq!(seen(&app).await, at(NOW + 6), "as precise as the refresh");
}

#[tokio::test]
async fn sessions_that_have_ended_are_not_listed() {
    let (app, _) = App::server(|config| config.max_age(Duration::from_secs(100)));
    let [mut out, mut cleared, mut other, mut renewed, _expires] =
        signed_in(&app, ["out", "cleared", "other", "renewed", "expires"]).await;
    app.visit(&mut out, Session::sign_out).await;
    app.visit(&mut cleared, |session| session.clear().unwrap()).await;
    app.visit(&mut other, |session| session.sign_in("bob").unwrap()).await;
    app.advance(60);
    app.visit(&mut renewed, |session| session.renew().unwrap()).await;
    assert_eq!(devices(&app).await, ["expires", "renewed"]);
    app.advance(60);
    assert_eq!(devices(&app).await, ["renewed"]);
    assert_eq!(app.manager.sessions_of("bob").await.unwrap().len(), 0, "it has expired too");
}

/// A store may list more than the user's live sessions.
#[tokio::test]
async fn entries_of_another_user_and_of_an_ended_session_are_left_out() {
    let (app, _) = App::server(|config| config.absolute_lifetime(Duration::from_secs(100)));
    for (user, listed) in [("bob", 0), (USER, 1)] {
        let mut browser = Browser::default();
        app.visit(&mut browser, |session| session.sign_in(user).unwrap()).await;
        let id = app.open(&browser).await.id().unwrap();
        let copied = stored(&app.memory, &format!("session:{}", id.as_str())).unwrap();
        app.visit(&mut browser, Session::sign_out).await;
        let key = format!("session:copy-of-{user}");
        let create = Create::new(&key, &copied, Duration::from_secs(3600)).of_user(Some("session:user:ann"));
        assert!(matches!(app.memory.create(create).await, Ok(WriteOutcome::Done(_))));
        assert_eq!(devices(&app).await.len(), listed, "{user}");
    }
    app.advance(200);
    assert!(devices(&app).await.is_empty(), "its absolute lifetime is over");
}

#[tokio::test]
async fn one_session_is_revoked_by_its_reference() {
    let (app, _) = App::server(defaults);
    let [phone, mut laptop] = signed_in(&app, ["phone", "laptop"]).await;
    let lost = reference(&app, &laptop).await;
    app.visit(&mut laptop, |session| session.renew().unwrap()).await;
    assert!(!app.manager.revoke("bob", lost).await.unwrap(), "it is another user's");
    assert!(app.manager.revoke(USER, lost).await.unwrap());
    assert!(!app.manager.revoke(USER, lost).await.unwrap(), "it is gone");
    assert_eq!((is_signed_in(&app, &phone).await, is_signed_in(&app, &laptop).await), (true, false));
}

#[tokio::test]
async fn all_other_sessions_or_all_of_them_are_revoked() {
    let (app, _) = App::server(defaults);
    let [phone, laptop, tablet] = signed_in(&app, ["phone", "laptop", "tablet"]).await;
    let request = app.open(&laptop).await;
    assert_eq!(app.manager.revoke_others(&request).await.unwrap(), 2);
    assert_eq!(devices(&app).await, ["laptop"]);
    assert!(!is_signed_in(&app, &phone).await && !is_signed_in(&app, &tablet).await);
    assert_eq!(app.manager.revoke_all(USER).await.unwrap(), 1);
    assert!(!is_signed_in(&app, &laptop).await);
    let visitor = app.open(&Browser::default()).await;
    assert!(matches!(app.manager.revoke_others(&visitor).await, Err(SessionError::NotSignedIn)));
}

/// The handler of a changed password: a new id for this session, and an end of the others.
#[tokio::test]
async fn a_changed_password_ends_all_other_sessions_of_the_user() {
    let (app, _) = App::server(defaults);
    let [mut here, there] = signed_in(&app, ["here", "there"]).await;
    let request = app.open(&here).await;
    request.renew().unwrap();
    app.manager.revoke_others(&request).await.unwrap();
    let response = request.respond(200).await;
    assert_succeeded(&response);
    here.receive(&response);
    assert_eq!((is_signed_in(&app, &here).await, is_signed_in(&app, &there).await), (true, false));
}

#[tokio::test]
async fn a_session_is_destroyed_by_its_id_and_with_it_the_one_it_was_renewed_to() {
    let (app, _) = App::server(defaults);
    let [mut browser] = signed_in(&app, ["phone"]).await;
    let id = app.open(&browser).await.id().unwrap();
    app.visit(&mut browser, |session| session.renew().unwrap()).await;
    assert!(app.manager.destroy(&id).await.unwrap());
    assert!(!is_signed_in(&app, &browser).await);
    assert!(!app.manager.destroy(&id).await.unwrap());
}

#[tokio::test]
async fn stored_sessions_are_counted() {
    let (app, _) = App::server(defaults);
    signed_in(&app, ["phone", "laptop"]).await;
    app.browser_with(r#"{"cart":3}"#).await;
    assert_eq!(app.manager.count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_revoked_session_stays_so_whatever_a_request_in_flight_does() {
    type Handler = fn(&Session);
    let handlers: [(Handler, bool); 5] = [
        (|_| (), true),
        (|session| session.insert("late", true).unwrap(), true),
        (|session| session.renew().unwrap(), false),
        (|session| session.sign_in(USER).unwrap(), false),
        (|session| session.set_label("device", "late").unwrap(), true),
    ];
    for (handler, succeeds) in handlers {
        let (app, _) = App::server(defaults);
        let [browser] = signed_in(&app, ["phone"]).await;
        let late = app.open(&browser).await;
        handler(&late);
        assert_eq!(app.manager.revoke_all(USER).await.unwrap(), 1);
        let response = late.respond(200).await;
        assert_eq!(response.error.is_none(), succeeds, "{response:?}");
        assert_eq!(response.set_cookie, None);
        assert!(!is_signed_in(&app, &browser).await);
        assert!(devices(&app).await.is_empty());
    }
}

/// Of many requests in flight, none leaves a live session, and none reads data afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_in_flight_leave_no_session_behind_a_revocation() {
    let (app, _) = App::server(|config| config.request_deadline(Duration::from_secs(60)));
    let mut cookies = Vec::new();
    let mut requests: Vec<Request> = Vec::new();
    for session in 0..20 {
        let [browser] = signed_in(&app, ["device"]).await;
        for number in 0..10 {
            let request = app.open(&browser).await;
            match (session + number) % 4 {
                0 => request.insert(&format!("key{number}"), number).unwrap(),
                1 => request.renew().unwrap(),
                2 => request.sign_in(USER).unwrap(),
                _ => drop(request.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap()),
            }
            requests.push(request);
        }
        cookies.push(browser);
    }
    let (responses, revoked) = tokio::join!(respond_together(requests), async {
        tokio::task::yield_now().await;
        app.manager.revoke_all(USER).await
    });
    revoked.unwrap();
    let listed = app.manager.sessions_of(USER).await.unwrap();
    for response in responses {
        let mut browser = Browser::default();
        browser.receive(&response);
        cookies.push(browser);
    }
    let mut live = Vec::new();
    for browser in &cookies {
        live.extend(app.open(browser).await.reference());
    }
    // A sign-in that lost against a renewal begins a session of its own: after the revocation, it is listed.
    assert!(live.iter().all(|live| listed.iter().any(|listed| listed.reference() == *live)));
    app.manager.revoke_all(USER).await.unwrap();
    for browser in &cookies {
        assert_eq!(app.data(browser).await, "{}");
    }
}

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
async fn a_revocation_of_others_spares_a_session_that_is_renewed_or_signed_in_anew() {
    let (app, _) = App::server(defaults);
    let [mut browser, other] = signed_in(&app, ["phone", "other"]).await;
    let again = app.open(&browser).await;
    again.sign_in(USER).unwrap();
    assert_eq!(app.manager.revoke_others(&again).await.unwrap(), 1);
    assert!(is_signed_in(&app, &browser).await && !is_signed_in(&app, &other).await);
    let earlier = app.open(&browser).await;
    app.visit(&mut browser, |session| session.renew().unwrap()).await;
    assert_eq!(app.manager.revoke_others(&earlier).await.unwrap(), 0);
    assert!(is_signed_in(&app, &browser).await);
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

#[tokio::test]
async fn a_store_without_an_index_is_told_apart() {
    let no_index = |error: SessionError| matches!(error, SessionError::NoUserIndex);
    for app in [App::in_cookie(defaults), App::watched(true, defaults).0] {
        let request = app.open(&Browser::default()).await;
        request.sign_in(USER).unwrap();
        assert!(no_index(app.manager.sessions_of(USER).await.unwrap_err()));
        assert!(no_index(app.manager.revoke_all(USER).await.unwrap_err()));
        assert!(no_index(app.manager.revoke_others(&request).await.unwrap_err()));
        assert!(no_index(app.manager.count().await.unwrap_err()));
    }
    let config = || SessionConfig::builder(SECRET, "id").require_user_index(true);
    assert!(config().backend(MemoryBackend::new()).build().is_ok());
    assert!(matches!(config().build(), Err(ConfigError::NoUserIndex)));
    assert!(matches!(config().backend(SimpleMemory::new()).build(), Err(ConfigError::NoUserIndex)));
    let limited = SessionConfig::builder(SECRET, "id").max_sessions_per_user(1, OnSessionLimit::Refuse);
    assert!(matches!(limited.build(), Err(ConfigError::NoUserIndex)));
}
