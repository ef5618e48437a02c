//! Signing in and out: the user that a session is bound to.

use std::time::{Duration, UNIX_EPOCH};

use session_core::{Lifetime, Session, SessionConfigBuilder, SessionError};

use crate::support::{App, Browser, NOW, Operation, SECRET, assert_succeeded, defaults};

fn at(seconds: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn each_mode() -> [App; 2] {
    [App::server(defaults).0, App::in_cookie(defaults)]
}

/// A browser whose user is signed in.
async fn signed_in(app: &App, user: &str) -> Browser {
    let mut browser = Browser::default();
    app.visit(&mut browser, |session| session.sign_in(user).expect("the session is live")).await;
    browser
}

async fn user(app: &App, browser: &Browser) -> Option<String> {
    app.open(browser).await.user().expect("the session is live")
}

#[tokio::test]
async fn a_signed_in_session_knows_its_user_and_the_times() {
    for app in each_mode() {
        let mut browser = app.browser_with(r#"{"cart":3}"#).await;
        app.advance(5);
        app.visit(&mut browser, |session| session.sign_in(42).unwrap()).await;
        app.advance(7);
        let request = app.open(&browser).await;
        assert_eq!(request.user::<u64>().unwrap(), Some(42));
        assert_eq!(request.user::<String>().unwrap().as_deref(), Some("42"));
        assert!(matches!(request.user::<std::net::Ipv4Addr>(), Err(SessionError::UserNotReadable)));
        assert!(request.is_signed_in());
        assert_eq!((request.authenticated_at(), request.created_at()), (Some(at(NOW + 5)), Some(at(NOW + 5))));
        assert_eq!(request.to_map().into_json(), r#"{"cart":3}"#, "the data stays, the record is hidden");
    }
}

#[tokio::test]
async fn a_session_without_a_user_knows_none() {
    for app in each_mode() {
        let browser = app.browser_with("{}").await;
        let request = app.open(&browser).await;
        assert!(!request.is_signed_in());
        assert_eq!(request.user::<u64>().unwrap(), None);
        assert_eq!((request.authenticated_at(), request.reference()), (None, None));
        assert!(matches!(request.set_label("device", "x"), Err(SessionError::NotSignedIn)));
    }
}

#[tokio::test]
async fn a_sign_in_without_data_makes_a_session() {
    for app in each_mode() {
        let browser = signed_in(&app, "ann").await;
        assert!(browser.has_cookie());
        let request = app.open(&browser).await;
        assert!(request.is_empty() && request.is_signed_in());
    }
}

#[tokio::test]
async fn a_sign_in_gives_the_session_a_new_id() {
    let (app, probe) = App::server(defaults);
    let before = app.browser_with(r#"{"cart":3}"#).await;
    let mut browser = before.clone();
    probe.calls();
    app.visit(&mut browser, |session| session.sign_in("ann").unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Rotate]);
    assert_ne!(before.header(), browser.header());
    assert_eq!(app.data(&before).await, "{}");
    assert_eq!(user(&app, &before).await, None);
}

#[tokio::test]
async fn a_users_session_is_read_written_and_refreshed_as_any_other() {
    let (app, probe) = App::server(defaults);
    let mut browser = signed_in(&app, "ann").await;
    probe.calls();
    app.visit(&mut browser, |_| ()).await;
    assert_eq!(probe.calls(), [Operation::Fetch]);
    app.visit(&mut browser, |session| session.insert("n", 1).unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Replace]);
    app.advance(2 * 24 * 3600);
    app.visit(&mut browser, |_| ()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Touch]);
    app.visit(&mut browser, |session| session.renew().unwrap()).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Rotate]);
    app.visit(&mut browser, Session::sign_out).await;
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Remove]);
    assert!(!browser.has_cookie());
}

#[tokio::test]
async fn a_renewal_keeps_the_user_and_the_reference() {
    for app in each_mode() {
        let mut browser = signed_in(&app, "ann").await;
        let reference = app.open(&browser).await.reference();
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        let request = app.open(&browser).await;
        assert_eq!((request.user::<String>().unwrap().as_deref(), request.reference()), (Some("ann"), reference));
    }
}

#[tokio::test]
async fn a_sign_out_ends_the_session() {
    let (app, _) = App::server(defaults);
    let browser = signed_in(&app, "ann").await;
    app.visit(&mut browser.clone(), Session::sign_out).await;
    assert_eq!(user(&app, &browser).await, None);
}

#[tokio::test]
async fn clearing_a_session_removes_its_user() {
    for app in each_mode() {
        let mut browser = signed_in(&app, "ann").await;
        let old = browser.clone();
        app.visit(&mut browser, |session| session.clear().unwrap()).await;
        assert!(!browser.has_cookie());
        if !app.memory.is_empty() {
            assert_eq!(user(&app, &old).await, None);
        }
    }
}

#[tokio::test]
async fn a_label_set_while_another_request_clears_the_session_brings_no_user_back() {
    let (app, _) = App::server(defaults);
    let browser = signed_in(&app, "ann").await;
    let late = app.open(&browser).await;
    late.set_label("device", "phone").unwrap();
    late.insert("late", true).unwrap();
    app.visit(&mut browser.clone(), |session| session.clear().unwrap()).await;
    assert_succeeded(&late.respond(200).await);
    let request = app.open(&browser).await;
    assert_eq!((request.to_map().into_json().as_str(), request.is_signed_in()), (r#"{"late":true}"#, false));
}

#[tokio::test]
async fn a_lifetime_and_labels_of_requests_that_overlap_are_all_kept() {
    let (app, _) = App::server(defaults);
    let browser = signed_in(&app, "ann").await;
    let [device, place, lifetime] = [app.open(&browser).await, app.open(&browser).await, app.open(&browser).await];
    device.set_label("device", "phone").unwrap();
    place.set_label("place", "Paris").unwrap();
    lifetime.set_lifetime(Lifetime::For(Duration::from_secs(60))).unwrap();
    for request in [device, place, lifetime] {
        assert_succeeded(&request.respond(200).await);
    }
    let request = app.open(&browser).await;
    assert_eq!(["device", "place"].map(|name| request.label(name).unwrap()), ["phone", "Paris"]);
    assert_eq!(request.lifetime(), Lifetime::For(Duration::from_secs(60)));
}

#[tokio::test]
async fn a_user_has_an_id_of_1_to_255_bytes() {
    let (app, _) = App::server(defaults);
    let session = app.open(&Browser::default()).await;
    for wrong in [String::new(), "a".repeat(256)] {
        let bytes = wrong.len();
        assert!(matches!(session.sign_in(wrong), Err(SessionError::InvalidUser { bytes: found }) if found == bytes));
    }
    assert!(!session.is_signed_in());
    session.sign_in("a".repeat(255)).unwrap();
}

#[tokio::test]
async fn labels_are_bounded_in_number_and_length() {
    let (app, _) = App::server(defaults);
    let mut browser = signed_in(&app, "ann").await;
    let set = |session: &Session| {
        for number in 0..8 {
            session.set_label(&format!("label {number}"), "short").unwrap();
        }
        session.set_label("label 7", &"é".repeat(200)).unwrap();
        assert!(matches!(session.set_label("one more", ""), Err(SessionError::TooManyLabels { limit: 8 })));
        assert!(matches!(session.set_label(&"a".repeat(33), ""), Err(SessionError::InvalidLabelName { bytes: 33 })));
        assert!(matches!(session.set_label("", ""), Err(SessionError::InvalidLabelName { bytes: 0 })));
    };
    app.visit(&mut browser, set).await;
    let request = app.open(&browser).await;
    assert_eq!(request.label("label 0").as_deref(), Some("short"));
    assert_eq!(request.label("label 7"), Some("é".repeat(128)));
    assert_eq!(request.label("one more"), None);
}

#[tokio::test]
async fn a_sign_in_resets_labels_and_a_lifetime_of_the_sessions_own() {
    for app in each_mode() {
        let mut browser = signed_in(&app, "ann").await;
        let label = |session: &Session| {
            session.set_label("device", "phone").unwrap();
            session.set_lifetime(Lifetime::For(Duration::from_secs(60))).unwrap();
        };
        app.visit(&mut browser, label).await;
        app.visit(&mut browser, |session| session.sign_in("bob").unwrap()).await;
        let request = app.open(&browser).await;
        assert_eq!(request.user::<String>().unwrap().as_deref(), Some("bob"));
        assert_eq!(request.label("device"), None);
        assert_eq!(request.lifetime(), Lifetime::For(Duration::from_secs(14 * 24 * 3600)));
        let both = |session: &Session| {
            session.sign_in("bob").unwrap();
            session.set_lifetime(Lifetime::For(Duration::from_secs(60))).unwrap();
        };
        app.visit(&mut browser, both).await;
        assert_eq!(app.open(&browser).await.lifetime(), Lifetime::For(Duration::from_secs(60)));
    }
}

#[tokio::test]
async fn a_renewal_keeps_the_absolute_lifetime_and_a_sign_in_starts_it_anew() {
    let limited: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| config.max_age(Duration::from_secs(100)).absolute_lifetime(Duration::from_secs(120));
    for app in [App::server(limited).0, App::in_cookie(limited)] {
        let mut browser = app.browser_with(r#"{"cart":3}"#).await;
        app.advance(90);
        app.visit(&mut browser, |session| session.renew().unwrap()).await;
        assert_eq!(app.open(&browser).await.expires_in(), Duration::from_secs(30));
        let mut kept = browser.clone();
        app.visit(&mut browser, |session| session.sign_in("ann").unwrap()).await;
        assert_eq!(app.open(&browser).await.expires_in(), Duration::from_secs(100));
        app.advance(30);
        assert!(app.open(&browser).await.is_signed_in());
        // In the cookie, the older token lives on to its end.
        app.visit(&mut kept, |session| assert!(session.is_empty())).await;
    }
}

#[tokio::test]
async fn a_sign_in_after_another_request_has_renewed_the_session_begins_one_of_its_own() {
    for app in App::on_each_backend(defaults) {
        let mut browser = app.browser_with(r#"{"cart":3}"#).await;
        let late = app.open(&browser).await;
        late.insert("theme", "dark").unwrap();
        late.update("cart", |cart: Option<u64>| cart.unwrap_or(0) + 1).unwrap();
        late.sign_in("ann").unwrap();
        app.visit(&mut browser, |session| session.sign_in("bob").unwrap()).await;
        let response = late.respond(200).await;
        assert_succeeded(&response);
        let mut own = Browser::default();
        own.receive(&response);
        let request = app.open(&own).await;
        assert_eq!(request.user::<String>().unwrap().as_deref(), Some("ann"));
        assert_eq!(request.to_map().into_json(), r#"{"theme":"dark","cart":1}"#, "no data of the other login");
        let request = app.open(&browser).await;
        assert_eq!(
            (request.user::<String>().unwrap().as_deref(), request.to_map().into_json().as_str()),
            (Some("bob"), r#"{"cart":3}"#)
        );
    }
}

#[tokio::test]
async fn a_sign_in_that_takes_a_value_is_refused_after_a_renewal_by_another_request() {
    let (app, _) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"token":"secret"}"#).await;
    let late = app.open(&browser).await;
    assert_eq!(late.take::<String>("token").unwrap().as_deref(), Some("secret"));
    late.sign_in("ann").unwrap();
    app.visit(&mut browser, |session| session.renew().unwrap()).await;
    let response = late.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
    assert_eq!(response.set_cookie, None);
}

#[tokio::test]
async fn a_sign_in_whose_update_refuses_an_empty_session_is_refused_after_a_renewal() {
    let (app, _) = App::server(defaults);
    let mut browser = app.browser_with(r#"{"n":1}"#).await;
    let late = app.open(&browser).await;
    late.try_update("n", |n: Option<u64>| n.map(|n| Some(n + 1)).ok_or(SessionError::Gone)).unwrap();
    late.sign_in("ann").unwrap();
    app.visit(&mut browser, |session| session.renew().unwrap()).await;
    let response = late.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::Refused { .. })), "{response:?}");
    assert_eq!(response.set_cookie, None);
}

#[tokio::test]
async fn a_sign_in_is_refused_after_another_request_has_destroyed_the_session() {
    for app in App::on_each_backend(defaults) {
        let browser = app.browser_with(r#"{"cart":3}"#).await;
        let late = app.open(&browser).await;
        late.sign_in("ann").unwrap();
        app.visit(&mut browser.clone(), Session::destroy).await;
        let response = late.respond(200).await;
        assert!(matches!(response.error, Some(SessionError::Gone)), "{response:?}");
        assert_eq!(response.set_cookie, None);
    }
}

#[tokio::test]
async fn a_sign_in_after_a_sign_out_of_the_same_request_begins_an_empty_session() {
    let (app, _) = App::server(defaults);
    let mut browser = signed_in(&app, "ann").await;
    let old = browser.clone();
    let switch = |session: &Session| {
        session.sign_out();
        session.sign_in("bob").unwrap();
    };
    app.visit(&mut browser, switch).await;
    assert_eq!(user(&app, &browser).await.as_deref(), Some("bob"));
    assert_eq!(user(&app, &old).await, None);
}

#[tokio::test]
async fn a_failed_response_signs_no_user_in() {
    for app in each_mode() {
        let browser = app.browser_with(r#"{"cart":3}"#).await;
        let request = app.open(&browser).await;
        request.sign_in("ann").unwrap();
        let response = request.respond(500).await;
        assert_eq!(response.set_cookie, None);
        assert_eq!(user(&app, &browser).await, None);
    }
}

#[tokio::test]
async fn a_sign_in_after_the_response_head_is_refused() {
    let (app, _) = App::server(defaults);
    let request = app.open(&Browser::default()).await;
    assert_succeeded(&request.respond(200).await);
    assert!(matches!(request.sign_in("ann"), Err(SessionError::HeadersSent)));
}

#[tokio::test]
async fn neither_the_user_nor_the_labels_are_printed() {
    let (app, _) = App::server(defaults);
    let request = app.open(&Browser::default()).await;
    request.sign_in("ann-of-the-test").unwrap();
    request.set_label("device", "phone-of-the-test").unwrap();
    let printed = format!("{:?}", &*request);
    assert!(!printed.contains("of-the-test") && !printed.contains(SECRET), "{printed}");
}
