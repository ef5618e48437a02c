//! Concurrent requests of one session, and the promises that sessions in a store keep.

use std::time::{Duration, Instant};

use session_test_support::Lag;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Browser, HeldRequest};
use crate::demo::Demo;

const BODY: &str = r#"{"late":1}"#;

async fn start() -> (Demo, Browser, String) {
    let demo = Demo::start(&["--backend", "memory"]);
    let browser = Browser::new(&demo);
    let cookie = browser.get("/setup_session").await.cookie().to_owned();
    (demo, browser, cookie)
}

#[tokio::test]
async fn of_200_increments_at_once_each_is_counted() {
    let (_demo, browser, _) = start().await;
    let increment = |browser: Browser| async move { browser.post("/increment", "").await.status };
    let statuses = JoinSet::from_iter((0..200).map(|_| increment(browser.clone()))).join_all().await;
    assert_eq!(statuses, [200; 200]);
    assert_eq!(browser.session().await, r#"{"data":"session_data","n":200}"#);
}

#[tokio::test]
async fn fifty_slow_updates_at_once_leave_all_their_keys() {
    let (_demo, browser, _) = start().await;
    let update = |browser: Browser, number: usize| async move {
        let answer = browser.post("/slow_update?ms=300", format!(r#"{{"key {number}":{number}}}"#)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let started = Instant::now();
    JoinSet::from_iter((0..50).map(|number| update(browser.clone(), number))).join_all().await;
    assert!(started.elapsed() < Duration::from_millis(50 * 300), "they ran one after the other");

    let session: serde_json::Map<_, _> = serde_json::from_str(&browser.session().await).unwrap();
    assert_eq!(session.len(), 51);
    assert!((0..50).all(|number| session[&format!("key {number}")] == number));
}

#[tokio::test]
async fn updates_that_all_have_loaded_the_same_session_leave_all_their_keys() {
    let (demo, browser, cookie) = start().await;
    let bodies = ["a", "b", "c", "d"].map(|key| format!(r#"{{"{key}":1}}"#));
    let mut held = Vec::new();
    for body in &bodies {
        held.push(HeldRequest::post(&demo, "/update_session", &cookie, body.len()).await);
    }
    for (request, body) in held.into_iter().zip(&bodies) {
        assert!(request.finish(body).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(browser.session().await, r#"{"data":"session_data","a":1,"b":1,"c":1,"d":1}"#);
}

#[tokio::test]
async fn a_logout_during_a_slow_update_is_final() {
    let (demo, browser, cookie) = start().await;
    let slow = HeldRequest::post(&demo, "/slow_update?ms=50", &cookie, BODY.len()).await;
    assert!(browser.post("/logout", "").await.removes_the_cookie());

    let late = slow.finish(BODY).await;
    assert!(late.starts_with("HTTP/1.1 200"), "{late}");
    assert!(!late.to_lowercase().contains("set-cookie"), "{late}");
    assert_eq!(Browser::with_cookie(&demo, &cookie).session().await, "{}");
    assert_eq!(browser.session().await, "{}");
}

#[tokio::test]
async fn an_update_overtaken_by_a_login_is_a_json_conflict_and_leaves_the_login() {
    let (demo, browser, cookie) = start().await;
    let slow = HeldRequest::post(&demo, "/slow_update?ms=0", &cookie, BODY.len()).await;
    assert_eq!(browser.post("/login", r#"{"user":"ann"}"#).await.status, 200);

    let late = slow.finish(BODY).await;
    let (head, body) = late.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 409") && head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("set-cookie"), "{head}");
    assert_eq!(body, r#"{"error":"the session was changed by another request, please try again"}"#);
    assert_eq!(browser.session().await, r#"{"data":"session_data","user":"ann"}"#);
}

/// The promise is 100 ms in a release build. A debug build takes about ten times as long.
const BYSTANDER: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 100 });

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bystander_is_answered_while_four_of_the_largest_updates_run() {
    let (demo, bystander, _) = start().await;
    let object = |value: char| {
        let member = |number| format!("\"{}{number:03}\":\"{}\"", "\\n".repeat(10), value.to_string().repeat(30));
        format!("{{{}}}", (0..1_000).map(member).collect::<Vec<_>>().join(","))
    };
    let bodies = ['x', 'y'].map(object);
    let lag = Lag::watch();
    let mut updates = JoinSet::new();
    for _ in 0..4 {
        let (browser, bodies) = (Browser::new(&demo), bodies.clone());
        updates.spawn(async move {
            for body in bodies.iter().cycle() {
                assert_eq!(browser.post("/update_session", body.clone()).await.status, 200);
            }
        });
    }
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(bystander.session().await, r#"{"data":"session_data"}"#);
        let time = asked.elapsed();
        assert!(time < BYSTANDER + lag.allowance(), "{time:?}");
        // The next request meets other updates.
        sleep(Duration::from_millis(20)).await;
    }
    assert!(updates.try_join_next().is_none(), "the updates go on until here");
}
