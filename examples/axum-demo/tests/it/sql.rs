//! Sessions in databases, over HTTP: restarts, two servers, races and outages.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use session_test_support::{DatabaseServer, MariaDbServer, PostgresServer};
use tokio::task::JoinSet;

use crate::client::{Browser, HeldRequest};
use crate::demo::Demo;

const MANY: usize = 200;

/// A folder for an SQLite file, which is deleted after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("demo-sqlite-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.join("sessions.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two demos on one database, a browser with a session, and its cookie.
async fn start(backend: &str, url: &str) -> ([Demo; 2], Browser, String) {
    let flags = ["--backend", backend, "--sql-url", url];
    let demos = [Demo::start(&flags), Demo::start(&flags)];
    let browser = Browser::new(&demos[0]);
    let cookie = browser.get("/setup_session").await.cookie().to_owned();
    (demos, browser, cookie)
}

#[tokio::test]
async fn a_restart_keeps_the_sessions_of_an_sqlite_file() {
    let folder = Folder::new();
    let url = folder.url();
    let flags = ["--backend", "sqlite", "--sql-url", &url];
    let mut demo = Demo::start(&flags);
    let browser = Browser::new(&demo);
    assert!(browser.get("/").await.text.contains("backend: sqlite"));
    browser.post("/login", r#"{"user":"ann"}"#).await;
    let session = browser.session().await;
    for signal in ["TERM", "KILL"] {
        demo.signal(signal);
        demo.end();
        demo = Demo::start(&flags);
        assert_eq!(browser.at(&demo).session().await, session);
    }
    assert!(browser.at(&demo).post("/logout", "").await.removes_the_cookie());
    demo.stop();
    let demo = Demo::start(&flags);
    assert_eq!(browser.at(&demo).session().await, "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_an_sqlite_file() {
    let folder = Folder::new();
    two_servers_lose_nothing("sqlite", &folder.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_postgres() {
    let server = PostgresServer::start(&[]);
    two_servers_lose_nothing("postgres", &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_mysql() {
    let server = MariaDbServer::start(&[]);
    two_servers_lose_nothing("mysql", &server.url()).await;
}

async fn two_servers_lose_nothing(backend: &str, url: &str) {
    const BODY: &str = r#"{"late":1}"#;
    let (demos, browser, cookie) = start(backend, url).await;
    let update =
        |number: usize| browser.at(&demos[number % 2]).insist("/update_session", format!(r#"{{"key {number}":1}}"#));
    JoinSet::from_iter((0..MANY).map(update)).join_all().await;
    let increment = |number: usize| browser.at(&demos[number % 2]).insist("/increment", String::new());
    let refused = JoinSet::from_iter((0..MANY).map(increment)).join_all().await.iter().sum();
    browser.assert_counted(MANY, refused).await;
    let session: serde_json::Map<_, _> = serde_json::from_str(&browser.session().await).unwrap();
    assert_eq!(session.len(), MANY + 2, "all keys, the number and the first value");

    let [here, there] = &demos;
    let slow = HeldRequest::post(here, "/slow_update?ms=50", &cookie, BODY.len()).await.loaded().await;
    assert!(browser.at(there).post("/logout", "").await.removes_the_cookie());
    let late = slow.finish(BODY).await;
    assert!(late.starts_with("HTTP/1.1 200") && !late.to_lowercase().contains("set-cookie"), "{late}");
    assert_eq!(Browser::with_cookie(there, &cookie).session().await, "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_down_sessions_are_refused_and_no_login_is_lost() {
    sessions_outlive_outages("postgres", &mut PostgresServer::start(&[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_mysql_is_down_sessions_are_refused_and_no_login_is_lost() {
    sessions_outlive_outages("mysql", &mut MariaDbServer::start(&[])).await;
}

async fn sessions_outlive_outages(backend: &str, server: &mut DatabaseServer) {
    let (_demos, browser, _) = start(backend, &server.url()).await;
    server.pause();
    browser.assert_refused().await;
    server.resume();
    assert_eq!(browser.session_after_outage().await, r#"{"data":"session_data"}"#);
    server.kill();
    browser.assert_refused().await;
    server.run();
    assert_eq!(browser.session_after_outage().await, r#"{"data":"session_data"}"#);
}
