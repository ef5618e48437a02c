//! Requests of one session at the same time, in one process and in two.

use session_core::SessionManager;
use tokio::task::JoinSet;

use crate::support::{Browser, Server, manager, patient};

/// Two managers with nothing in common but the server: what two processes are.
fn two_processes(server: &Server) -> [SessionManager; 2] {
    [(); 2].map(|()| manager(patient(&server.url())))
}

async fn log_in(manager: &SessionManager) -> Browser {
    let mut browser = Browser::default();
    browser.request(manager, |session| session.insert("n", 0).expect("it works without an outage")).await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_writes_of_different_keys_leave_two_hundred() {
    let server = Server::start(&[]);
    let managers = two_processes(&server);
    let browser = log_in(&managers[0]).await;
    let mut requests = JoinSet::new();
    for n in 0..200 {
        let (mut browser, manager) = (browser.clone(), managers[n % 2].clone());
        requests.spawn(async move {
            browser.request(&manager, |session| session.insert(&format!("key{n}"), n).unwrap()).await;
        });
    }
    requests.join_all().await;
    let (_, session) = browser.load(&managers[0]).await;
    assert_eq!(session.to_map().len(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_increments_make_two_hundred() {
    let server = Server::start(&[]);
    let managers = two_processes(&server);
    let browser = log_in(&managers[0]).await;
    let mut requests = JoinSet::new();
    for n in 0..200 {
        let (mut browser, manager) = (browser.clone(), managers[n % 2].clone());
        requests.spawn(async move {
            let add = |n: Option<u64>| n.unwrap_or(0) + 1;
            browser.request(&manager, move |session| assert!(session.update("n", add).unwrap() > 0)).await;
        });
    }
    requests.join_all().await;
    assert_eq!(browser.see(&managers[1], "n").await, Some(200));
}

#[tokio::test]
async fn a_logout_during_a_slow_update_is_final() {
    let server = Server::start(&[]);
    let [here, there] = two_processes(&server);
    let browser = log_in(&here).await;
    let (slow, session) = browser.load(&here).await;
    session.insert("n", 7).unwrap();

    let mut logout = browser.clone();
    let handle = logout.open(&there);
    handle.destroy();
    logout.receive(&handle.commit(200).await);
    assert!(!logout.has_cookie());

    let late = slow.commit(200).await;
    assert!(late.error.is_none() && late.set_cookie.is_none(), "the changes are dropped, as if they came before");
    assert_eq!(browser.see(&there, "n").await, None);
    assert_eq!(server.ask(&["KEYS", "session:*"]), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_renewals_at_once_one_wins_and_the_other_is_told() {
    let server = Server::start(&[]);
    let [here, there] = two_processes(&server);
    let browser = log_in(&here).await;
    let (first, session) = browser.load(&here).await;
    session.renew().unwrap();
    let (second, session) = browser.load(&there).await;
    session.renew().unwrap();

    let winner = first.commit(200).await;
    assert!(winner.error.is_none() && winner.set_cookie.is_some());
    let loser = second.commit(200).await;
    assert_eq!(loser.error.map(|error| error.status()), Some(409));
    assert_eq!(loser.set_cookie, None, "the winner's cookie stays");
    assert_eq!(server.ask(&["KEYS", "session:*"]).len(), 1);

    let mut renewed = browser.clone();
    renewed.receive(&winner);
    assert_eq!(renewed.see(&there, "n").await, Some(0));
}

#[tokio::test]
async fn a_logout_with_the_cookie_before_a_renewal_ends_the_renewed_session() {
    let server = Server::start(&[]);
    let [here, there] = two_processes(&server);
    let before = log_in(&here).await;
    let mut after = before.clone();
    after.request(&here, |session| session.renew().unwrap()).await;

    let handle = before.open(&there);
    handle.destroy();
    assert!(handle.commit(200).await.set_cookie.is_some());
    assert_eq!(after.see(&here, "n").await, None);
}
