//! The one key that the library keeps for itself.

use std::time::Duration;

use session_core::{Lifetime, SessionError, SessionMap};

use crate::support::{App, Browser, Request, Step, stored};

const KEY: &str = "__session";

/// A session that has something under the reserved key, and how it is stored.
async fn limited() -> (Browser, Request, String) {
    let (app, _) = App::server(|config| config.absolute_lifetime(Duration::from_secs(3600)));
    let browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let request = app.open(&browser).await;
    let key = format!("session:{}", request.id().expect("it is stored").as_str());
    let stored = stored(&app.memory, &key).expect("it is there");
    (browser, request, stored.into_json())
}

#[tokio::test]
async fn no_accessor_shows_it() {
    let (_, session, stored) = limited().await;
    assert!(stored.contains(KEY));
    assert_eq!(session.to_map().keys().collect::<Vec<_>>(), ["user"]);
    assert_eq!(session.to_map().len(), 1);
    assert_eq!(session.to_map().into_json(), r#"{"user":"ann"}"#);
    assert!(!session.to_map().contains_key(KEY));
    assert!(!session.contains_key(KEY));
    assert_eq!(session.raw_json(KEY), None);
    assert_eq!(session.get::<SessionMapLike>(KEY).unwrap(), None);
    session.remove("user").unwrap();
    assert!(session.is_empty());
    assert_eq!(session.to_map().len(), 0);
}

type SessionMapLike = std::collections::BTreeMap<String, u64>;

#[tokio::test]
async fn no_accessor_changes_it() {
    let (_, session, _) = limited().await;
    let map = SessionMap::from_json(r#"{"a":1,"__session":{}}"#).unwrap();
    let refused = [
        session.insert(KEY, 1),
        session.remove(KEY).map(drop),
        session.take::<SessionMapLike>(KEY).map(drop),
        session.update(KEY, |_: Option<u8>| 1).map(drop),
        session.extend(&map),
    ];
    for outcome in refused {
        assert!(matches!(outcome, Err(SessionError::ReservedKey { key }) if &*key == KEY));
    }
    assert_eq!(session.to_map().into_json(), r#"{"user":"ann"}"#);
}

#[tokio::test]
async fn it_is_written_only_when_a_feature_needs_it() {
    let steps: [(Step, bool); 2] = [
        (|session| session.insert("a", 1).unwrap(), false),
        (
            |session| {
                session.insert("a", 1).unwrap();
                session.set_lifetime(Lifetime::For(Duration::from_secs(9))).unwrap();
            },
            true,
        ),
    ];
    for (step, needed) in steps {
        let (app, _) = App::server(|config| config);
        let mut browser = Browser::default();
        app.visit(&mut browser, step).await;
        let id = app.open(&browser).await.id().unwrap();
        let stored = stored(&app.memory, &format!("session:{}", id.as_str())).unwrap();
        assert_eq!(stored.contains_key(KEY), needed);
    }
}

#[tokio::test]
async fn a_session_that_holds_nothing_else_is_empty() {
    let (app, _) = App::server(|config| config.absolute_lifetime(Duration::from_secs(3600)));
    let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
    app.visit(&mut browser, |session| {
        session.set_lifetime(Lifetime::For(Duration::from_secs(9))).unwrap();
        session.remove("user").unwrap();
    })
    .await;
    assert!(!browser.has_cookie());
}
