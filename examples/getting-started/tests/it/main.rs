//! The program of the guide, as its users run it: a process, a file, and browsers.

use std::path::Path;
use std::process::Command;

use reqwest::header::SET_COOKIE;
use reqwest::{Client, Response};
use session_test_support::Process;

/// A running service in a folder of its own.
struct Service {
    _process: Process,
    address: String,
}

impl Service {
    fn start(folder: &Path) -> Self {
        let mut process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_getting-started"))
                .current_dir(folder)
                .env("LISTEN", "127.0.0.1:0")
                .env("SESSION_SECRET", "9f4Kq2Wm7Zr1Xc8Vb3Nn6Ty5Uj0Hg4Fd2Sa7Lp9Oi1"),
        );
        let address = process.read_line();
        Self { _process: process, address }
    }

    async fn page(&self, browser: &Client) -> String {
        text(browser.get(&self.address).send().await.expect("the service answers")).await
    }

    async fn post(&self, browser: &Client, path: &str, form: &str) -> Response {
        let request = browser.post(format!("{}{path}", self.address)).body(form.to_owned());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.send().await.expect("the service answers")
    }

    async fn log_in(&self, browser: &Client) -> String {
        text(self.post(browser, "/login", "name=ann&password=open+sesame").await).await
    }
}

async fn text(response: Response) -> String {
    response.text().await.expect("the page is text")
}

/// A browser with this name and its own cookies.
fn browser(name: &str) -> Client {
    Client::builder().user_agent(name).cookie_store(true).build().expect("a client needs nothing")
}

#[tokio::test]
async fn a_login_shows_its_message_once_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let firefox = browser("Firefox");

    let page = service.log_in(&firefox).await;
    assert!(page.contains("Hello, ann") && page.contains("You are signed in."), "{page}");
    assert!(page.contains("Firefox (this one)"), "{page}");
    assert!(!service.page(&firefox).await.contains("You are signed in."));

    let old_address = service.address.clone();
    drop(service);
    let service = Service::start(folder.path());
    assert_ne!(service.address, old_address, "cookies have no port, so the browser still has its own");
    let page = service.page(&firefox).await;
    assert!(page.contains("Hello, ann"), "{page}");
}

#[tokio::test]
async fn a_wrong_password_signs_no_user_in() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    for form in ["name=ann&password=open", "name=bob&password=open+sesame"] {
        let page = service.post(&browser("Firefox"), "/login", form).await.text().await.unwrap();
        assert!(page.contains("don't match") && !page.contains("Hello"), "{page}");
    }
}

#[tokio::test]
async fn stay_signed_in_makes_a_cookie_for_90_days() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let unredirected = || Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (form, max_age) in [("&remember=on", "Max-Age=7776000"), ("", "Max-Age=1209600")] {
        let form = format!("name=ann&password=open+sesame{form}");
        let response = service.post(&unredirected(), "/login", &form).await;
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains(max_age), "{form}: {cookie}");
    }
}

#[tokio::test]
async fn a_device_can_end_another_one_and_itself() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let (firefox, phone) = (browser("Firefox"), browser("Phone <b>"));
    service.log_in(&phone).await;
    let page = service.log_in(&firefox).await;
    assert!(page.contains("Phone &lt;b&gt;"), "{page}");

    let (_, rest) = page.split_once("name=\"device\" value=\"").expect("another device has a button");
    let (device, _) = rest.split_once('"').unwrap();
    service.post(&firefox, "/devices/end", &format!("device={device}")).await;
    assert!(service.page(&phone).await.contains("Password"));
    let page = service.page(&firefox).await;
    assert!(page.contains("Hello, ann") && !page.contains("Phone"), "{page}");

    service.post(&firefox, "/logout", "").await;
    assert!(service.page(&firefox).await.contains("Password"));
}

#[test]
fn the_guide_shows_this_program() {
    let guide = include_str!("../../../../crates/session-tower/guide/getting-started.md");
    let (_, program) = guide.split_once("```rust\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    assert_eq!(program, include_str!("../../src/main.rs"));
}
