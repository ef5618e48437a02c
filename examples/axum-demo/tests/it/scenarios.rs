//! The scenario table of the test kit, over real sockets: the demo's application as the demo serves it.

use reqwest::Client;
use reqwest::header::COOKIE;
use reqwest::redirect::Policy;
use session_core::SessionConfig;
use session_testkit::scenarios::{self, App, Driver, Request, Response};

use crate::demo::PATIENCE;
use crate::served::Served;

/// Where the server has the handler of the scenarios.
pub(crate) const PREFIX: &str = "/scenarios";

struct TheDemo;

impl Driver for TheDemo {
    async fn start(&self, config: SessionConfig) -> impl App {
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        Running { server: Served::start(config), client }
    }
}

struct Running {
    server: Served,
    client: Client,
}

impl App for Running {
    async fn send(&self, request: Request) -> Response {
        let mut get = self.client.get(format!("http://{}{PREFIX}{}", self.server.address, request.path));
        if let Some(cookie) = request.cookie {
            get = get.header(COOKIE, cookie);
        }
        let response = get.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let body = response.text().await.unwrap();
        Response::new(status, headers, error(&body).unwrap_or(body))
    }
}

/// The message of an error, which the scenarios expect as text and the demo writes as JSON.
fn error(body: &str) -> Option<String> {
    match serde_json::from_str(body).ok()? {
        serde_json::Value::Object(body) if body.len() == 1 => body.get("error")?.as_str().map(str::to_owned),
        _ => None,
    }
}

#[tokio::test]
async fn the_demo_passes_the_scenarios() {
    scenarios::check(&TheDemo).await.assert_passed();
}
