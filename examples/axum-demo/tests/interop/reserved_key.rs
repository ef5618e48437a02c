//! The metadata of a session, which Rust stores under a reserved key and Python preserves.

use std::time::Duration;

use serde_json::json;
use session_tower::SessionConfigBuilder;

use crate::support::{
    App, Browser, NOW, Peer, RESERVED_KEY as KEY, RustServer, TestClock, config, for_each_app, get, post,
};

for_each_app![
    python_keeps_the_reserved_key_and_rust_hides_it,
    an_absolute_lifetime_ends_though_python_issues_new_cookies,
    nothing_that_python_writes_in_its_place_is_an_error_in_rust,
];

const HOUR: u64 = 3600;

async fn python_keeps_the_reserved_key_and_rust_hides_it(app: App) {
    let (python, (rust, _), browser) = (Peer::stopped(app), start(with_absolute_lifetime).await, Browser::new());
    browser.post(&rust, "/increment?key=rust", "").await;
    let seen = browser.post(python, "/increment?key=python", "").await.whole_session();
    assert_eq!(seen, json!({"rust": 1, "python": 1, KEY: {"created": NOW}}));
    assert_eq!(browser.post(&rust, "/increment?key=rust", "").await.session(), json!({"rust": 2, "python": 1}));
    assert_eq!(browser.get(python, "/view_session").await.whole_session()[KEY], json!({"created": NOW}));
}

async fn an_absolute_lifetime_ends_though_python_issues_new_cookies(app: App) {
    let (python, (rust, clock), browser) = (Peer::stopped(app), start(with_absolute_lifetime).await, Browser::new());
    // Python's clock stands still: its cookies are an hour younger than the session.
    clock.set(NOW - HOUR);
    browser.get(&rust, "/setup_session").await;
    let cookie = browser.get(python, "/view_session").await.cookie();
    for (age, expected) in [(HOUR - 1, json!({"data": "session_data"})), (HOUR, json!({}))] {
        clock.set(NOW - HOUR + age);
        assert_eq!(get(&rust, "/view_session", &cookie).await.session(), expected, "after {age} seconds");
    }
}

/// A client that can write any key of a session in Python can write this one too.
async fn nothing_that_python_writes_in_its_place_is_an_error_in_rust(app: App) {
    let python = Peer::stopped(app);
    for configure in [|config| config, with_absolute_lifetime] {
        let (rust, _) = start(configure).await;
        for remembered in [
            json!(null),
            json!([]),
            json!({"created": -1}),
            json!({"created": "yesterday"}),
            json!({"created": 0}),
            json!({"created": NOW + 1}),
            json!({"created": u64::MAX}),
            json!({"max_age": 0}),
            json!({"max_age": u64::MAX}),
            json!({"created": u64::MAX, "max_age": u64::MAX}),
            json!({"more": {"of": "it"}}),
        ] {
            let session = json!({"n": 1, KEY: remembered});
            let cookie = Browser::new().post(python, "/update_session", &session.to_string()).await.cookie();
            let seen = get(&rust, "/view_session", &cookie).await.session();
            assert!([json!({"n": 1}), json!({})].contains(&seen), "{remembered}: {seen}");
            let seen = post(&rust, "/increment", &cookie, "").await.session();
            assert!([json!({"n": 2}), json!({"n": 1})].contains(&seen), "{remembered}: {seen}");
        }
    }
}

fn with_absolute_lifetime(config: SessionConfigBuilder) -> SessionConfigBuilder {
    config.absolute_lifetime(Duration::from_secs(HOUR))
}

async fn start(configure: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> (RustServer, TestClock) {
    let clock = TestClock::at(NOW);
    let config = configure(config(&clock)).build().expect("the configuration is good");
    (RustServer::start(config).await, clock)
}
