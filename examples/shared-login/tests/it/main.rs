//! The real program, a real store and a browser: one login counts on three servers, and one logout ends it on all.
//!
//! Python is the interpreter that SESSION_PYTHON names; `cargo xtask test` sets it.
//!
//! On Unix only: the program is ended by signals.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod browser;
mod program;

use std::collections::HashSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use browser::Browser;
use program::Program;
use session_test_support::{MemcachedServer, Process, RedisServer};

/// Where sessions are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sessions {
    InTheCookie,
    InAStore,
}

#[tokio::test]
async fn a_login_is_shared_in_the_cookie() {
    logins_are_shared(&["--backend", "cookie"], Sessions::InTheCookie).await;
}

#[tokio::test]
async fn a_login_is_shared_in_memcached() {
    let server = MemcachedServer::start();
    logins_are_shared(&["--backend", "memcache", "--memcache-addr", &server.address()], Sessions::InAStore).await;
}

#[tokio::test]
async fn a_login_is_shared_in_redis() {
    let server = RedisServer::start(&[]);
    logins_are_shared(&["--backend", "redis", "--redis-url", &server.url()], Sessions::InAStore).await;
}

/// Logs in on each server and out on each, and checks all of them after both.
async fn logins_are_shared(flags: &[&str], sessions: Sessions) {
    let program = Program::start(flags);
    assert_eq!(program.names(), ["axum", "actix-web", "Starlette"]);
    let urls = program.urls();
    for (login, logout) in urls.iter().flat_map(|login| urls.iter().map(move |logout| (*login, *logout))) {
        let browser = Browser::new();
        browser.log_in(login, "Ann & <b>").await;
        let stolen = Browser::with_cookie(&browser.cookie(login).expect("a login sets the cookie"));
        for url in &urls {
            assert_eq!(browser.greeting(url).await, "You are Ann &amp; &lt;b&gt;.", "in at {login}, at {url}");
        }
        browser.log_out(logout).await;
        assert!(browser.cookie(logout).is_none(), "in at {login}, out at {logout}");
        for url in &urls {
            assert_eq!(
                browser.greeting(url).await,
                "You are not logged in.",
                "in at {login}, out at {logout}, at {url}"
            );
            if sessions == Sessions::InAStore {
                assert_eq!(
                    stolen.greeting(url).await,
                    "You are not logged in.",
                    "in at {login}, out at {logout}, at {url}"
                );
            }
        }
    }
    program.stop();
}

/// Prevents session fixation: an attacker who knew the id before the login would be logged in, too.
#[tokio::test]
async fn a_login_gives_a_new_id_whichever_server_gave_the_old_one() {
    let server = MemcachedServer::start();
    let program = Program::start(&["--backend", "memcache", "--memcache-addr", &server.address()]);
    let browser = Browser::new();
    let mut ids = HashSet::new();
    for url in program.urls().repeat(2) {
        browser.log_in(url, "ann").await;
        let cookie = browser.cookie(url).expect("a login sets the cookie");
        // The time of the login follows the id.
        let id = cookie.split('.').next().unwrap().to_owned();
        assert!(ids.insert(id), "at {url}");
    }
    program.stop();
}

#[test]
fn a_store_that_can_not_be_shared_is_refused() {
    let (status, stderr) = Process::start(&mut program::command(&["--backend", "memory"])).wait();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("--backend memory: three servers can't share that"), "{stderr}");
}

#[tokio::test]
async fn without_python_two_servers_run_and_it_says_what_is_missing() {
    let program = Program::start(&["--python", "no-such-program"]);
    assert_eq!(program.names(), ["axum", "actix-web"]);
    let browser = Browser::new();
    browser.log_in(program.urls()[0], "ann").await;
    for url in program.urls() {
        assert_eq!(browser.greeting(url).await, "You are ann.");
    }
    let stderr = program.stop();
    assert!(stderr.contains("no-such-program can't be started") && stderr.contains("requirements.txt"), "{stderr}");
}

/// With `-S` the interpreter does not find the packages of its environment.
#[test]
fn a_python_without_its_packages_is_reported_with_the_missing_one() {
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bare-python-{}", std::process::id()));
    std::fs::write(&script, "#!/bin/sh\nexec \"$SESSION_PYTHON\" -S \"$@\"\n").unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let program = Program::start(&["--python", script.to_str().unwrap()]);
    assert_eq!(program.names(), ["axum", "actix-web"]);
    let stderr = program.stop();
    assert!(stderr.contains("No module named 'redis'") && stderr.contains("requirements.txt"), "{stderr}");
    std::fs::remove_file(script).unwrap();
}
