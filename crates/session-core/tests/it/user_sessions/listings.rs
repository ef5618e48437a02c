//! The listing of a user's sessions, and their number.

use std::time::{Duration, UNIX_EPOCH};

use session_core::{
    AtomicBackend, ConfigError, Create, MemoryBackend, OnSessionLimit, Refresh, Session, SessionConfig, SessionError,
    WriteOutcome,
};
use session_testkit::SimpleMemory;

use super::{USER, devices, signed_in};
use crate::support::{App, Browser, NOW, SECRET, defaults, stored};

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
async fn stored_sessions_are_counted() {
    let (app, _) = App::server(defaults);
    signed_in(&app, ["phone", "laptop"]).await;
    app.browser_with(r#"{"cart":3}"#).await;
    assert_eq!(app.manager.count().await.unwrap(), 3);
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
