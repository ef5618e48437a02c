//! Changes that depend on the current value, and what a stream learns of other requests.

use std::time::{Duration, UNIX_EPOCH};

use session_core::{Lifetime, Session, SessionError};

use crate::support::{App, NOW, Step, defaults};

/// A closure refused the value.
#[derive(Debug)]
enum Refusal {
    Insufficient,
    Session,
}

impl From<SessionError> for Refusal {
    fn from(_: SessionError) -> Self {
        Self::Session
    }
}

fn pay(session: &Session, price: u64) -> Result<Option<u64>, Refusal> {
    session.try_update("credit", move |credit: Option<u64>| {
        let left = credit.unwrap_or(0).checked_sub(price).ok_or(Refusal::Insufficient)?;
        Ok((left > 0).then_some(left))
    })
}

#[tokio::test]
async fn two_tabs_may_both_pop_a_message() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"flash":"saved"}"#).await;
        let tabs = [app.open(&browser).await, app.open(&browser).await];
        for tab in &tabs {
            assert_eq!(tab.pop::<String>("flash").unwrap().as_deref(), Some("saved"));
            assert!(tab.is_modified());
            assert!(tab.respond(200).await.error.is_none());
        }
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_try_update_refuses_now_or_at_the_commit() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"credit":10,"kept":1}"#).await;
        let [first, second] = [app.open(&browser).await, app.open(&browser).await];
        assert!(matches!(pay(&first, 11), Err(Refusal::Insufficient)));
        assert!(!first.is_modified());
        assert_eq!(pay(&first, 7).unwrap(), Some(3));
        assert_eq!(pay(&second, 7).unwrap(), Some(3));
        assert!(first.respond(200).await.error.is_none());
        let refused = second.respond(200).await.error.unwrap();
        assert!(matches!(&refused, SessionError::Refused { key } if &**key == "credit"), "{refused:?}");
        assert!(refused.is_conflict());
        let last = app.open(&browser).await;
        assert_eq!(pay(&last, 3).unwrap(), None);
        assert!(last.respond(200).await.error.is_none());
        assert_eq!(app.data(&browser).await, r#"{"kept":1}"#);
    }
}

#[tokio::test]
async fn an_update_of_all_keys_is_replayed_between_the_changes_around_it() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"a":1,"b":2}"#).await;
        let request = app.open(&browser).await;
        request.insert("a", 10).unwrap();
        let sum = |map: &mut session_core::SessionMap| {
            let sum = map.get::<u64>("a")?.unwrap_or(0) + map.get::<u64>("b")?.unwrap_or(0);
            map.insert("sum", sum)?;
            Ok(sum)
        };
        assert_eq!(request.update_all(sum).unwrap(), 12);
        request.insert("a", 20).unwrap();
        app.visit(&mut browser.clone(), |other| other.insert("b", 5).unwrap()).await;
        assert!(request.respond(200).await.error.is_none());
        let found = app.open(&browser).await;
        assert_eq!(found.get::<u64>("sum").unwrap(), Some(15));
        assert_eq!((found.get::<u64>("a").unwrap(), found.get::<u64>("b").unwrap()), (Some(20), Some(5)));
    }
}

#[tokio::test]
async fn a_stream_learns_of_changes_and_of_a_logout() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let stream = app.open(&browser).await;
        app.visit(&mut browser.clone(), |other| other.insert("rights", "admin").unwrap()).await;
        stream.reload().await.unwrap();
        assert_eq!(stream.get::<String>("rights").unwrap().as_deref(), Some("admin"));
        stream.touch().await.unwrap();
        app.visit(&mut browser.clone(), Session::destroy).await;
        assert!(matches!(stream.touch().await, Err(SessionError::Gone)));
        assert!(matches!(stream.reload().await, Err(SessionError::Gone)));
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_removed_on_request() {
    let (app, _) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"cart":"old text","kept":1}"#).await;
    app.visit(&mut browser, |session| assert_eq!(session.read_or_remove::<Vec<u32>>("cart").unwrap(), None)).await;
    assert_eq!(app.data(&browser).await, r#"{"kept":1}"#);
}

#[tokio::test]
async fn a_session_may_end_with_the_browser_or_at_a_time() {
    let (app, _) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"user":"ann"}"#).await;
    let cookie = app.visit(&mut browser, |session| session.set_lifetime(Lifetime::Browser).unwrap()).await.unwrap();
    assert!(!cookie.contains("Max-Age"), "{cookie}");
    let end = UNIX_EPOCH + Duration::from_secs(NOW + 100);
    let cookie = app.visit(&mut browser, |session| session.set_lifetime(Lifetime::Until(end)).unwrap()).await.unwrap();
    assert!(cookie.contains("Max-Age=100"), "{cookie}");
    app.advance(60);
    let session = app.open(&browser).await;
    assert_eq!((session.lifetime(), session.expires_in()), (Lifetime::Until(end), Duration::from_secs(40)));
    let past = session.set_lifetime(Lifetime::Until(UNIX_EPOCH));
    assert!(matches!(past, Err(SessionError::LifetimeOutOfRange { .. })), "{past:?}");
    app.advance(41);
    assert_eq!(app.data(&browser).await, "{}");
}

#[tokio::test]
async fn a_percent_encoded_cookie_is_decoded() {
    for (app, is_padded) in [(App::server(defaults).0, false), (App::in_cookie(defaults), true)] {
        let header = app.browser_with(r#"{"user":"ann"}"#).await.header();
        let (name, value) = header.split_once('=').unwrap();
        let encoded = format!("{name}={}", value.replace('.', "%2e").replace('-', "%2D").replace('=', "%3D"));
        assert_eq!((encoded.contains("%2e"), encoded.contains("%3D")), (true, is_padded), "{encoded}");
        let session = app.load(app.manager.open([encoded.as_bytes()])).await;
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"), "{encoded}");
    }
}

#[tokio::test]
async fn a_touch_goes_by_the_stored_data_and_not_by_pending_changes() {
    let steps: [Step; 2] = [
        |session| session.clear().unwrap(),
        |session| session.set_lifetime(Lifetime::For(Duration::from_secs(10))).unwrap(),
    ];
    for step in steps {
        let (app, _) = App::server(defaults);
        let browser = app.browser_with(r#"{"user":"ann"}"#).await;
        let request = app.open(&browser).await;
        step(&request);
        request.touch().await.unwrap();
        assert!(request.respond(500).await.error.is_none());
        app.advance(61);
        assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
    }
}
