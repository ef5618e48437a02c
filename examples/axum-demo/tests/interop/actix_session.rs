//! The demo and the real actix-session behind one cookie, and on one Redis.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{CookieSessionStore, RedisSessionStore, SessionStore};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::cookie::time::Duration;
use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, get, post};
use actix_web::{App, HttpServer};
use serde_json::{Map, Value, json};
use session_test_support::RedisServer;

use crate::support::{Browser, COOKIE, Demo, SECRET, Server};

/// A server on actix-session, as long as the test runs.
pub(crate) struct Actix {
    url: String,
    handle: ServerHandle,
}

impl Server for Actix {
    fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Actix {
    fn drop(&mut self) {
        // It is sent at once, and stops the server if the future is dropped.
        drop(self.handle.stop(false));
    }
}

impl Actix {
    /// A server whose sessions live in Redis, or in the cookie.
    pub(crate) async fn start(redis: Option<&RedisServer>, security: fn() -> CookieContentSecurity) -> Self {
        match redis {
            Some(redis) => {
                let store = RedisSessionStore::new(redis.url()).await.expect("Redis answers");
                Self::serve(move || store.clone(), security, SECRET)
            }
            None => Self::serve(CookieSessionStore::default, security, SECRET),
        }
    }

    fn serve<S: SessionStore + 'static>(
        store: impl Fn() -> S + Clone + Send + 'static,
        security: fn() -> CookieContentSecurity,
        secret: &'static str,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let server = HttpServer::new(move || {
                let key = Key::derive_from(secret.as_bytes());
                let sessions = SessionMiddleware::builder(store(), key)
                    .cookie_name(COOKIE.to_owned())
                    .cookie_secure(false)
                    .cookie_content_security(security())
                    .session_lifecycle(PersistentSession::default().session_ttl(Duration::seconds(3600)));
                App::new()
                    .wrap(sessions.build())
                    .route("/view_session", get().to(view))
                    .route("/update_session", post().to(update))
                    .route("/login", post().to(login))
                    .route("/logout", post().to(logout))
            });
            actix_web::rt::System::new().block_on(async {
                let server = server.workers(1).disable_signals().listen(listener).expect("it is a listener").run();
                send.send(server.handle()).expect("the test waits for it");
                server.await.expect("a server that serves");
            });
        });
        Self { url, handle: receive.recv().expect("the server starts") }
    }
}

fn answer(session: &Session) -> String {
    let value = |json: &String| serde_json::from_str::<Value>(json).expect("values are JSON");
    let data: Map<_, _> = session.entries().iter().map(|(key, json)| (key.clone(), value(json))).collect();
    json!({ "session": data }).to_string()
}

async fn view(session: Session) -> String {
    answer(&session)
}

async fn update(session: Session, body: Bytes) -> String {
    for (key, value) in serde_json::from_slice::<Map<String, Value>>(&body).expect("tests send JSON objects") {
        session.insert(key, value).expect("it is JSON");
    }
    answer(&session)
}

async fn login(session: Session, body: Bytes) -> String {
    session.renew();
    update(session, body).await
}

async fn logout(session: Session) -> String {
    session.purge();
    r#"{"session": {}}"#.to_owned()
}

fn demo(redis: Option<&RedisServer>, cookies: &str) -> Demo {
    demo_with(redis, &[SECRET], &["--cookies", cookies])
}

fn demo_with(redis: Option<&RedisServer>, secrets: &[&str], options: &[&str]) -> Demo {
    let url = redis.map(RedisServer::url);
    let backend = match &url {
        Some(url) => vec!["--backend", "redis", "--redis-url", url],
        None => vec!["--backend", "cookie"],
    };
    let usual = ["--format", "actix-session", "--max-age", "3600"];
    Demo::with_secrets(secrets, &[&usual, &*backend, options].concat())
}

#[tokio::test]
async fn the_prefix_of_keys_is_that_of_the_key_generator() {
    let redis = RedisServer::start(&[]);
    let store = RedisSessionStore::builder(redis.url()).cache_keygen(|key| format!("app:{key}")).build().await;
    let store = store.expect("Redis answers");
    let actix = Actix::serve(move || store.clone(), || CookieContentSecurity::Private, SECRET);
    let (rust, browser) = (demo_with(Some(&redis), &[SECRET], &["--key-prefix", "app:"]), Browser::new());
    browser.post(&actix, "/update_session", r#"{"n": 1}"#).await;
    assert_eq!(browser.view(&rust).await, json!({"n": 1}));
    browser.post(&rust, "/login", r#"{"user": "bob"}"#).await;
    assert_eq!(browser.view(&actix).await["user"], "bob");
    let others = redis.ask(&["KEYS", "*"]).into_iter().filter(|key| !key.starts_with("app:"));
    assert_eq!(others.filter(|key| !key.starts_with("gone:")).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let private = || CookieContentSecurity::Private;
    let (old, browser) = (Actix::start(None, private).await, Browser::new());
    browser.post(&old, "/update_session", r#"{"n": 1}"#).await;
    let rust = demo_with(None, &[new, SECRET], &[]);
    let seen = browser.get(&rust, "/view_session").await;
    assert!(seen.set_cookie().is_some() && seen.session()["n"] == 1, "the new secret encrypts it");
    let actix = Actix::serve(CookieSessionStore::default, private, new);
    assert_eq!((browser.view(&actix).await, browser.view(&old).await), (json!({"n": 1}), json!({})));
}

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let redis = RedisServer::start(&[]);
    let data =
        json!({"user": "ann", "n": u64::MAX, "text": "é \"🦀\" + %41;=/{}", "list": [null, true, 1.5, {"a": {}}]});
    let variants: [(&str, fn() -> _); 2] =
        [("signed", || CookieContentSecurity::Signed), ("private", || CookieContentSecurity::Private)];
    for (cookies, security) in variants {
        for redis in [None, Some(&redis)] {
            let (actix, rust) = (Actix::start(redis, security).await, demo(redis, cookies));
            let browser = Browser::new();
            browser.post(&actix, "/update_session", &data.to_string()).await;
            assert_eq!(browser.view(&rust).await, data, "{cookies}");
            let set = browser.post(&rust, "/update_session", r#"{"in_rust": 1}"#).await;
            assert!(set.set_cookie().expect("a change sends the cookie").attributes.contains("max-age=3600"));
            browser.post(&actix, "/update_session", r#"{"in_actix": 2}"#).await;
            let mut expected = data.clone();
            (expected["in_rust"], expected["in_actix"]) = (1.into(), 2.into());
            assert_eq!((browser.view(&rust).await, browser.view(&actix).await), (expected.clone(), expected));
            // A session that begins in Rust.
            let other = Browser::new();
            other.post(&rust, "/login", r#"{"user": "bob"}"#).await;
            assert_eq!(other.view(&actix).await["user"], "bob");
        }
    }
}

#[tokio::test]
async fn a_login_and_a_logout_on_either_side_are_one_on_both() {
    let redis = RedisServer::start(&[]);
    let (actix, rust) =
        (Actix::start(Some(&redis), || CookieContentSecurity::Private).await, demo(Some(&redis), "private"));
    for (at, other) in [(&actix as &(dyn Server + Sync), &rust as &(dyn Server + Sync)), (&rust, &actix)] {
        let browser = Browser::new();
        browser.post(other, "/update_session", r#"{"n": 1}"#).await;
        let old = browser.cookie(at).expect("there is a session");
        browser.post(at, "/login", r#"{"user": "bob"}"#).await;
        assert_eq!(browser.view(other).await, json!({"user": "bob", "n": 1}));
        assert_eq!(crate::support::get(other, "/view_session", &old).await.session(), json!({}), "the id is a new one");
        let stolen = browser.cookie(at).expect("there is a session");
        browser.post(other, "/logout", "").await;
        for server in [at, other] {
            assert_eq!(crate::support::get(server, "/view_session", &stolen).await.session(), json!({}));
        }
    }
}
