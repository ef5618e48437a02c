//! Requests of one session in two processes of the operating system.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use session_core::SessionManager;
use session_sql::SqlBackend;
use session_test_support::Lag;
use tokio::task::JoinSet;

use crate::support::{Browser, Database, manager, on_each_database};

on_each_database![two_processes_lose_no_increment];

/// The cookie, the table and the URL of a process that a test starts.
const CHILD: &str = "SESSION_SQL_INCREMENTS";

/// The increments of each process, all at once.
const INCREMENTS: usize = 100;

/// Runs this program's test of this name in another process.
fn start_child(browser: &Browser, database: &Database) -> Child {
    Command::new(std::env::current_exe().expect("it has a path"))
        .args(["processes::a_child_increments", "--exact"])
        .env(CHILD, format!("{} {} {}", browser.header(), database.table(), database.url()))
        .stdout(Stdio::null())
        .spawn()
        .expect("the test program can be started")
}

/// Does nothing in the process of the other tests.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_increments() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let [cookie, table, url] = told.split(' ').collect::<Vec<_>>().try_into().expect("there are three words");
    let builder = SqlBackend::builder().table(table).expect("the name is good").timeout(Duration::from_secs(20));
    increment(&manager(builder.connect(url).expect("the url is good")), cookie).await;
}

async fn increment(manager: &SessionManager, cookie: &str) {
    let mut requests = JoinSet::new();
    for _ in 0..INCREMENTS {
        let handle = manager.open([cookie.as_bytes()]);
        requests.spawn(async move {
            let session = handle.load().await.expect("the session can be loaded");
            session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).expect("it is a number");
            handle.commit(200).await.error
        });
    }
    assert!(requests.join_all().await.iter().all(Option::is_none), "an increment failed");
}

/// It takes at most 3 seconds, plus the delay that a busy machine adds to a thread that sleeps.
async fn two_processes_lose_no_increment(database: Database) {
    let manager = manager(database.patient());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 0).expect("it works without an outage")).await;
    let (lag, start) = (Lag::watch(), Instant::now());
    let mut child = start_child(&browser, &database);
    increment(&manager, &browser.header()).await;
    assert!(child.wait().unwrap().success());
    let time = start.elapsed();
    println!("200 increments in two processes took {time:?}");
    assert_eq!(browser.see(&manager, "n").await, Some(2 * INCREMENTS as u64));
    assert!(time < Duration::from_secs(3) + lag.allowance(), "{time:?}");
}
