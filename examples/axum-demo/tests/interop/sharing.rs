//! One session, used by both sides in turn: each test drives one browser through Python and the demo.

use serde_json::{Value, json};

use crate::support::{App, Browser, Demo, Peer, Server, for_each_app};

for_each_app![
    a_session_set_by_python_is_read_by_rust,
    a_session_set_by_rust_is_read_by_python,
    a_session_updated_by_both_sides_in_turn_keeps_the_keys_of_both,
    a_key_that_both_sides_change_has_the_last_value,
    a_session_cleared_by_python_is_empty_in_rust,
    a_session_cleared_by_rust_is_empty_in_python,
    a_login_in_python_is_a_login_in_rust_and_a_logout_in_rust_is_one_in_python,
    a_login_in_rust_is_a_login_in_python_and_a_logout_in_python_is_one_in_rust,
    requests_that_only_read_leave_the_cookie_to_the_other_side,
];

async fn a_session_set_by_python_is_read_by_rust(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.get(python, "/setup_session").await;
    assert_eq!(browser.view(&rust).await, json!({"data": "session_data"}));
}

async fn a_session_set_by_rust_is_read_by_python(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.get(&rust, "/setup_session").await;
    assert_eq!(browser.view(python).await, json!({"data": "session_data"}));
}

async fn a_session_updated_by_both_sides_in_turn_keeps_the_keys_of_both(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    let mut expected = json!({});
    for round in 1..=6 {
        browser.post(&rust, "/increment?key=rust", "").await;
        let update = json!({ "rust says": { "round": round, "to": ["Python", "ü", null] } });
        browser.post(&rust, "/update_session", &update.to_string()).await;
        merge(&mut expected, &json!({ "rust": round }));
        merge(&mut expected, &update);
        assert_eq!(browser.view(python).await, expected, "round {round}");

        browser.post(python, "/increment?key=python", "").await;
        let update = json!({ "python says": { "round": -round, "to": ["Rust", "\u{1f980}", 0.5] } });
        browser.post(python, "/update_session", &update.to_string()).await;
        merge(&mut expected, &json!({ "python": round }));
        merge(&mut expected, &update);
        assert_eq!(browser.view(&rust).await, expected, "round {round}");
    }
}

async fn a_key_that_both_sides_change_has_the_last_value(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    for round in 0..6 {
        browser.post(python, "/increment", "").await;
        assert_eq!(browser.view(&rust).await, json!({ "n": 2 * round + 1 }));
        browser.post(&rust, "/increment", "").await;
        assert_eq!(browser.view(python).await, json!({ "n": 2 * round + 2 }));
    }
}

async fn a_session_cleared_by_python_is_empty_in_rust(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.get(&rust, "/setup_session").await;
    browser.get(python, "/clear_session").await;
    assert_eq!(browser.cookie(python), None, "the browser has removed it");
    assert_eq!(browser.view(&rust).await, json!({}));
}

async fn a_session_cleared_by_rust_is_empty_in_python(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.get(python, "/setup_session").await;
    browser.get(&rust, "/clear_session").await;
    assert_eq!(browser.cookie(&rust), None, "the browser has removed it");
    assert_eq!(browser.view(python).await, json!({}));
}

async fn a_login_in_python_is_a_login_in_rust_and_a_logout_in_rust_is_one_in_python(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.post(python, "/login", r#"{"user": "ann"}"#).await;
    assert_eq!(browser.view(&rust).await, json!({"user": "ann"}));
    browser.post(&rust, "/logout", "").await;
    assert_eq!(browser.cookie(&rust), None);
    assert_eq!(browser.view(python).await, json!({}));
}

async fn a_login_in_rust_is_a_login_in_python_and_a_logout_in_python_is_one_in_rust(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.post(&rust, "/update_session", r#"{"cart": [1, 2]}"#).await;
    browser.post(&rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(browser.view(python).await, json!({"cart": [1, 2], "user": "bob"}));
    browser.post(python, "/logout", "").await;
    assert_eq!(browser.cookie(python), None);
    assert_eq!(browser.view(&rust).await, json!({}));
}

async fn requests_that_only_read_leave_the_cookie_to_the_other_side(app: App) {
    let (python, rust, browser) = (Peer::live(app), Demo::cookie(), Browser::new());
    browser.get(python, "/setup_session").await;
    let cookie = browser.cookie(python);
    for path in ["/view_session", "/untouched"] {
        let reply = browser.get(&rust, path).await;
        assert_eq!((reply.status, reply.set_cookie()), (200, None), "{path}");
    }
    assert_eq!(browser.cookie(&rust), cookie);
}

fn merge(session: &mut Value, update: &Value) {
    let (session, update) = (session.as_object_mut(), update.as_object());
    session.expect("an object").extend(update.expect("an object").clone());
}

#[tokio::test]
async fn one_login_counts_on_all_servers_and_one_logout_ends_it_on_all() {
    let (original, starlette) = (Peer::live(App::StarletteSession), Peer::live(App::Starlette));
    let (one, other) = (Demo::cookie(), Demo::cookie());
    let servers: [&dyn Server; 4] = [original, starlette, &one, &other];
    for (here, there) in servers.iter().flat_map(|here| servers.iter().map(move |there| (*here, *there))) {
        let browser = Browser::new();
        browser.post(here, "/login", r#"{"user": "ann"}"#).await;
        for server in servers {
            assert_eq!(browser.view(server).await, json!({"user": "ann"}));
        }
        browser.post(there, "/logout", "").await;
        for server in servers {
            assert_eq!(browser.view(server).await, json!({}));
        }
    }
}
