//! Concurrent requests of one session, by two managers that share only the store, as two processes do.

use session_core::SessionManager;
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
