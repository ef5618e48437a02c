//! Sessions in a real Redis, which two servers share.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Browser, HeldRequest};
use crate::demo::{Demo, PATIENCE};
use crate::signal::signal;

/// A `redis-server` of the test's own.
struct Redis {
    /// A shell that kills the server when its standard input ends: with this process.
    _guard: Child,
    process: u32,
    url: String,
}

const GUARD: &str = r#""$@" >/dev/null & echo $!; read -r _; kill -KILL $!"#;

impl Redis {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            GUARD,
            "sh",
            "redis-server",
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        let mut guard = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut process = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut process).await.unwrap();
        let connected = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, connected)
            .await
            .expect("redis-server starts; `cargo xtask test` installs it if it is missing");
        Self { _guard: guard, process: process.trim().parse().unwrap(), url: format!("redis://127.0.0.1:{port}") }
    }

    async fn demo(&self) -> Demo {
        Demo::start(&["--backend", "redis", "--redis-url", &self.url]).await
    }
}

async fn start() -> (Redis, [Demo; 2], Browser, String) {
    let redis = Redis::start().await;
    let demos = [redis.demo().await, redis.demo().await];
    let browser = Browser::new(&demos[0]);
    let cookie = browser.get("/setup_session").await.cookie().to_owned();
    (redis, demos, browser, cookie)
}

#[tokio::test]
async fn increments_through_two_servers_are_all_counted() {
    let (_redis, demos, browser, _) = start().await;
    let increments = |client: usize| {
        let browser = browser.at(&demos[client % 2]);
        async move {
            for _ in 0..20 {
                assert_eq!(browser.post("/increment", "").await.status, 200);
            }
        }
    };
    JoinSet::from_iter((0..10).map(increments)).join_all().await;
    assert_eq!(browser.session().await, r#"{"data":"session_data","n":200}"#);
}

#[tokio::test]
async fn a_logout_at_one_server_ends_a_slow_update_at_the_other() {
    const BODY: &str = r#"{"late":1}"#;
    let (_redis, [here, there], browser, cookie) = start().await;
    let slow = HeldRequest::post(&here, "/slow_update?ms=50", &cookie, BODY.len()).await;
    assert!(browser.at(&there).post("/logout", "").await.removes_the_cookie());
    let late = slow.finish(BODY).await;
    assert!(late.starts_with("HTTP/1.1 200") && !late.to_lowercase().contains("set-cookie"), "{late}");
    assert_eq!(Browser::with_cookie(&there, &cookie).session().await, "{}");
}

#[tokio::test]
async fn while_redis_stands_still_sessions_are_refused_everything_else_is_served_and_no_login_is_lost() {
    let (redis, _demos, browser, _) = start().await;
    signal("STOP", redis.process);
    let mut times = Vec::new();
    for _ in 0..30 {
        assert_eq!(browser.get("/untouched").await.status, 200);
        let start = Instant::now();
        let refused = browser.get("/view_session").await;
        times.push(start.elapsed());
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text);
        assert_eq!(refused.header("set-cookie"), None);
    }
    let (waited, at_once) = times.split_at(10);
    println!("503 after {waited:?}, then {at_once:?}");
    assert!(at_once.iter().min().is_some_and(|time| *time < Duration::from_millis(5)), "{at_once:?}");

    signal("CONT", redis.process);
    let start = Instant::now();
    while browser.get("/view_session").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not recover");
        sleep(Duration::from_millis(10)).await;
    }
    println!("served again after {:?}", start.elapsed());
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
}
