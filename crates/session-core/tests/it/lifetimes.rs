//! How long sessions last, by the clock: refreshed, with a lifetime of their own, and in all.

use std::time::{Duration, UNIX_EPOCH};

use cookie::Cookie;
use session_core::{Lifetime, Refresh, Session, SessionConfigBuilder, SessionError};

use crate::support::{App, Browser, NOW, TestClock, assert_succeeded, defaults};

const DATA: &str = r#"{"user":"ann"}"#;

fn hundred_seconds(config: SessionConfigBuilder) -> SessionConfigBuilder {
    config.max_age(Duration::from_secs(100))
}

/// Creates an app in each mode with this configuration.
fn each_mode(configure: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> [App; 2] {
    [App::server(configure).0, App::in_cookie(configure)]
}

/// Returns true if a request that only reads, this many seconds later, gets a new cookie.
async fn is_refreshed(app: &App, browser: &mut Browser, later: u64) -> bool {
    app.advance(later);
    app.visit(browser, |session| assert!(!session.is_empty(), "it has expired")).await.is_some()
}

/// Returns the `Max-Age` of the cookie in the response to a request.
async fn max_age(app: &App, browser: &mut Browser, handler: impl FnOnce(&Session)) -> i64 {
    let set_cookie = app.visit(browser, handler).await.expect("a cookie is set");
    let age = Cookie::parse(set_cookie).expect("it is well-formed").max_age();
    age.expect("it is kept by browsers").whole_seconds()
}

#[tokio::test]
async fn a_session_lasts_for_max_age_and_not_a_second_more() {
    for app in each_mode(|config| hundred_seconds(config).refresh(Refresh::Never)) {
        let browser = app.browser_with(DATA).await;
        app.advance(100);
        assert_eq!(app.data(&browser).await, DATA);
        app.advance(1);
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_session_in_use_is_refreshed_after_a_tenth_of_its_life_or_half_in_the_cookie() {
    for (app, due) in each_mode(hundred_seconds).into_iter().zip([10, 50]) {
        let mut browser = app.browser_with(DATA).await;
        for _ in 0..5 {
            assert!(!is_refreshed(&app, &mut browser, due - 1).await);
            assert!(is_refreshed(&app, &mut browser, 1).await);
        }
        // The store keeps the session for as long as the cookie is valid.
        app.advance(100);
        assert_eq!(app.data(&browser).await, DATA);
    }
}

#[tokio::test]
async fn a_refresh_may_be_due_after_a_time() {
    let early: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| hundred_seconds(config).refresh(Refresh::After(Duration::from_secs(10)));
    let late: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| hundred_seconds(config).refresh(Refresh::After(Duration::from_secs(90)));
    for (configure, after) in [(early, 10), (late, 90)] {
        for app in each_mode(configure) {
            let mut browser = app.browser_with(DATA).await;
            assert!(!is_refreshed(&app, &mut browser, after - 1).await);
            assert!(is_refreshed(&app, &mut browser, 1).await);
            assert!(!is_refreshed(&app, &mut browser, after - 1).await);
        }
    }
}

#[tokio::test]
async fn a_refresh_is_due_within_a_lifetime_that_is_shorter_than_the_time_configured() {
    for app in each_mode(|config| hundred_seconds(config).refresh(Refresh::After(Duration::from_secs(60)))) {
        let mut browser = app.browser_with(DATA).await;
        app.visit(&mut browser, |session| session.set_lifetime(Lifetime::For(Duration::from_secs(10))).unwrap()).await;
        assert!(!is_refreshed(&app, &mut browser, 4).await);
        assert!(is_refreshed(&app, &mut browser, 1).await);
    }
}

#[tokio::test]
async fn a_refresh_may_be_due_always() {
    for app in each_mode(|config| config.refresh(Refresh::Always)) {
        let mut browser = app.browser_with(DATA).await;
        assert!(is_refreshed(&app, &mut browser, 0).await);
    }
}

#[tokio::test]
async fn a_refresh_may_be_due_never() {
    for app in each_mode(|config| hundred_seconds(config).refresh(Refresh::Never)) {
        let mut browser = app.browser_with(DATA).await;
        assert!(!is_refreshed(&app, &mut browser, 100).await);
    }
}

#[tokio::test]
async fn a_change_renews_a_cookie_that_is_never_refreshed_after_a_tenth_of_its_life() {
    let (app, _) = App::server(|config| hundred_seconds(config).refresh(Refresh::Never));
    let mut browser = app.browser_with(DATA).await;
    let write = |session: &Session| session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(drop).unwrap();
    app.advance(9);
    assert!(app.visit(&mut browser, write).await.is_none());
    assert!(!is_refreshed(&app, &mut browser, 1).await);
    assert!(app.visit(&mut browser, write).await.is_some());
}

#[tokio::test]
async fn a_write_renews_the_expiry_in_the_store_and_a_due_cookie_with_it() {
    let (app, _) = App::server(hundred_seconds);
    let mut browser = app.browser_with(DATA).await;
    app.advance(9);
    let write = |session: &Session| session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(drop).unwrap();
    assert!(app.visit(&mut browser, write).await.is_none());
    app.advance(1);
    assert_eq!(max_age(&app, &mut browser, write).await, 100);
    app.advance(100);
    assert_eq!(app.open(&browser).await.get("n").unwrap(), Some(2));
}

#[tokio::test]
async fn a_session_may_have_a_shorter_or_longer_lifetime_of_its_own() {
    let longest: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| hundred_seconds(config).longest_max_age(Duration::from_secs(1000));
    for own in [10, 1000] {
        for (app, due) in each_mode(longest).into_iter().zip([own / 10, own / 2]) {
            let mut browser = app.browser_with(DATA).await;
            let set = |session: &Session| session.set_lifetime(Lifetime::For(Duration::from_secs(own))).unwrap();
            assert_eq!(max_age(&app, &mut browser, set).await, own.cast_signed());
            assert!(!is_refreshed(&app, &mut browser, due - 1).await);
            assert!(is_refreshed(&app, &mut browser, 1).await);
            app.advance(own);
            assert_eq!(app.data(&browser).await, DATA);
            app.advance(1);
            assert_eq!(app.data(&browser).await, "{}");
        }
    }
}

#[tokio::test]
async fn the_lifetime_of_a_session_survives_a_renewal_a_clear_and_setting_it_again() {
    for app in each_mode(hundred_seconds) {
        let mut browser = Browser::default();
        let new = |session: &Session| {
            session.insert("user", "ann").unwrap();
            session.set_lifetime(Lifetime::For(Duration::from_secs(10))).unwrap();
        };
        assert_eq!(max_age(&app, &mut browser, new).await, 10);
        assert_eq!(max_age(&app, &mut browser, |session| session.renew().unwrap()).await, 10);
        let again = |session: &Session| session.set_lifetime(Lifetime::For(Duration::from_secs(10))).unwrap();
        assert_eq!(max_age(&app, &mut browser, again).await, 10);
        let cleared = |session: &Session| {
            session.clear().unwrap();
            session.insert("user", "ann").unwrap();
            session.renew().unwrap();
        };
        assert_eq!(max_age(&app, &mut browser, cleared).await, 10);
    }
}

#[tokio::test]
async fn a_lifetime_must_be_a_second_at_least_and_the_longest_allowed_at_most() {
    let (app, _) = App::server(hundred_seconds);
    let session = app.open(&Browser::default()).await;
    for wrong in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(101)] {
        assert!(matches!(session.set_lifetime(Lifetime::For(wrong)), Err(SessionError::LifetimeOutOfRange { .. })));
    }
    session.set_lifetime(Lifetime::For(Duration::from_secs(100))).unwrap();
}

#[tokio::test]
async fn a_lifetime_alone_makes_no_session() {
    let (app, probe) = App::server(defaults);
    let set = |session: &Session| session.set_lifetime(Lifetime::For(Duration::from_secs(10))).unwrap();
    assert_eq!(app.visit(&mut Browser::default(), set).await, None);
    assert!(probe.calls().is_empty());
}

#[tokio::test]
async fn a_session_ends_after_its_absolute_lifetime_however_much_it_is_used() {
    let limited: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| hundred_seconds(config).absolute_lifetime(Duration::from_secs(180));
    for app in each_mode(limited) {
        let mut browser = app.browser_with(DATA).await;
        app.advance(60);
        assert_eq!(max_age(&app, &mut browser, |_| ()).await, 100);
        app.advance(60);
        assert_eq!(max_age(&app, &mut browser, |_| ()).await, 60);
        app.advance(59);
        assert_eq!(app.data(&browser).await, DATA);
        app.advance(1);
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_session_older_than_the_absolute_lifetime_setting_gets_one_at_its_refresh() {
    let clock = TestClock::at(NOW);
    let memory = session_core::MemoryBackend::builder().clock(clock.clone()).build();
    let before = App::new(clock.clone(), |config| hundred_seconds(config).backend(memory.clone()));
    let mut browser = before.browser_with(DATA).await;
    let after =
        App::new(clock, |config| hundred_seconds(config).backend(memory).absolute_lifetime(Duration::from_secs(120)));
    assert!(is_refreshed(&after, &mut browser, 50).await);
    assert!(is_refreshed(&after, &mut browser, 60).await);
    after.advance(60);
    assert_eq!(after.data(&browser).await, "{}");
}

#[tokio::test]
async fn a_lifetime_until_a_time_does_not_slide_with_use() {
    for app in each_mode(defaults) {
        let mut browser = app.browser_with(DATA).await;
        let end = UNIX_EPOCH + Duration::from_secs(NOW + 100);
        let set = |session: &Session| session.set_lifetime(Lifetime::Until(end)).unwrap();
        assert_eq!(max_age(&app, &mut browser, set).await, 100);
        app.advance(60);
        assert_eq!(max_age(&app, &mut browser, |session| session.renew().unwrap()).await, 40);
        app.advance(39);
        assert_eq!(app.open(&browser).await.expires_in(), Duration::from_secs(1));
        app.advance(1);
        assert_eq!(app.data(&browser).await, "{}");
    }
}

#[tokio::test]
async fn a_lifetime_of_its_own_wins_over_browser_sessions_until_it_is_reset() {
    for app in each_mode(|config| hundred_seconds(config).browser_session(true)) {
        let mut browser = app.browser_with(DATA).await;
        assert_eq!(app.open(&browser).await.lifetime(), Lifetime::Browser);
        let own = Lifetime::For(Duration::from_secs(50));
        assert_eq!(max_age(&app, &mut browser, |session| session.set_lifetime(own).unwrap()).await, 50);
        assert_eq!(app.open(&browser).await.lifetime(), own);
        let reset = app.visit(&mut browser, |session| session.reset_lifetime().unwrap()).await.unwrap();
        assert!(!reset.contains("Max-Age"), "{reset}");
        assert_eq!(app.open(&browser).await.lifetime(), Lifetime::Browser);
    }
}

#[tokio::test]
async fn a_lifetime_that_the_absolute_one_would_cut_is_refused() {
    let limited: fn(SessionConfigBuilder) -> SessionConfigBuilder =
        |config| hundred_seconds(config).absolute_lifetime(Duration::from_secs(120));
    for app in each_mode(limited) {
        let browser = app.browser_with(DATA).await;
        app.advance(70);
        let session = app.open(&browser).await;
        let until = |seconds| Lifetime::Until(UNIX_EPOCH + Duration::from_secs(NOW + seconds));
        for cut in [Lifetime::For(Duration::from_secs(51)), until(121)] {
            let refused = session.set_lifetime(cut);
            assert!(matches!(refused, Err(SessionError::LifetimeOutOfRange { .. })), "{refused:?}");
        }
        for fits in [Lifetime::For(Duration::from_secs(50)), until(120)] {
            session.set_lifetime(fits).unwrap();
        }
    }
}

#[tokio::test]
async fn a_lifetime_that_another_request_sets_survives_a_clear_and_an_insert() {
    let lasts =
        |seconds| move |session: &Session| session.set_lifetime(Lifetime::For(Duration::from_secs(seconds))).unwrap();
    for app in App::on_each_backend(hundred_seconds) {
        for (earlier, clear_is_first) in [(None, true), (None, false), (Some(50), true), (Some(50), false)] {
            let mut browser = app.browser_with(DATA).await;
            if let Some(earlier) = earlier {
                app.visit(&mut browser, lasts(earlier)).await;
            }
            let [clears, sets] = [app.open(&browser).await, app.open(&browser).await];
            clears.clear().unwrap();
            clears.insert("theme", "dark").unwrap();
            lasts(10)(&sets);
            let in_order = if clear_is_first { [clears, sets] } else { [sets, clears] };
            for request in in_order {
                let response = request.respond(200).await;
                assert_succeeded(&response);
                browser.receive(&response);
            }
            let request = app.open(&browser).await;
            assert_eq!(request.to_map().as_json(), r#"{"theme":"dark"}"#, "{earlier:?} {clear_is_first}");
            assert_eq!(request.lifetime(), Lifetime::For(Duration::from_secs(10)), "{earlier:?} {clear_is_first}");
        }
    }
}

#[tokio::test]
async fn a_clear_of_a_session_whose_own_lifetime_has_passed_succeeds_and_keeps_nothing() {
    for until in [false, true] {
        let (app, _) = App::server(hundred_seconds);
        let mut browser = Browser::default();
        app.visit(&mut browser, |session| {
            session.insert("user", "ann").unwrap();
            let ten_seconds = Duration::from_secs(10);
            session
                .set_lifetime(match until {
                    true => Lifetime::Until(UNIX_EPOCH + Duration::from_secs(NOW) + ten_seconds),
                    false => Lifetime::For(ten_seconds),
                })
                .unwrap();
        })
        .await;

        let (clearing, adding) = (app.open(&browser).await, app.open(&browser).await);
        app.advance(11);
        clearing.clear().unwrap();
        assert_succeeded(&clearing.respond(200).await);
        assert_eq!(app.data(&browser).await, "{}");

        adding.insert("cart", 1).unwrap();
        let error = adding.respond(200).await.error.expect("the session has expired");
        assert!(matches!(error, SessionError::Gone), "{error}");
        assert_eq!(app.data(&browser).await, "{}");
    }
}
