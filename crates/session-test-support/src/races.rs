//! Concurrent requests of one session, by two managers that share only the store, as two processes do.

use std::time::Duration;

use session_core::{Session, SessionManager};
use tokio::task::JoinSet;

use crate::Browser;

async fn log_in(manager: &SessionManager) -> Browser {
    let mut browser = Browser::default();
    browser.request(manager, |session| session.insert("n", 0).expect("a new session takes data")).await;
    browser
}

/// All of 200 concurrent writes of different keys are kept.
pub async fn writes_of_different_keys(managers: [SessionManager; 2]) {
    let browser = log_in(&managers[0]).await;
    let mut requests = JoinSet::new();
    for n in 0..200 {
        let (mut browser, manager) = (browser.clone(), managers[n % 2].clone());
        requests.spawn(async move {
            browser.request(&manager, |session| session.insert(&format!("key{n}"), n).expect("it is no login")).await;
        });
    }
    requests.join_all().await;
    let (_, session) = browser.load(&managers[0]).await;
    assert_eq!(session.to_map().len(), 201);
}

/// All of 200 concurrent increments are counted.
pub async fn increments(managers: [SessionManager; 2]) {
    let browser = log_in(&managers[0]).await;
    let mut requests = JoinSet::new();
    for n in 0..200 {
        let (mut browser, manager) = (browser.clone(), managers[n % 2].clone());
        requests.spawn(async move {
            let add = |n: Option<u64>| n.unwrap_or(0) + 1;
            browser.request(&manager, |session| assert!(session.update("n", add).expect("it is a number") > 0)).await;
        });
    }
    requests.join_all().await;
    assert_eq!(browser.see(&managers[1], "n").await, Some(200));
}

/// A logout during a slow update leaves no session.
pub async fn logout_during_an_update([here, there]: [SessionManager; 2]) {
    let browser = log_in(&here).await;
    let (slow, session) = browser.load(&here).await;
    session.insert("n", 7).expect("the session takes data");

    let mut logout = browser.clone();
    let handle = logout.open(&there);
    handle.destroy();
    logout.receive(&handle.commit(200).await);
    assert!(!logout.has_cookie());

    let late = slow.commit(200).await;
    assert!(late.error.is_none() && late.set_cookie.is_none(), "the changes are dropped, as if they came before");
    assert_eq!(browser.see(&there, "n").await, None);
}

/// Of two renewals one succeeds, and the other one is told that it failed. One session is left.
pub async fn renewals([here, there]: [SessionManager; 2]) {
    let browser = log_in(&here).await;
    let (first, session) = browser.load(&here).await;
    session.renew().expect("the response has not begun");
    let (second, session) = browser.load(&there).await;
    session.renew().expect("the response has not begun");

    let winner = first.commit(200).await;
    assert!(winner.error.is_none() && winner.set_cookie.is_some());
    let loser = second.commit(200).await;
    assert_eq!(loser.error.map(|error| error.status()), Some(409));
    assert_eq!(loser.set_cookie, None, "the winner's cookie stays");

    let mut renewed = browser.clone();
    renewed.receive(&winner);
    assert_eq!(renewed.see(&there, "n").await, Some(0));
}

/// A logout with the cookie from before a renewal ends the renewed session.
pub async fn logout_with_the_cookie_before_a_renewal([here, there]: [SessionManager; 2]) {
    let before = log_in(&here).await;
    let mut after = before.clone();
    after.request(&here, |session| session.renew().expect("the response has not begun")).await;

    let handle = before.open(&there);
    handle.destroy();
    assert!(handle.commit(200).await.set_cookie.is_some());
    assert_eq!(after.see(&here, "n").await, None);
}

/// The user whose sessions are revoked.
const USER: &str = "ann";

/// A handler that changes its session.
type Change = fn(&Session);

const INSERT: Change = |session| session.insert("late", 1).expect("the response has not begun");
const RENEW: Change = |session| session.renew().expect("the response has not begun");
const UPDATE: Change = |session| drop(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1));
const LABEL: Change = |session| session.set_label("device", "late").expect("a user is signed in");
const SIGN_IN: Change = |session| session.sign_in(USER).expect("the response has not begun");

/// Of 200 requests in flight during a revocation, none leaves a live session, and none reads data afterwards.
pub async fn changes_during_a_revocation(managers: [SessionManager; 2]) {
    for browser in revoke_amid(&managers, &[INSERT, RENEW, UPDATE, LABEL, Session::sign_out]).await {
        let (_, session) = browser.load(&managers[0]).await;
        assert!(!session.is_signed_in() && session.is_empty());
    }
}

/// A sign-in during a revocation fails, or counts as later and is listed. The store has an index of users.
pub async fn sign_ins_during_a_revocation(managers: [SessionManager; 2]) {
    let browsers = revoke_amid(&managers, &[INSERT, RENEW, SIGN_IN]).await;
    let listed = managers[0].sessions_of(USER).await.expect("the store answers");
    for browser in &browsers {
        let (_, session) = browser.load(&managers[0]).await;
        assert!(!session.is_signed_in() || listed.iter().any(|one| one.is_current(&session)));
        assert!(session.is_empty(), "only data of this request may follow");
    }
    managers[1].revoke_all(USER).await.expect("the store answers");
    for browser in &browsers {
        let (_, session) = browser.load(&managers[0]).await;
        assert!(!session.is_signed_in());
    }
}

/// Revokes all sessions of a user while 200 requests of them are in flight. Returns all cookies that clients have then.
async fn revoke_amid(managers: &[SessionManager; 2], changes: &[Change]) -> Vec<Browser> {
    let mut browsers = vec![Browser::default(); 20];
    for browser in &mut browsers {
        let log_in = |session: &Session| {
            SIGN_IN(session);
            session.insert("secret", 1).expect("a new session takes data");
        };
        browser.request(&managers[0], log_in).await;
    }
    let mut requests = Vec::new();
    for number in 0..200 {
        let browser = browsers[number % browsers.len()].clone();
        let (handle, session) = browser.load(&managers[number % 2]).await;
        changes[number / browsers.len() % changes.len()](&session);
        requests.push((browser, handle));
    }
    let mut commits = JoinSet::new();
    for (number, (mut browser, handle)) in requests.into_iter().enumerate() {
        commits.spawn(async move {
            browser.receive(&handle.commit(200).await);
            browser
        });
        if number == 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // Some of the commits have ended by now, and others have not begun.
    managers[1].revoke_all(USER).await.expect("the store answers");
    for browser in &browsers {
        let (_, session) = browser.load(&managers[0]).await;
        assert!(!session.is_signed_in(), "as soon as it is acknowledged");
    }
    browsers.extend(commits.join_all().await);
    browsers
}
