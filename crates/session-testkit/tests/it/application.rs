//! The helpers for applications: a session goes in by its cookie and comes out again, in both modes.

use std::time::Duration;

use session_core::{Absence, SessionManager};
use session_testkit::{CookieJar, Fault, Operation, TestSessions};

fn both() -> [TestSessions; 2] {
    let short = |config: session_core::SessionConfigBuilder| config.max_age(Duration::from_secs(60));
    [TestSessions::in_store(short), TestSessions::in_cookie(short)]
}

#[tokio::test]
async fn an_application_sees_the_preset_session_and_the_test_its_changes() {
    for sessions in both() {
        let mut jar = sessions.jar_with(|session| session.sign_in("ann")).await;
        let handle = SessionManager::new(sessions.config()).open([jar.header().as_bytes()]);
        let session = handle.load().await.unwrap();
        assert_eq!(session.user::<String>().unwrap().as_deref(), Some("ann"));
        session.insert("cart", 3).unwrap();
        jar.receive(handle.commit(200).await.set_cookies().map(|set_cookie| set_cookie.as_str()));
        assert_eq!(sessions.read(&jar).await.get::<u32>("cart").unwrap(), Some(3));
    }
}

#[tokio::test]
async fn a_handle_without_a_layer_keeps_changes_when_it_is_committed() {
    let sessions = TestSessions::new();
    let jar = sessions.jar_with(|session| session.insert("cart", 3)).await;
    let handle = sessions.handle(&jar);
    handle.load().await.unwrap().insert("cart", 4).unwrap();
    assert_eq!(sessions.read(&jar).await.get::<u32>("cart").unwrap(), Some(3));
    assert!(handle.commit(200).await.error.is_none());
    assert_eq!(sessions.read(&jar).await.get::<u32>("cart").unwrap(), Some(4));
}

#[tokio::test]
async fn a_session_expires_when_the_clock_has_moved() {
    for sessions in both() {
        let jar = sessions.jar_with(|session| session.insert("cart", 3)).await;
        sessions.clock().advance(Duration::from_secs(62));
        assert_eq!(sessions.read(&jar).await.absence(), Some(Absence::Expired));
    }
}

#[tokio::test]
async fn the_store_forgets_a_session_when_the_clock_has_moved() {
    let sessions = TestSessions::in_store(|config| config.absolute_lifetime(Duration::from_secs(60)));
    let jar = sessions.jar_with(|session| session.insert("cart", 3)).await;
    sessions.clock().advance(Duration::from_secs(62));
    assert_eq!(sessions.read(&jar).await.absence(), Some(Absence::UnknownId));
}

#[tokio::test]
async fn faults_and_counts_concern_the_application_only() {
    let sessions = TestSessions::new();
    sessions.store().fail(Operation::All, Fault::Down);
    let jar = sessions.jar_with(|session| session.insert("cart", 3)).await;
    assert_eq!(sessions.read(&jar).await.get::<u32>("cart").unwrap(), Some(3));
    assert_eq!(sessions.store().calls(), []);
    let error = sessions.handle(&jar).load().await.expect_err("the store is down");
    assert_eq!(error.status(), 503);
    assert_eq!(sessions.store().calls(), [Operation::Fetch]);
}

#[tokio::test]
async fn an_empty_jar_is_a_first_visit() {
    let sessions = TestSessions::new();
    assert_eq!(sessions.read(&CookieJar::new()).await.absence(), Some(Absence::NoCookie));
}

#[test]
fn a_removal_removes_the_cookie_of_its_domain_and_path_only() {
    let mut jar = CookieJar::new();
    jar.receive(["id=1; Path=/", "id=2; Path=/app", "id=3; Path=/; Domain=example.com"]);
    jar.receive([&b"id=; Path=/app; Max-Age=0"[..]]);
    assert_eq!(jar.header(), "id=1; id=3");
    assert_eq!(format!("{jar:?}"), r#"["id", "id"]"#);
}

#[test]
#[should_panic(expected = "the settings are refused: cookie path")]
fn settings_that_are_refused_are_named() {
    let _ = TestSessions::in_cookie(|config| config.path("app"));
}
