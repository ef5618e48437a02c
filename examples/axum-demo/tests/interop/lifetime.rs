//! How long a cookie is valid: both sides agree to the second. Their clocks stand still.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    App, Browser, COOKIE, MAX_AGE, NOW, Peer, RustServer, SECRET, Server, TestClock, config, for_each_app, get, post,
};

for_each_app![
    a_cookie_of_python_is_good_in_rust_until_max_age_has_passed,
    a_cookie_of_rust_is_good_in_python_until_max_age_has_passed,
    both_sides_start_anew_on_an_expired_cookie,
    both_sides_keep_a_max_age_that_is_not_the_default,
    a_cookie_from_the_future_is_no_good_in_python_and_in_rust_beyond_ten_seconds,
    a_session_that_rust_refreshes_lives_on_in_python,
];

async fn a_cookie_of_python_is_good_in_rust_until_max_age_has_passed(app: App) {
    let (rust, clock) = RustServer::stopped().await;
    let cookie = set_up(Peer::stopped(app)).await;
    for age in [0, 1, MAX_AGE - 1, MAX_AGE] {
        clock.set(NOW + age);
        assert_eq!(view(&rust, &cookie).await, json!({"data": "session_data"}), "after {age} seconds");
    }
    for age in [MAX_AGE + 1, MAX_AGE * 2, MAX_AGE * 1000] {
        clock.set(NOW + age);
        assert_eq!(view(&rust, &cookie).await, json!({}), "after {age} seconds");
    }
}

async fn a_cookie_of_rust_is_good_in_python_until_max_age_has_passed(app: App) {
    let (python, (rust, clock)) = (Peer::stopped(app), RustServer::stopped().await);
    for age in [0, 1, MAX_AGE - 1, MAX_AGE] {
        clock.set(NOW - age);
        let cookie = set_up(&rust).await;
        assert_eq!(view(python, &cookie).await, json!({"data": "session_data"}), "after {age} seconds");
    }
    for age in [MAX_AGE + 1, MAX_AGE * 2, MAX_AGE * 1000] {
        clock.set(NOW - age);
        let cookie = set_up(&rust).await;
        assert_eq!(view(python, &cookie).await, json!({}), "after {age} seconds");
    }
}

async fn both_sides_start_anew_on_an_expired_cookie(app: App) {
    let (python, (rust, clock)) = (Peer::stopped(app), RustServer::stopped().await);
    clock.set(NOW - MAX_AGE - 1);
    let expired = set_up(&rust).await;
    clock.set(NOW);
    let of_python = post(python, "/increment", &expired, "").await;
    let of_rust = post(&rust, "/increment", &expired, "").await;
    for reply in [of_python, of_rust] {
        assert_eq!(reply.session(), json!({"n": 1}));
        for server in [python as &dyn Server, &rust] {
            assert_eq!(view(server, &reply.cookie()).await, json!({"n": 1}));
        }
    }
}

async fn both_sides_keep_a_max_age_that_is_not_the_default(app: App) {
    let clock = TestClock::at(NOW);
    let max_age = Duration::from_secs(60);
    let rust = RustServer::start(config(&clock).max_age(max_age).build().expect("the configuration is good")).await;
    let python = Peer::start(app, SECRET, COOKIE, &["--max-age=60", "--now", &NOW.to_string()]);
    for (age, expected) in [(60, json!({"data": "session_data"})), (61, json!({}))] {
        clock.set(NOW - age);
        let cookie = set_up(&rust).await;
        assert_eq!(view(&python, &cookie).await, expected, "in Python after {age} seconds");
        let cookie = set_up(&python).await;
        clock.set(NOW + age);
        assert_eq!(view(&rust, &cookie).await, expected, "in Rust after {age} seconds");
    }
}

/// Rust tolerates clocks that differ a little, unless it is told not to.
async fn a_cookie_from_the_future_is_no_good_in_python_and_in_rust_beyond_ten_seconds(app: App) {
    let (python, (rust, clock)) = (Peer::stopped(app), RustServer::stopped().await);
    for ahead in [1, 10, 11, MAX_AGE] {
        clock.set(NOW + ahead);
        let cookie = set_up(&rust).await;
        assert_eq!(view(python, &cookie).await, json!({}), "in Python {ahead} seconds ahead");

        let cookie = set_up(python).await;
        clock.set(NOW - ahead);
        let expected = if ahead <= 10 { json!({"data": "session_data"}) } else { json!({}) };
        assert_eq!(view(&rust, &cookie).await, expected, "in Rust {ahead} seconds ahead");
    }
    let strict = config(&clock).clock_skew(Duration::ZERO).build().expect("the configuration is good");
    let (rust, cookie) = (RustServer::start(strict).await, set_up(python).await);
    clock.set(NOW - 1);
    assert_eq!(view(&rust, &cookie).await, json!({}));
}

async fn a_session_that_rust_refreshes_lives_on_in_python(app: App) {
    let (python, (rust, clock)) = (Peer::stopped(app), RustServer::stopped().await);
    clock.set(NOW - MAX_AGE - 1);
    let old = set_up(&rust).await;
    clock.set(NOW - MAX_AGE / 2);
    let reply = get(&rust, "/view_session", &old).await;
    assert_eq!(view(python, &old).await, json!({}));
    assert_eq!(view(python, &reply.cookie()).await, json!({"data": "session_data"}));
}

/// Returns the cookie of a new session that holds `{"data": "session_data"}`.
async fn set_up(server: &impl Server) -> String {
    Browser::new().get(server, "/setup_session").await.cookie()
}

/// Returns the session that a server reads from this cookie.
async fn view(server: &(impl Server + ?Sized), cookie: &str) -> Value {
    get(server, "/view_session", cookie).await.session()
}
