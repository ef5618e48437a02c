//! The end of one session, of all, or of all others.

use std::time::Duration;

use session_core::{Session, SessionError};

use super::{USER, devices, is_signed_in, reference, signed_in};
use crate::support::{App, Browser, Request, assert_succeeded, defaults, respond_together};

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
    assert_eq!(app.manager.revoke_all(USER).await.unwrap(), Some(1));
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
        assert_eq!(app.manager.revoke_all(USER).await.unwrap(), Some(1));
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
