//! Sessions in a real Redis, which two servers share: races, outages, and a store that is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use session_test_support::{Lag, RedisServer};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Browser, HeldRequest};
use crate::demo::{Demo, PATIENCE};

const MANY: usize = 200;

/// A Redis with these options, two demos on it, a browser with a session, and its cookie.
async fn start(options: &[&str]) -> (RedisServer, [Demo; 2], Browser, String) {
    let redis = RedisServer::start(options);
    let url = redis.url();
    let flags = ["--backend", "redis", "--redis-url", &url];
    let demos = [Demo::start(&flags), Demo::start(&flags)];
    let browser = Browser::new(&demos[0]);
    let cookie = browser.get("/setup_session").await.cookie().to_owned();
    (redis, demos, browser, cookie)
}

#[tokio::test]
async fn the_cookie_of_a_format_has_the_name_that_its_framework_uses() {
    let redis = RedisServer::start(&[]);
    let names = [("django-cache", "sessionid="), ("express", "connect.sid="), ("flask-session", "session=")];
    for (format, name) in names.into_iter().chain([("actix-session", "id="), ("tower-sessions", "id=")]) {
        let demo = Demo::start(&["--format", format, "--backend", "redis", "--redis-url", &redis.url()]);
        assert!(Browser::new(&demo).get("/setup_session").await.cookie().starts_with(name), "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_keys_at_once_on_two_servers_each_is_kept() {
    let (_redis, demos, browser, _) = start(&[]).await;
    let update =
        |number: usize| browser.at(&demos[number % 2]).insist("/update_session", format!(r#"{{"key {number}":1}}"#));
    JoinSet::from_iter((0..MANY).map(update)).join_all().await;
    let session: serde_json::Map<_, _> = serde_json::from_str(&browser.session().await).unwrap();
    assert_eq!(session.len(), MANY + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_increments_at_once_on_two_servers_each_is_counted() {
    let (_redis, demos, browser, _) = start(&[]).await;
    let increment = |number: usize| browser.at(&demos[number % 2]).insist("/increment", String::new());
    let refused: usize = JoinSet::from_iter((0..MANY).map(increment)).join_all().await.iter().sum();
    println!("{refused} were refused");
    browser.assert_counted(MANY, refused).await;
}

#[tokio::test]
async fn a_logout_at_one_server_ends_a_slow_update_at_the_other() {
    const BODY: &str = r#"{"late":1}"#;
    let (_redis, [here, there], browser, cookie) = start(&[]).await;
    let slow = HeldRequest::post(&here, "/slow_update?ms=50", &cookie, BODY.len()).await.loaded().await;
    assert!(browser.at(&there).post("/logout", "").await.removes_the_cookie());
    let late = slow.finish(BODY).await;
    assert!(late.starts_with("HTTP/1.1 200") && !late.to_lowercase().contains("set-cookie"), "{late}");
    assert_eq!(Browser::with_cookie(&there, &cookie).session().await, "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_for_which_there_is_no_memory_are_refused_and_leave_the_session() {
    let (redis, demos, browser, cookie) = start(&["--maxmemory-policy", "noeviction"]).await;
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let renew = |number: usize| {
        let browser = browser.at(&demos[number % 2]);
        let (path, body) = [("/renew", ""), ("/login", r#"{"user":"ann"}"#)][number / 2 % 2];
        async move {
            let refused = browser.post(path, body).await;
            assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text);
            assert_eq!(refused.header("set-cookie"), None);
        }
    };
    JoinSet::from_iter((0..20).map(renew)).join_all().await;
    assert_eq!(redis.ask(&["KEYS", "*"]).len(), 1, "nothing was written, and nothing was removed");
    for demo in &demos {
        assert_eq!(Browser::with_cookie(demo, &cookie).session().await, r#"{"data":"session_data"}"#);
    }

    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_ne!(browser.post("/renew", "").await.cookie(), cookie);
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    assert_eq!(Browser::with_cookie(&demos[1], &cookie).session().await, "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_hangs_sessions_are_refused_other_routes_work_and_logins_survive() {
    let (redis, _demos, browser, _) = start(&[]).await;
    redis.pause();
    let lag = Lag::watch();
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        let start = Instant::now();
        assert_eq!(browser.get("/untouched").await.status, 200);
        served.push(start.elapsed());
        let start = Instant::now();
        let answer = browser.get("/view_session").await;
        refused.push(start.elapsed());
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text);
        assert_eq!(answer.header("set-cookie"), None);
    }
    // After five calls without an answer, requests fail fast.
    let (waited, at_once) = refused.split_at(5);
    println!("served after {:?}, 503 after {waited:?}, then {:?}", median(&served), median(at_once));
    let allowance = lag.allowance();
    assert!(waited.iter().all(|time| *time < Duration::from_millis(300) + allowance), "{waited:?}, {allowance:?}");
    assert!(median(at_once) < Duration::from_millis(5) + allowance, "{at_once:?}, {allowance:?}");
    assert!(median(&served) < Duration::from_millis(5) + allowance, "{served:?}, {allowance:?}");

    redis.resume();
    let start = Instant::now();
    assert_eq!(browser.session_after_outage().await, r#"{"data":"session_data"}"#);
    println!("served again after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(1) + lag.allowance(), "{:?}", start.elapsed());
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_increment_is_lost_when_redis_stands_still_or_dies() {
    let (mut redis, demos, browser, _) = start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let (done, counts) = (Arc::new(AtomicBool::new(false)), Arc::new([const { AtomicUsize::new(0) }; 2]));
    let [acknowledged, refused] = counts.as_ref();
    let mut clients = JoinSet::new();
    for demo in &demos {
        let (browser, done, counts) = (browser.at(demo), done.clone(), counts.clone());
        clients.spawn(async move {
            loop {
                let answer = browser.post("/increment", "").await;
                assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
                counts[usize::from(answer.status == 503)].fetch_add(1, Ordering::Relaxed);
                // Not before its own server is back. The other one may be back a little earlier.
                if answer.status == 200 && done.load(Ordering::Relaxed) {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
        });
    }
    for kill in [false, true] {
        more(acknowledged).await;
        if kill {
            redis.kill()
        } else {
            redis.pause()
        }
        more(refused).await;
        if kill { redis.run() } else { redis.resume() }
    }
    more(acknowledged).await;
    done.store(true, Ordering::Relaxed);
    timeout(PATIENCE, clients.join_all()).await.expect("both servers recover");
    let [acknowledged, refused] = [acknowledged, refused].map(|count| count.load(Ordering::Relaxed));
    browser.assert_counted(acknowledged, refused).await;
}

/// Waits until a count has grown.
async fn more(count: &AtomicUsize) {
    let (before, start) = (count.load(Ordering::Relaxed), Instant::now());
    while count.load(Ordering::Relaxed) < before + 20 {
        assert!(start.elapsed() < PATIENCE, "nothing happens");
        sleep(Duration::from_millis(5)).await;
    }
}
