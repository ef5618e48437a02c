//! All sessions of a store, as tools find them.

use std::time::Duration;

use session_core::{AtomicBackend, Create, ScannedSession, SessionError, SessionMap};

use crate::support::{App, Browser, defaults};

async fn scanned(app: &App) -> Vec<ScannedSession> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = app.manager.scan(after.as_ref()).await.expect("the store answers");
        all.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_scan_finds_users_and_visitors_with_their_data() {
    let (app, _) = App::server(|config| config.max_age(Duration::from_secs(1000)));
    let mut ann = Browser::default();
    app.visit(&mut ann, |session| session.sign_in("ann").unwrap()).await;
    app.browser_with(r#"{"cart":3}"#).await;
    let mut found = scanned(&app).await;
    found.sort_by_key(|session| session.user().is_some());
    let [visitor, user] = &found[..] else { panic!("{found:?}") };
    assert_eq!((visitor.user(), visitor.sign_in().is_some()), (None, false));
    assert_eq!(visitor.data().unwrap().as_json(), r#"{"cart":3}"#);
    assert_eq!(user.user(), Some("ann"));
    assert_eq!(user.expires_in(), Some(Duration::from_secs(1001)));
    let request = app.open(&ann).await;
    assert_eq!(user.id(), &request.id().unwrap());
    assert_eq!(Some(user.sign_in().unwrap().reference()), request.reference());
    assert!(!user.data().unwrap().contains_key("__session"), "the record of the library is listed");
    let printed = format!("{found:?}");
    assert!(!printed.contains("cart") && !printed.contains(user.id().as_str()), "{printed}");
    assert!(app.manager.destroy(user.id()).await.unwrap());
    assert_eq!(scanned(&app).await.len(), 1);
}

#[tokio::test]
async fn a_scan_leaves_out_emptied_and_expired_sessions_and_keys_of_other_programs() {
    let (app, _) = App::server(|config| config.absolute_lifetime(Duration::from_secs(50)));
    let mut emptied = app.browser_with(r#"{"cart":3}"#).await;
    app.visit(&mut emptied, |session| session.clear().unwrap()).await;
    app.browser_with(r#"{"over":true}"#).await;
    let data = SessionMap::from_json("{}").unwrap();
    for key in ["session:short", "session:not an id: \u{e9}", "other:0123456789012345678901"] {
        app.memory.create(Create::new(key, &data, Duration::from_secs(1000))).await.unwrap();
    }
    assert_eq!(scanned(&app).await.len(), 1);
    app.advance(51);
    assert_eq!(scanned(&app).await.len(), 0);
}

#[tokio::test]
async fn a_scan_of_a_store_that_has_none_is_refused() {
    for app in [App::in_cookie(defaults), App::watched(true, defaults).0] {
        assert!(matches!(app.manager.scan(None).await, Err(SessionError::NoScan)));
    }
}
