//! The id of a session: never one that the store has not confirmed.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use session_core::signer::TimestampSigner;
use session_core::{MemoryBackend, Session, SessionError};

use crate::support::{App, Browser, NOW, SECRET, TestClock, defaults, put, stored};

const DATA: &str = r#"{"user":"ann"}"#;

fn write(session: &Session) {
    session.insert("written", true).expect("it can be written to");
}

/// A browser whose cookie names this id, signed as it should be.
fn naming(id: &str) -> Browser {
    let payload = STANDARD.encode(format!(r#"{{"_cssid": "{id}"}}"#));
    let token = String::from_utf8(TimestampSigner::new(SECRET).sign(payload, NOW)).expect("a token is text");
    Browser::with_cookie(&format!("id={token}"))
}

/// Asserts that this browser's cookie opens no session, and that a write begins a new one.
async fn assert_not_adopted(app: &App, mut browser: Browser, id: &str) {
    assert_eq!(app.data(&browser).await, "{}");
    app.visit(&mut browser, write).await;
    let session = app.open(&browser).await;
    assert_eq!(session.to_map().into_json(), r#"{"written":true}"#);
    assert_ne!(session.id().expect("it is stored").as_str(), id);
}

async fn id_of(app: &App, browser: &Browser) -> String {
    app.open(browser).await.id().expect("it is stored").as_str().to_owned()
}

#[tokio::test]
async fn an_id_that_the_store_does_not_know_is_not_adopted() {
    let (app, _) = App::server(defaults);
    let id = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
    assert_not_adopted(&app, naming(id), id).await;
    assert!(stored(&app.memory, &format!("session:{id}")).is_none());
}

#[tokio::test]
async fn an_id_of_another_issuer_is_taken_when_the_store_knows_it() {
    let (app, _) = App::server(defaults);
    let id = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
    put(&app.memory, &format!("session:{id}"), DATA, std::time::Duration::from_secs(60));
    let mut browser = naming(id);
    app.visit(&mut browser, write).await;
    assert_eq!(app.data(&browser).await, r#"{"user":"ann","written":true}"#);
    assert_eq!(id_of(&app, &browser).await, id);
}

#[tokio::test]
async fn an_evicted_session_is_not_resurrected() {
    let clock = TestClock::at(NOW);
    let memory = MemoryBackend::builder().clock(clock.clone()).max_sessions(10).build();
    let app = App::new(clock, |config| config.backend(memory.clone()));
    let mut sessions = Vec::new();
    for _ in 0..50 {
        let (mut browser, request) = (Browser::default(), app.open(&Browser::default()).await);
        request.insert("user", "ann").unwrap();
        browser.receive(&request.respond(200).await);
        sessions.push((browser, request.id().unwrap()));
    }
    let mut evicted = 0;
    for (browser, id) in sessions {
        if stored(&memory, &format!("session:{}", id.as_str())).is_none() {
            assert_not_adopted(&app, browser, id.as_str()).await;
            evicted += 1;
        }
    }
    assert!(evicted >= 40, "{evicted}");
}

#[tokio::test]
async fn an_expired_session_is_not_resurrected() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    let id = id_of(&app, &browser).await;
    app.advance(14 * 24 * 3600 + 1);
    assert_not_adopted(&app, browser, &id).await;
}

#[tokio::test]
async fn a_session_that_the_store_has_expired_is_not_resurrected() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    let id = id_of(&app, &browser).await;
    put(&app.memory, &format!("session:{id}"), DATA, std::time::Duration::from_secs(5));
    app.advance(5);
    assert_not_adopted(&app, browser, &id).await;
}

#[tokio::test]
async fn a_forged_cookie_opens_nothing() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    let id = id_of(&app, &browser).await;
    let payload = STANDARD.encode(format!(r#"{{"_cssid": "{id}"}}"#));
    let by_another = TimestampSigner::new("another secret of thirty-two bytes").sign(&payload, NOW);
    for token in [String::from_utf8(by_another).unwrap(), format!("{payload}.ZVPxAA."), payload, id.clone()] {
        assert_not_adopted(&app, Browser::with_cookie(&format!("id={token}")), &id).await;
    }
}

#[tokio::test]
async fn a_session_that_vanishes_while_it_is_written_to_is_a_conflict() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    let request = app.open(&browser).await;
    write(&request);
    app.advance(15 * 24 * 3600);
    let response = request.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
    assert_eq!(response.set_cookie, None);
}

#[tokio::test]
async fn ids_are_at_least_128_random_bits_and_all_different() {
    let (app, _) = App::server(defaults);
    let (mut ids, mut ever_set, mut always_set) = (HashSet::new(), 0, u128::MAX);
    for _ in 0..500 {
        let id = id_of(&app, &app.browser_with(DATA).await).await;
        let bits = URL_SAFE_NO_PAD.decode(&id).unwrap().try_into().map(u128::from_be_bytes).unwrap();
        (ever_set, always_set) = (ever_set | bits, always_set & bits);
        assert!(ids.insert(id));
    }
    assert_eq!((ever_set, always_set), (u128::MAX, 0));
}

#[tokio::test]
async fn a_renewal_moves_the_data_to_a_new_id_and_leaves_nothing_under_the_old_one() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let mut browser = old.clone();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        assert_eq!(app.data(&browser).await, DATA);
        let old_id = old.header();
        assert_ne!(browser.header(), old_id);
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn data_that_follows_a_destruction_makes_a_new_session() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let old_id = id_of(&app, &old).await;
        let mut browser = old.clone();
        app.visit(&mut browser, |session| {
            session.destroy();
            assert!(session.is_empty() && session.id().is_none());
            write(session);
        })
        .await;
        assert_eq!(app.data(&browser).await, r#"{"written":true}"#);
        assert_ne!(id_of(&app, &browser).await, old_id);
        // The old id is not adopted: a request that still has it is told to try again.
        assert_eq!(app.data(&old).await, "{}");
        let late = app.open(&old).await;
        write(&late);
        assert!(matches!(late.respond(200).await.error, Some(SessionError::Gone)));
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn an_unread_session_can_be_destroyed_and_followed_by_another() {
    for app in App::on_each_backend(defaults) {
        let old = app.browser_with(DATA).await;
        let handle = app.handle(&old);
        handle.destroy();
        let request = app.load(handle).await;
        assert_eq!(request.to_map().into_json(), "{}");
        write(&request);
        let mut browser = old.clone();
        browser.receive(&request.respond(200).await);
        assert_eq!(app.data(&browser).await, r#"{"written":true}"#);
        assert_eq!(app.data(&old).await, "{}");
    }
}

#[tokio::test]
async fn the_cookie_of_a_cleared_session_opens_nothing_after_a_minute() {
    let (app, _) = App::server(defaults);
    let replayed = app.browser_with(DATA).await;
    let id = id_of(&app, &replayed).await;
    app.visit(&mut replayed.clone(), |session| session.clear().unwrap()).await;
    assert_eq!(app.data(&replayed).await, "{}");
    app.advance(61);
    assert_not_adopted(&app, replayed, &id).await;
}

#[tokio::test]
async fn data_that_follows_a_saved_clearing_stays_under_the_same_id() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(DATA).await;
        let request = app.open(&browser).await;
        let old_id = request.id();
        request.clear().unwrap();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, "{}");
        write(&request);
        let response = request.respond(200).await;
        assert!(response.set_cookie.is_some());
        browser.receive(&response);
        assert_eq!(app.data(&browser).await, r#"{"written":true}"#);
        assert_eq!(app.open(&browser).await.id(), old_id);
    }
}

#[tokio::test]
async fn a_session_destroyed_by_a_save_is_destroyed_at_once() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(DATA).await;
        let request = app.open(&browser).await;
        request.destroy();
        request.save().await.unwrap();
        assert_eq!(app.data(&browser).await, "{}");
        browser.receive(&request.respond(200).await);
        assert!(!browser.has_cookie());
    }
}

#[tokio::test]
async fn is_new_tells_whether_the_request_brought_a_session() {
    let (app, _) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    assert!(!app.open(&browser).await.is_new());
    assert!(app.open(&Browser::default()).await.is_new());
    assert!(app.open(&naming("697a5ae2-203d-4c23-8e51-cb1b5c8a89a6")).await.is_new());
}

#[tokio::test]
async fn the_id_of_a_session_that_will_be_renewed_is_known_once_it_is_saved() {
    for app in App::on_each_backend(defaults) {
        let request = app.open(&app.browser_with(DATA).await).await;
        let old_id = request.id();
        request.renew().unwrap();
        assert!(old_id.is_some() && request.id().is_none());
        request.save().await.unwrap();
        assert!(request.id().is_some() && request.id() != old_id);
    }
}
