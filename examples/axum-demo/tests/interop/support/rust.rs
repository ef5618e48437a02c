//! A Rust server inside the test, for configurations and clocks that the demo does not have.

use axum::Router;
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;
use session_testkit::TestClock;
use session_tower::{
    Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionLayer, SessionMap, SessionRejection,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{COOKIE, NOW, SECRET, Server};

/// A server with the routes of the demo, as long as the test runs.
pub(crate) struct RustServer {
    url: String,
    cookie_name: String,
    task: JoinHandle<()>,
}

impl RustServer {
    pub(crate) async fn start(config: SessionConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let cookie_name = config.cookie_name().to_owned();
        let app = routes().layer(SessionLayer::new(config));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server that serves") });
        Self { url, cookie_name, task }
    }

    /// A server in cookie mode whose clock stands still at [`NOW`] until it is set.
    pub(crate) async fn stopped() -> (Self, TestClock) {
        let clock = TestClock::at(NOW);
        (Self::start(config(&clock).build().expect("the configuration is good")).await, clock)
    }
}

impl Server for RustServer {
    fn url(&self) -> &str {
        &self.url
    }

    fn cookie_name(&self) -> &str {
        &self.cookie_name
    }
}

impl Drop for RustServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the configuration that both sides share, in cookie mode, with its own clock.
pub(crate) fn config(clock: &TestClock) -> SessionConfigBuilder {
    SessionConfig::builder(SECRET, COOKIE).clock(clock.clone())
}

fn routes() -> Router {
    Router::new()
        .route("/view_session", get(view_session))
        .route("/setup_session", get(setup_session))
        .route("/update_session", post(update_session))
        .route("/clear_session", get(clear_session).post(clear_session))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/increment", post(increment))
        .route("/untouched", get(untouched))
}

type Answer = Result<Response, SessionRejection>;

/// The session as it is, byte for byte.
fn answer(session_json: &str) -> Answer {
    Ok(([(CONTENT_TYPE, "application/json")], format!(r#"{{"session": {session_json}}}"#)).into_response())
}

async fn view_session(session: Session) -> Answer {
    answer(&session.to_map().into_json())
}

async fn setup_session(session: Session) -> Answer {
    session.insert("data", "session_data")?;
    answer(&session.to_map().into_json())
}

async fn update_session(session: Session, body: String) -> Answer {
    let update = SessionMap::from_json(body).expect("tests send JSON objects");
    session.extend(&update)?;
    answer(&session.to_map().into_json())
}

async fn clear_session(session: Session) -> Answer {
    session.clear()?;
    answer(&session.to_map().into_json())
}

async fn login(session: Session, body: String) -> Answer {
    let body: Value = serde_json::from_str(&body).expect("tests send JSON");
    session.renew()?;
    session.insert("user", &body["user"])?;
    answer(&session.to_map().into_json())
}

async fn logout(session: SessionHandle) -> Answer {
    session.destroy();
    answer("{}")
}

#[derive(Deserialize)]
struct Counter {
    #[serde(default = "Counter::default_key")]
    key: String,
}

impl Counter {
    fn default_key() -> String {
        "n".to_owned()
    }
}

async fn increment(session: Session, Query(counter): Query<Counter>) -> Answer {
    session.update(&counter.key, |n: Option<u64>| n.unwrap_or(0) + 1)?;
    answer(&session.to_map().into_json())
}

async fn untouched() -> &'static str {
    r#"{"untouched": true}"#
}
