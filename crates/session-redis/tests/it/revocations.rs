//! Revocations against requests in flight, over two servers.

use session_core::{Session, SessionManager};
use tokio::task::JoinSet;

use crate::support::{Browser, Cluster, Server, manager, patient};

const USER: &str = "ann";
const SESSIONS: usize = 20;

/// The number of requests of each session.
const EACH: usize = 10;

type Work = fn(&Session);

/// Requests that change, renew and end their session.
const CHANGES: [Work; 5] = [
    |session| session.insert("late", 1).expect("the response has not begun"),
    |session| session.renew().expect("the response has not begun"),
    |session| drop(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)),
    |session| session.set_label("device", "late").expect("a user is signed in"),
    Session::sign_out,
];

fn sign_in(session: &Session) {
    session.sign_in(USER).expect("the response has not begun");
}

/// Revokes all sessions of a user while many requests of them are in flight. Returns all cookies that clients have then.
async fn revoke_amid(servers: &[SessionManager; 2], works: &[Work]) -> Vec<Browser> {
    let mut browsers = vec![Browser::default(); SESSIONS];
    for browser in &mut browsers {
        browser
            .request(&servers[0], |session| {
                sign_in(session);
                session.insert("secret", 1).expect("the response has not begun");
            })
            .await;
    }
    let mut requests = JoinSet::new();
    for number in 0..SESSIONS * EACH {
        let mut browser = browsers[number % SESSIONS].clone();
        let (handle, session) = browser.load(&servers[number % 2]).await;
        works[number % works.len()](&session);
        requests.spawn(async move {
            browser.receive(&handle.commit(200).await);
            browser
        });
    }
    // Some of the commits have ended by now, and others have not begun.
    let revoked = servers[1].revoke_all(USER).await;
    revoked.expect("the server answers");
    browsers.extend(requests.join_all().await);
    browsers
}

async fn check(servers: [SessionManager; 2]) {
    let cookies = revoke_amid(&servers, &CHANGES).await;
    for (number, browser) in cookies.iter().enumerate() {
        let (_, session) = browser.load(&servers[number % 2]).await;
        assert!(!session.is_signed_in() && session.is_empty(), "request {number}");
    }
    assert!(servers[0].sessions_of(USER).await.expect("the server answers").is_empty());

    // A sign-in that is in flight fails, or counts as one after the revocation: then it is listed.
    let cookies = revoke_amid(&servers, &[CHANGES[0], CHANGES[1], sign_in]).await;
    let listed = servers[0].sessions_of(USER).await.expect("the server answers");
    for (number, browser) in cookies.iter().enumerate() {
        let (_, session) = browser.load(&servers[number % 2]).await;
        let is_listed = listed.iter().any(|one| one.is_current(&session));
        assert!(!session.is_signed_in() || is_listed, "request {number}");
        assert!(session.is_empty(), "only data of this request may follow: request {number}");
    }
    servers[0].revoke_all(USER).await.expect("the server answers");
    for (number, browser) in cookies.iter().enumerate() {
        let (_, session) = browser.load(&servers[number % 2]).await;
        assert!(!session.is_signed_in(), "request {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation() {
    let server = Server::start(&[]);
    let connect = || manager(patient(&server.url()));
    check([connect(), connect()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_in_a_cluster() {
    let cluster = Cluster::start();
    let connect = || -> SessionManager { manager(patient(&cluster.url())) };
    check([connect(), connect()]).await;
}
