//! starlette-session and this crate on one memcached: each reads, changes and clears the other's sessions.

use session_core::Session;

use crate::support::{App, Browser, Python, Server, backend};

struct Both {
    python: Python,
    rust: App,
    _memcached: Server,
}

impl Both {
    fn start() -> Self {
        let memcached = Server::start();
        let (python, rust) = (Python::start(&memcached), App::sharing(backend(&memcached)));
        Self { python, rust, _memcached: memcached }
    }

    /// Returns the session that Python finds.
    fn seen_by_python(&self, browser: &Browser) -> String {
        self.python.request(&mut browser.clone(), "GET", "/view_session", "")
    }
}

#[tokio::test]
async fn python_reads_and_changes_what_rust_has_written() {
    let both = Both::start();
    let mut browser =
        both.rust.browser_with(r#"{"user":"ann","text":"é\u00e9","big":123456789012345678901234567890}"#).await;
    let seen = both.seen_by_python(&browser);
    assert_eq!(seen, r#"{"session": {"user": "ann", "text": "\u00e9\u00e9", "big": 123456789012345678901234567890}}"#);
    both.python.request(&mut browser, "POST", "/update_session", r#"{"from": "python"}"#);
    let session = both.rust.open(&browser).await;
    assert_eq!(session.get::<String>("from").unwrap().as_deref(), Some("python"));
    assert_eq!(session.get::<String>("text").unwrap().as_deref(), Some("éé"));
}

#[tokio::test]
async fn rust_reads_and_changes_what_python_has_written() {
    let both = Both::start();
    let mut browser = Browser::default();
    both.python.request(&mut browser, "GET", "/setup_session", "");
    assert_eq!(both.rust.data(&browser).await, r#"{"data": "session_data"}"#);
    both.rust.visit(&mut browser, |session| session.insert("from", "rust").unwrap()).await;
    assert_eq!(both.seen_by_python(&browser), r#"{"session": {"data": "session_data", "from": "rust"}}"#);
}

#[tokio::test]
async fn an_increment_of_rust_is_not_lost_to_a_write_of_python_that_came_first() {
    let both = Both::start();
    let mut browser = Browser::default();
    both.python.request(&mut browser, "POST", "/increment", "");
    let slow = both.rust.open(&browser).await;
    slow.update("n", |n: Option<u32>| n.unwrap_or_default() + 1).unwrap();
    both.python.request(&mut browser, "POST", "/increment", "");
    assert!(slow.respond().await.error.is_none());
    assert_eq!(both.seen_by_python(&browser), r#"{"session": {"n": 3}}"#);
}

/// starlette-session finds `None` where there is no session.
#[tokio::test]
async fn a_session_that_rust_destroyed_emptied_or_renewed_is_missing_to_python() {
    let steps: [fn(&Session); 3] =
        [Session::destroy, |session| session.clear().unwrap(), |session| session.renew().unwrap()];
    for step in steps {
        let both = Both::start();
        let old = both.rust.browser_with(r#"{"user":"ann"}"#).await;
        let mut browser = old.clone();
        both.rust.visit(&mut browser, step).await;
        assert_eq!(both.seen_by_python(&old), r#"{"session": null}"#);
        if browser.has_cookie() {
            assert_eq!(both.seen_by_python(&browser), r#"{"session": {"user": "ann"}}"#);
        }
    }
}

#[tokio::test]
async fn a_session_that_python_cleared_is_missing_to_rust_and_its_id_is_not_used_again() {
    let both = Both::start();
    let old = both.rust.browser_with(r#"{"user":"ann"}"#).await;
    both.python.request(&mut old.clone(), "GET", "/clear_session", "");
    assert_eq!(both.rust.data(&old).await, "{}");
    let mut browser = old.clone();
    both.rust.visit(&mut browser, |session| session.insert("user", "bob").unwrap()).await;
    assert_ne!(browser, old);
    assert_eq!(both.seen_by_python(&browser), r#"{"session": {"user": "bob"}}"#);
}
