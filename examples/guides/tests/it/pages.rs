//! The programs whose requests and answers are pages and forms.

use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, SET_COOKIE};

use crate::client::{Program, ok, start};

const PASSWORD: (&str, &str) = ("password", "open sesame");

#[tokio::test]
async fn actix_counts_visits_and_knows_its_user() {
    let program = start!("actix");
    let browser = program.browser();
    assert_eq!(browser.get("/").await, ok("Hello, stranger. This is visit 1."));
    assert_eq!(browser.post("/login", &[("name", "ann"), PASSWORD]).await, ok("Welcome."));
    assert_eq!(browser.get("/").await, ok("Hello, ann. This is visit 2."));
    assert_eq!(browser.post("/logout", &[]).await, ok("Bye."));
    assert_eq!(browser.get("/").await, ok("Hello, stranger. This is visit 1."));
}

#[tokio::test]
async fn hyper_counts_visits() {
    let program = start!("hyper");
    let browser = program.browser();
    assert_eq!(browser.get("/").await, ok("visit 1"));
    assert_eq!(browser.get("/").await, ok("visit 2"));
    assert_eq!(program.browser().get("/").await, ok("visit 1"));
}

#[tokio::test]
async fn sign_in_asks_remembers_and_ends_other_sessions() {
    let program = start!("sign_in");
    let (browser, phone) = (program.browser(), program.browser());
    assert_eq!(browser.post("/pay", &[]).await.0, 401);
    assert_eq!(browser.post("/login", &[("password", "wrong")]).await, ok("wrong password"));
    let response = browser.send("/login", &[PASSWORD, ("remember", "on")]).await;
    assert!(response.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=7776000"), "{response:?}");
    phone.post("/login", &[PASSWORD]).await;
    assert_eq!(browser.post("/pay", &[]).await, ok("ann has paid"));
    assert_eq!(browser.post("/password", &[]).await, ok("other browsers signed out: 1"));
    assert_eq!(phone.post("/pay", &[]).await.0, 401);
    assert_eq!(browser.post("/pay", &[]).await, ok("ann has paid"));
    browser.post("/logout", &[]).await;
    assert_eq!(browser.post("/pay", &[]).await.0, 401);
}

#[tokio::test]
async fn flash_shows_each_message_once() {
    let program = start!("flash");
    let browser = program.browser();
    assert_eq!(browser.post("/save", &[]).await, ok("success: Saved.\nwarning: Your disk is almost full."));
    assert_eq!(browser.get("/").await, ok(""));
}

#[tokio::test]
async fn csrf_refuses_a_form_without_the_token_of_its_session() {
    let program = start!("csrf");
    let browser = program.browser();
    let token = |page: String| page.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (own, foreign) = (token(browser.get("/").await.1), token(program.browser().get("/").await.1));
    let transfer = async |csrf: &str| browser.post("/", &[("csrf", csrf), ("amount", "5")]).await;
    assert_eq!(transfer(&foreign).await.0, 403);
    assert_eq!(transfer("").await.0, 403);
    assert_eq!(transfer(&own).await, ok("transferred 5"));
}

#[tokio::test]
async fn several_sessions_keep_cart_and_login_apart() {
    let program = start!("several_sessions");
    let browser = program.browser();
    assert_eq!(browser.post("/buy", &[]).await, ok("1 items"));
    assert_eq!(browser.get("/dashboard").await, ok("None"));
    let response = browser.send("/login", &[]).await;
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    assert!(cookies.len() == 1 && cookies[0].as_bytes().starts_with(b"admin="), "{cookies:?}");
    assert_eq!(browser.get("/dashboard").await, ok("Some(\"root\")"));
    assert_eq!(browser.post("/buy", &[]).await, ok("2 items"));
}

#[tokio::test]
async fn layers_guard_pages_and_cut_off_slow_ones() {
    let program = start!("layers");
    let browser = program.browser();
    let refused = browser.fetch("/account").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*", "the layer of CORS is outside");
    browser.post("/login", &[]).await;
    assert_eq!(browser.get("/account").await, ok("your account"));
    assert_eq!(browser.get("/slow").await.0, 503);
}

#[tokio::test]
async fn keys_change_without_a_logout_in_three_steps() {
    let program = start!("keys");
    let browser = program.browser();
    let mut visits = 0;
    // During a deployment, servers of two steps answer in turn.
    for step in ["/0", "/1", "/0", "/1", "/2", "/1", "/2", "/3", "/2", "/3"] {
        visits += 1;
        assert_eq!(browser.get(step).await, ok(&format!("visit {visits}")), "{step}");
    }
    assert_eq!(browser.get("/0").await, ok("visit 1"), "the old secret alone knows nothing of the new one");
}

#[tokio::test]
async fn settings_come_from_the_file_and_the_environment() {
    for (variables, max_age) in [(&[][..], "604800"), (&[("APP_SESSION_MAX_AGE", "1h")], "3600")] {
        let program = Program::start_with(env!("CARGO_BIN_EXE_settings"), variables);
        let response = program.browser().fetch("/").await;
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        let rest = format!("; Max-Age={max_age}; HttpOnly; SameSite=Strict");
        assert!(cookie.starts_with("shop=") && sorted(cookie).is_superset(&sorted(&rest)), "{cookie}");
    }
}

fn sorted(cookie: &str) -> std::collections::BTreeSet<&str> {
    cookie.split("; ").skip(1).collect()
}

#[tokio::test]
async fn metrics_are_served_to_prometheus() {
    let program = start!("metrics");
    let browser = program.browser();
    browser.get("/").await;
    browser.get("/").await;
    let (_, text) = browser.get("/metrics").await;
    for line in [
        "# HELP session_store_call_seconds Duration of a call of the session store",
        "# TYPE session_store_call_seconds histogram",
        r#"session_store_call_seconds_count{cookie="session",store="memory",operation="replace"} 1"#,
        r#"session_commits_total{cookie="session",store="memory",outcome="done"} 2"#,
        r#"session_loads_total{cookie="session",store="memory",outcome="no cookie"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn proxy_sets_the_cookie_of_the_path_that_browsers_see() {
    let program = start!("proxy");
    let response = program.browser().fetch("/").await;
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().map(|one| one.to_str().unwrap()).collect();
    let [removal, cookie] = cookies[..] else { panic!("{cookies:?}") };
    assert!(removal.contains("Max-Age=0") && removal.contains("Path=/;"), "{removal}");
    assert!(cookie.contains("Path=/shop/") && cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn troubleshooting_tells_why_the_session_is_empty() {
    let program = start!("troubleshooting");
    let browser = program.browser();
    assert_eq!(browser.get("/").await, ok("no session: no cookie"));
    browser.post("/", &[]).await;
    assert_eq!(browser.get("/").await, ok("a session"));
}

#[tokio::test]
async fn stores_are_chosen_by_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("sessions.db").display());
    for store in ["cookie:", "memory:", &sqlite] {
        let program = Program::start_with(env!("CARGO_BIN_EXE_stores"), &[("STORE", store)]);
        let browser = program.browser();
        let response = browser.fetch("/").await;
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        // The beginning of `{"visits"`, in base64.
        assert_eq!(cookie.contains("eyJ2aXNpdHMi"), store == "cookie:", "{store}: {cookie}");
        assert_eq!(folder.path().join("sessions.db").exists(), store == sqlite, "{store}");
        assert_eq!(browser.get("/").await, ok("visit 2"), "{store}");
    }
}

#[tokio::test]
async fn guards_let_users_only_pass() {
    let program = start!("guards");
    let browser = program.browser();
    assert_eq!(browser.get("/account").await.0, 401);
    assert_eq!(browser.post("/login", &[]).await, ok("signed in"));
    assert_eq!(browser.get("/account").await, ok("yours"));
}

#[tokio::test]
async fn testing_sells_to_users_only() {
    let program = start!("testing");
    assert_eq!(program.browser().post("/buy", &[]).await.0, 401);
}
