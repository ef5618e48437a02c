//! The limit on the number of keys.

use session_core::{Session, SessionConfigBuilder, SessionError, SessionMap};

use crate::support::{App, Browser, assert_succeeded};

const FULL: &str = r#"{"a":1,"b":2,"c":3}"#;

fn limited(config: SessionConfigBuilder) -> SessionConfigBuilder {
    config.max_keys(3)
}

type Addition = fn(&Session) -> Result<(), SessionError>;

/// All ways to add a key.
const ADDITIONS: [Addition; 5] = [
    |session| session.insert("d", 4),
    |session| session.extend(&SessionMap::from_json(r#"{"a":1,"d":4}"#).expect("JSON")),
    |session| session.update("d", |_: Option<u32>| 4).map(drop),
    |session| session.try_update("d", |_: Option<u32>| Ok::<_, SessionError>(Some(4))).map(drop),
    |session| session.update_all(|map| map.insert("d", 4)).map(drop),
];

fn assert_too_many<T: std::fmt::Debug>(outcome: Result<T, SessionError>) {
    assert!(matches!(outcome, Err(SessionError::TooManyKeys { limit: 3 })), "{outcome:?}");
}

#[tokio::test]
async fn a_key_beyond_the_limit_is_refused_however_it_is_added() {
    for app in App::on_each_backend(limited).into_iter().chain([App::in_cookie(limited)]) {
        let mut browser = app.browser_with(FULL).await;
        for add in ADDITIONS {
            let request = app.open(&browser).await;
            assert_too_many(add(&request));
            assert_eq!(request.to_map().into_json(), FULL);
            assert!(!request.is_modified());
        }
        app.visit(&mut browser, |session| {
            session.insert("a", 5).unwrap();
            session.remove("b").unwrap();
            session.insert("e", 6).unwrap();
        })
        .await;
        assert_eq!(app.data(&browser).await, r#"{"a":5,"c":3,"e":6}"#);
    }
}

#[tokio::test]
async fn a_merge_of_too_many_keys_sets_none() {
    let app = App::in_cookie(limited);
    let request = app.open(&Browser::default()).await;
    let four = SessionMap::from_json(r#"{"a":1,"b":2,"c":3,"d":4}"#).unwrap();
    assert_too_many(request.extend(&four));
    assert!(request.is_empty());
}

#[tokio::test]
async fn requests_that_together_exceed_the_limit_are_refused_at_the_commit() {
    for app in App::on_each_backend(limited) {
        let browser = app.browser_with(r#"{"a":1,"b":2}"#).await;
        let (first, second) = (app.open(&browser).await, app.open(&browser).await);
        first.insert("c", 3).unwrap();
        second.insert("d", 4).unwrap();
        assert_succeeded(&first.respond(200).await);
        assert_too_many(second.respond(200).await.error.map_or(Ok(()), Err));
        assert_eq!(app.data(&browser).await, FULL);
    }
}

#[tokio::test]
async fn a_stored_session_of_too_many_keys_is_still_read() {
    let (app, _probe) = App::server(|config| config);
    let browser = app.browser_with(r#"{"a":1,"b":2,"c":3,"d":4}"#).await;
    let (stricter, _probe) = App::server(|config| limited(config).backend(app.memory.clone()));
    assert_eq!(stricter.data(&browser).await, r#"{"a":1,"b":2,"c":3,"d":4}"#);
    let request = stricter.open(&browser).await;
    request.remove("a").unwrap();
    assert_succeeded(&request.respond(200).await);
    assert_eq!(stricter.data(&browser).await, r#"{"b":2,"c":3,"d":4}"#);
}

#[tokio::test]
async fn the_librarys_own_record_is_no_key() {
    let app = App::in_cookie(|config| limited(config).absolute_lifetime(std::time::Duration::from_secs(3600)));
    let browser = app.browser_with(FULL).await;
    assert_eq!(app.data(&browser).await, FULL);
    let request = app.open(&browser).await;
    assert_too_many(request.insert("d", 4));
}
