//! The round trips of each kind of request, by the server's own count.

use std::time::Duration;

use session_core::{Session, SessionManager};
use session_redis::RedisBackend;
use session_testkit::TestClock;

use crate::support::{Browser, REMEMBER, Server, config, forget_calls, manager, sent};

struct Counted {
    server: Server,
    manager: SessionManager,
    browser: Browser,
}

impl Counted {
    /// A client with a session, and a server that knows the scripts.
    async fn start() -> Self {
        let server = Server::start(REMEMBER);
        let backend = RedisBackend::connect(&server.url()).expect("the url is good");
        let manager = manager(backend);
        let mut browser = Browser::default();
        for _ in 0..2 {
            browser.request(&manager, |session| session.insert("a", 1).expect("it works without an outage")).await;
            browser.request(&manager, |session| session.insert("a", 2).expect("it works without an outage")).await;
            browser.request(&manager, |session| session.renew().expect("it works without an outage")).await;
            browser.request(&manager, Session::destroy).await;
        }
        browser.request(&manager, |session| session.insert("a", 1).expect("it works without an outage")).await;
        forget_calls(&server);
        Self { server, manager, browser }
    }

    /// Returns the commands that clients sent since the last question, by name.
    fn sent(&self) -> String {
        let calls = sent(&self.server);
        forget_calls(&self.server);
        calls.into_iter().map(|(name, calls)| format!("{name} {calls}")).collect::<Vec<_>>().join(", ")
    }

    async fn request(&mut self, work: impl FnOnce(&Session)) -> String {
        self.browser.request(&self.manager, work).await;
        self.sent()
    }
}

#[tokio::test]
async fn requests_without_a_session_are_free() {
    let mut counted = Counted::start().await;
    let handle = counted.browser.open(&counted.manager);
    let _ = handle.commit(200).await;
    assert_eq!(counted.sent(), "", "untouched");

    counted.browser = Browser::default();
    assert_eq!(counted.request(|session| assert!(session.is_empty())).await, "", "no cookie");
    let handle = counted.manager.open([&b"session=eyJfY3NzaWQiOiAiMSJ9.forged.forged"[..]]);
    assert!(handle.load().await.unwrap().is_empty());
    assert_eq!(counted.sent(), "", "forged");
}

#[tokio::test]
async fn an_expired_cookie_is_free() {
    let mut counted = Counted::start().await;
    let clock = TestClock::at(1_700_000_000);
    let backend = RedisBackend::connect(&counted.server.url()).unwrap();
    counted.manager = SessionManager::new(config(backend).clock(clock.clone()).build().unwrap());
    counted.browser = Browser::default();
    counted.request(|session| session.insert("a", 1).unwrap()).await;
    assert_eq!(counted.request(|session| assert_eq!(session.to_map().len(), 1)).await, "get 1");
    clock.advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(counted.request(|session| assert!(session.is_empty())).await, "");
}

#[tokio::test]
async fn reads_cost_one_round_trip_and_writes_two() {
    let mut counted = Counted::start().await;
    assert_eq!(counted.request(|session| assert_eq!(session.to_map().len(), 1)).await, "get 1", "read");
    assert_eq!(counted.request(|session| session.insert("a", 1).unwrap()).await, "get 1", "the same value");
    assert_eq!(counted.request(|session| assert!(!session.remove("b").unwrap())).await, "get 1", "an absent key");
    assert_eq!(counted.request(|session| session.insert("a", 2).unwrap()).await, "evalsha 1, get 1", "modified");
    assert_eq!(counted.request(|session| session.renew().unwrap()).await, "evalsha 1, get 1", "renewed");
    let both = counted.request(|session| {
        session.renew().unwrap();
        session.insert("a", 3).unwrap();
    });
    assert_eq!(both.await, "evalsha 1, get 1", "renewed and modified");
    assert_eq!(counted.request(|session| session.clear().unwrap()).await, "evalsha 1, get 1", "emptied");
}

#[tokio::test]
async fn a_first_insert_costs_one_round_trip() {
    let mut counted = Counted::start().await;
    counted.browser = Browser::default();
    assert_eq!(counted.request(|session| session.insert("a", 1).unwrap()).await, "evalsha 1");

    counted.browser = Browser::default();
    let login = counted.request(|session| {
        session.renew().unwrap();
        session.insert("user", "ann").unwrap();
    });
    assert_eq!(login.await, "evalsha 1", "a login without a session");
}

#[tokio::test]
async fn a_due_refresh_costs_one_more() {
    let mut counted = Counted::start().await;
    let backend = RedisBackend::connect(&counted.server.url()).unwrap();
    let always = config(backend).refresh(session_core::Refresh::Always).build().unwrap();
    counted.manager = SessionManager::new(always);
    // The first request of a new client connects.
    counted.request(|session| assert_eq!(session.to_map().len(), 1)).await;
    assert_eq!(counted.request(|session| assert_eq!(session.to_map().len(), 1)).await, "expire 1, get 1");
}

#[tokio::test]
async fn one_conflict_costs_one_more() {
    let mut counted = Counted::start().await;
    let (slow, session) = counted.browser.load(&counted.manager).await;
    session.insert("slow", 1).unwrap();
    counted.request(|session| session.insert("fast", 1).unwrap()).await;
    assert!(slow.commit(200).await.error.is_none());
    assert_eq!(counted.sent(), "evalsha 2");
    assert_eq!(counted.browser.see(&counted.manager, "fast").await, Some(1));
}

#[tokio::test]
async fn a_destruction_without_reading_costs_one_round_trip() {
    let counted = Counted::start().await;
    let handle = counted.browser.open(&counted.manager);
    handle.destroy();
    assert!(handle.commit(200).await.set_cookie.is_some());
    assert_eq!(counted.sent(), "evalsha 1");
}

#[tokio::test]
async fn a_valid_but_unknown_id_costs_one_to_read_and_three_to_write() {
    let mut counted = Counted::start().await;
    counted.server.ask(&["FLUSHALL"]);
    forget_calls(&counted.server);
    assert_eq!(counted.request(|session| assert!(session.is_empty())).await, "get 1");
    assert_eq!(counted.request(|session| session.insert("a", 1).unwrap()).await, "evalsha 1, get 2");
}

#[tokio::test]
async fn a_save_is_not_written_a_second_time() {
    let counted = Counted::start().await;
    let (handle, session) = counted.browser.load(&counted.manager).await;
    session.insert("a", 9).unwrap();
    session.save().await.unwrap();
    assert_eq!(counted.sent(), "evalsha 1, get 1");
    assert!(handle.commit(200).await.error.is_none());
    assert_eq!(counted.sent(), "");
}

#[tokio::test]
async fn a_cookie_that_a_save_left_due_costs_one_more() {
    let counted = Counted::start().await;
    let (handle, session) = counted.browser.load(&counted.manager).await;
    session.renew().unwrap();
    session.save().await.unwrap();
    assert_eq!(counted.sent(), "evalsha 1, get 1");
    assert!(handle.commit(200).await.set_cookie.is_some());
    assert_eq!(counted.sent(), "expire 1");
}

#[tokio::test]
async fn each_further_verified_cookie_costs_a_destruction_one_more() {
    let mut counted = Counted::start().await;
    let mut cookies = vec![counted.browser.header()];
    for _ in 0..2 {
        counted.browser = Browser::default();
        counted.request(|session| session.insert("a", 1).unwrap()).await;
        cookies.push(counted.browser.header());
    }
    let handle = counted.manager.open(cookies.iter().map(|cookie| cookie.as_bytes()));
    handle.destroy();
    assert!(handle.commit(200).await.error.is_none());
    assert_eq!(counted.sent(), "evalsha 3");
}
