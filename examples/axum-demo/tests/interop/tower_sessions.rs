//! The demo and the real tower-sessions behind one cookie and one Redis.

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use session_test_support::RedisServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_sessions::cookie::{Key, SameSite};
use tower_sessions::service::{CookieController, PrivateCookie, SignedCookie};
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use crate::support::{Browser, COOKIE, Demo, SECRET, Server};

/// A server on tower-sessions, as long as the test runs.
pub(crate) struct Tower {
    url: String,
    task: JoinHandle<()>,
}

impl Server for Tower {
    fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Tower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cookies {
    Plain,
    Signed,
    Private,
}

impl Tower {
    pub(crate) async fn start(redis: &RedisServer, cookies: Cookies) -> Self {
        Self::with_secret(redis, cookies, SECRET).await
    }

    async fn with_secret(redis: &RedisServer, cookies: Cookies, secret: &str) -> Self {
        let pool = Pool::new(Config::from_url(&redis.url()).expect("a URL"), None, None, None, 1).expect("a pool");
        pool.init().await.expect("Redis answers");
        let layer = SessionManagerLayer::new(RedisStore::new(pool)).with_name(COOKIE).with_secure(false);
        let layer = layer.with_same_site(SameSite::Lax).with_expiry(Expiry::OnInactivity(time(3600)));
        match cookies {
            Cookies::Plain => Self::serve(layer).await,
            Cookies::Signed => {
                Self::serve::<SignedCookie>(layer.with_signed(Key::derive_from(secret.as_bytes()))).await
            }
            Cookies::Private => {
                Self::serve::<PrivateCookie>(layer.with_private(Key::derive_from(secret.as_bytes()))).await
            }
        }
    }

    async fn serve<C: CookieController + Sync>(layer: SessionManagerLayer<RedisStore<Pool>, C>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new()
            .route("/view_session", get(view))
            .route("/update_session", post(update))
            .route("/login", post(login))
            .route("/logout", post(logout))
            .layer(layer);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server that serves") });
        Self { url, task }
    }
}

fn time(seconds: i64) -> tower_sessions::cookie::time::Duration {
    tower_sessions::cookie::time::Duration::seconds(seconds)
}

async fn answer(session: &Session) -> String {
    let mut data = Map::new();
    for key in ["user", "n", "text", "list", "in_rust", "in_tower"] {
        if let Some(value) = session.get_value(key).await.expect("the store answers") {
            data.insert(key.to_owned(), value);
        }
    }
    json!({ "session": data }).to_string()
}

async fn view(session: Session) -> String {
    answer(&session).await
}

async fn update(session: Session, body: String) -> String {
    for (key, value) in serde_json::from_str::<Map<String, Value>>(&body).expect("tests send JSON objects") {
        session.insert_value(&key, value).await.expect("the store answers");
    }
    answer(&session).await
}

async fn login(session: Session, body: String) -> String {
    session.cycle_id().await.expect("the store answers");
    update(session, body).await
}

async fn logout(session: Session) -> String {
    session.flush().await.expect("the store answers");
    r#"{"session": {}}"#.to_owned()
}

async fn start(redis: &RedisServer, cookies: Cookies) -> (Tower, Demo) {
    let name = match cookies {
        Cookies::Plain => "plain",
        Cookies::Signed => "signed",
        Cookies::Private => "private",
    };
    let options = ["--format", "tower-sessions", "--cookies", name, "--max-age", "3600"];
    let rust = Demo::with(&[&options[..], &["--backend", "redis", "--redis-url", &redis.url()]].concat());
    (Tower::start(redis, cookies).await, rust)
}

#[tokio::test]
async fn a_session_goes_to_and_fro() {
    let redis = RedisServer::start(&[]);
    let data = json!({
        "user": "ann", "n": u64::MAX, "text": "é 🦀\u{0}", "list": [null, -1, -129, i64::MIN, 1.5, true, {"a": {}}, "x".repeat(300)],
    });
    for cookies in [Cookies::Plain, Cookies::Signed, Cookies::Private] {
        let ((tower, rust), browser) = (start(&redis, cookies).await, Browser::new());
        browser.post(&tower, "/update_session", &data.to_string()).await;
        assert_eq!(browser.view(&rust).await, data, "{cookies:?}");
        let set = browser.post(&rust, "/update_session", r#"{"in_rust": 1}"#).await;
        assert!(set.set_cookie().expect("a change sends the cookie").attributes.contains("max-age=3600"));
        browser.post(&tower, "/update_session", r#"{"in_tower": 2}"#).await;
        let mut expected = data.clone();
        (expected["in_rust"], expected["in_tower"]) = (1.into(), 2.into());
        assert_eq!(browser.view(&rust).await, expected, "{cookies:?}");
        assert_eq!(browser.view(&tower).await, expected, "{cookies:?}");

        // A login on either side has a new id; a logout on either side ends the session.
        for (at, other) in [(&tower as &(dyn Server + Sync), &rust as &(dyn Server + Sync)), (&rust, &tower)] {
            let old = browser.cookie(at);
            browser.post(at, "/login", r#"{"user": "bob"}"#).await;
            assert_ne!(browser.cookie(at), old);
            assert_eq!(browser.view(other).await["user"], "bob", "{cookies:?}");
            let stolen = browser.cookie(at).expect("there is a session");
            browser.post(other, "/logout", "").await;
            for server in [at, other] {
                assert_eq!(crate::support::get(server, "/view_session", &stolen).await.session(), json!({}));
            }
            browser.post(other, "/update_session", &data.to_string()).await;
        }
        assert_eq!(browser.view(&rust).await, data);
    }
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let (redis, browser) = (RedisServer::start(&[]), Browser::new());
    let old = Tower::start(&redis, Cookies::Private).await;
    browser.post(&old, "/update_session", r#"{"n": 1}"#).await;
    let options = ["--format", "tower-sessions", "--cookies", "private", "--backend", "redis", "--redis-url"];
    let rust = Demo::with_secrets(&[new, SECRET], &[&options[..], &[&redis.url()]].concat());
    let seen = browser.get(&rust, "/view_session").await;
    assert!(seen.set_cookie().is_some() && seen.session()["n"] == 1, "the new secret encrypts it");
    let tower = Tower::with_secret(&redis, Cookies::Private, new).await;
    assert_eq!((browser.view(&tower).await, browser.view(&old).await), (json!({"n": 1}), json!({})));
}
