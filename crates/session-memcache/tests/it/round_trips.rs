//! The round trips of each kind of request, by the server's own counters.

use std::time::Duration;

use session_core::Session;
use session_testkit::TestClock;

use crate::support::{App, Browser, Server, patient};

struct Bench {
    server: Server,
    app: App,
    clock: TestClock,
}

type Handler = fn(&Session);

impl Bench {
    fn new() -> Self {
        Self::with_epochs(false)
    }

    fn with_epochs(user_epochs: bool) -> Self {
        let (server, clock) = (Server::start(), TestClock::at(1_700_000_000));
        let backend = patient(&[&server]).user_epochs(user_epochs).build().expect("the address is good");
        let app = App::with_clock(backend, clock.clone());
        Self { server, app, clock }
    }

    /// The round trips of a request that loads its session and does this.
    async fn cost(&self, browser: &Browser, handler: impl FnOnce(&Session)) -> usize {
        let before = self.server.commands();
        self.app.visit(&mut browser.clone(), handler).await;
        self.server.commands() - before
    }

    async fn session(&self) -> Browser {
        self.app.browser_with(r#"{"user":"ann","n":1}"#).await
    }
}

#[tokio::test]
async fn sessions_that_are_untouched_or_absent_are_free() {
    let bench = Bench::new();
    let browser = bench.session().await;
    let before = bench.server.commands();
    let handle = bench.app.handle(&browser);
    assert!(bench.app.commit(&handle).await.error.is_none());
    assert_eq!(bench.server.commands() - before, 0, "untouched");
    let forged = Browser::with_cookie(&format!("{}x", browser.header()));
    for stranger in [Browser::default(), forged] {
        assert_eq!(bench.cost(&stranger, |_| {}).await, 0);
    }
    bench.clock.advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(bench.cost(&bench.session().await, |_| {}).await, 1, "read");
}

#[tokio::test]
async fn each_kind_of_request_costs_its_round_trips() {
    let bench = Bench::new();
    let none = Browser::default();
    assert_eq!(bench.cost(&none, |session| session.insert("n", 1).unwrap()).await, 1, "first insert");
    let login = |session: &Session| {
        session.insert("user", "ann").unwrap();
        session.renew().unwrap();
    };
    assert_eq!(bench.cost(&none, login).await, 1, "login without a session");
    assert_eq!(bench.cost(&none, |session| session.sign_in("ann").unwrap()).await, 1, "sign-in without a session");
    let rows: [(&str, usize, Handler); 10] = [
        ("sign in", 3, |session| session.sign_in("ann").unwrap()),
        ("read", 1, |session| assert_eq!(session.to_map().len(), 2)),
        ("modify", 2, |session| session.insert("n", 2).unwrap()),
        ("modify, same value", 1, |session| session.insert("n", 1).unwrap()),
        ("remove of an absent key", 1, |session| assert!(!session.remove("absent").unwrap())),
        ("emptied", 2, |session| session.clear().unwrap()),
        ("renew", 3, |session| session.renew().unwrap()),
        ("renew with changes", 3, |session| {
            session.insert("n", 2).unwrap();
            session.renew().unwrap();
        }),
        ("read and destroy", 3, Session::destroy),
        ("update", 2, |session| {
            assert_eq!(session.update("n", |n: Option<u32>| n.unwrap_or_default() + 1).unwrap(), 2)
        }),
    ];
    for (name, round_trips, handler) in rows {
        let browser = bench.session().await;
        assert_eq!(bench.cost(&browser, handler).await, round_trips, "{name}");
    }
}

#[tokio::test]
async fn with_epochs_only_the_requests_of_users_cost_more() {
    let bench = Bench::with_epochs(true);
    let visitor = bench.session().await;
    assert_eq!(bench.cost(&visitor, |_| {}).await, 1, "read without a user");
    assert_eq!(bench.cost(&visitor, |session| session.insert("n", 2).unwrap()).await, 2, "modify without a user");
    assert_eq!(bench.cost(&visitor, |session| session.sign_in("ann").unwrap()).await, 5, "the first sign-in");
    let mut user = bench.session().await;
    assert_eq!(bench.cost(&user, |session| session.sign_in("ann").unwrap()).await, 5, "a later sign-in");
    assert_eq!(bench.cost(&Browser::default(), |session| session.sign_in("ann").unwrap()).await, 3, "on a new device");
    bench.app.visit(&mut user, |session| session.sign_in("ann").unwrap()).await;
    for (name, round_trips, handler) in [
        ("read", 2, (|_| {}) as Handler),
        ("modify", 3, |session| session.insert("n", 2).unwrap()),
        ("renew", 4, |session| session.renew().unwrap()),
    ] {
        let before = bench.server.commands();
        bench.app.visit(&mut user, handler).await;
        assert_eq!(bench.server.commands() - before, round_trips, "{name}");
    }
    let before = bench.server.commands();
    bench.app.manager().revoke_all("ann").await.unwrap();
    assert_eq!(bench.server.commands() - before, 1, "revoke all");
    assert_eq!(bench.cost(&user, |session| assert!(!session.is_signed_in())).await, 2, "read once revoked");
}

#[tokio::test]
async fn a_due_refresh_costs_one_more() {
    let bench = Bench::new();
    let browser = bench.session().await;
    bench.clock.advance(Duration::from_secs(8 * 24 * 3600));
    assert_eq!(bench.cost(&browser, |_| {}).await, 2);
}

#[tokio::test]
async fn a_conflict_costs_two_more() {
    let bench = Bench::new();
    let browser = bench.session().await;
    let before = bench.server.commands();
    let slow = bench.app.open(&browser).await;
    slow.insert("slow", true).unwrap();
    let of_the_other = bench.cost(&browser, |session| session.insert("fast", true).unwrap()).await;
    assert!(slow.respond().await.error.is_none());
    assert_eq!(bench.server.commands() - before - of_the_other, 4);
}

#[tokio::test]
async fn an_id_that_is_unknown_costs_one_to_read_and_three_to_write() {
    let bench = Bench::new();
    let browser = bench.session().await;
    bench.server.ask("flush_all");
    assert_eq!(bench.cost(&browser, |_| {}).await, 1);
    assert_eq!(bench.cost(&browser, |session| session.insert("n", 1).unwrap()).await, 3);
}

#[tokio::test]
async fn destroying_unread_costs_two_and_nothing_more_the_second_time_than_a_look() {
    let bench = Bench::new();
    let browser = bench.session().await;
    for round_trips in [2, 1] {
        let before = bench.server.commands();
        let handle = bench.app.handle(&browser);
        handle.destroy();
        assert!(bench.app.commit(&handle).await.error.is_none());
        assert_eq!(bench.server.commands() - before, round_trips);
    }
}

#[tokio::test]
async fn saved_changes_are_not_written_again() {
    let bench = Bench::new();
    let browser = bench.session().await;
    let before = bench.server.commands();
    let request = bench.app.open(&browser).await;
    request.insert("n", 2).unwrap();
    request.save().await.unwrap();
    assert!(request.respond().await.error.is_none());
    assert_eq!(bench.server.commands() - before, 2);
}

#[tokio::test]
async fn a_cookie_that_a_save_left_due_costs_one_more() {
    let bench = Bench::new();
    let request = bench.app.open(&bench.session().await).await;
    request.renew().unwrap();
    request.save().await.unwrap();
    let before = bench.server.commands();
    assert!(request.respond().await.set_cookie.is_some());
    assert_eq!(bench.server.commands() - before, 1);
}

#[tokio::test]
async fn each_further_verified_cookie_costs_a_destruction_two_more() {
    let bench = Bench::new();
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(bench.session().await.header());
    }
    let handle = bench.app.manager().open(cookies.iter().map(|cookie| cookie.as_bytes()));
    handle.destroy();
    let before = bench.server.commands();
    assert!(bench.app.commit(&handle).await.error.is_none());
    assert_eq!(bench.server.commands() - before, 6);
}
