//! Sessions in memcached, over HTTP: races between two servers, and outages.

use std::time::{Duration, Instant};

use session_test_support::MemcachedServer;
use tokio::task::JoinSet;

use crate::client::{Browser, HeldRequest};
use crate::demo::Demo;

const MANY: usize = 200;

/// Two demos on the same nodes, and one browser that uses both.
async fn start(nodes: &[&MemcachedServer]) -> ([Demo; 2], [Browser; 2], String) {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address()).collect();
    let addresses = addresses.join(",");
    let flags = ["--backend", "memcache", "--memcache-addr", &addresses];
    let demos = [Demo::start(&flags), Demo::start(&flags)];
    let browser = Browser::new(&demos[0]);
    let cookie = browser.get("/setup_session").await.cookie().to_owned();
    // Browsers keep cookies for a host, no matter which port.
    let other = browser.at(&demos[1]);
    (demos, [browser, other], cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_keys_at_once_on_two_servers_each_is_kept() {
    let nodes = [MemcachedServer::start(), MemcachedServer::start(), MemcachedServer::start()];
    let (_demos, browsers, _) = start(&nodes.each_ref()).await;
    let update =
        |number: usize| browsers[number % 2].clone().insist("/update_session", format!(r#"{{"key {number}":1}}"#));
    JoinSet::from_iter((0..MANY).map(update)).join_all().await;
    let session: serde_json::Map<_, _> = serde_json::from_str(&browsers[0].session().await).unwrap();
    assert_eq!(session.len(), MANY + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_increments_at_once_on_two_servers_each_is_counted() {
    let node = MemcachedServer::start();
    let (_demos, browsers, _) = start(&[&node]).await;
    let increment = |number: usize| browsers[number % 2].clone().insist("/increment", String::new());
    let refused: usize = JoinSet::from_iter((0..MANY).map(increment)).join_all().await.iter().sum();
    println!("{refused} were refused");
    browsers[1].assert_counted(MANY, refused).await;
}

#[tokio::test]
async fn a_logout_wins_against_a_slow_update_on_another_server() {
    let node = MemcachedServer::start();
    let (demos, browsers, cookie) = start(&[&node]).await;
    let body = r#"{"late":1}"#;
    let slow = HeldRequest::post(&demos[0], "/update_session", &cookie, body.len()).await.loaded().await;
    assert!(browsers[1].post("/logout", "").await.removes_the_cookie());
    let response = slow.finish(body).await;
    assert!(response.starts_with("HTTP/1.1 200 ") && !response.to_lowercase().contains("set-cookie"), "{response}");
    assert_eq!(Browser::with_cookie(&demos[1], &cookie).session().await, "{}");
}

#[tokio::test]
async fn an_outage_is_a_quick_503_and_is_over_within_a_second_after_the_server_is_back() {
    let mut node = MemcachedServer::start();
    let (demos, browsers, cookie) = start(&[&node]).await;
    let browser = &browsers[0];
    for hangs in [true, false] {
        if hangs {
            node.pause();
        } else {
            node.kill();
        }
        browser.assert_refused().await;
        if hangs {
            node.resume();
        } else {
            node.start_again();
        }
        let begin = Instant::now();
        while browser.get("/view_session").await.status != 200 {
            assert!(begin.elapsed() < Duration::from_secs(1), "it does not recover");
        }
        let expected = if hangs { r#"{"data":"session_data"}"# } else { "{}" };
        assert_eq!(Browser::with_cookie(&demos[0], &cookie).session().await, expected);
    }
}
