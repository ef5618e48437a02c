//! A browser: its cookies go to every server of a host, whatever the port.

use std::sync::Arc;
use std::time::Duration;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::{Client, RequestBuilder, Response};

const HOST: &str = "http://127.0.0.1";

pub(crate) struct Browser {
    client: Client,
    jar: Arc<Jar>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let jar = Arc::new(Jar::default());
        Self { client: Client::builder().no_proxy().cookie_provider(jar.clone()).build().unwrap(), jar }
    }

    /// Creates a browser with the cookie of another one.
    pub(crate) fn with_cookie(cookie: &str) -> Self {
        let browser = Self::new();
        browser.jar.add_cookie_str(cookie, &HOST.parse().unwrap());
        browser
    }

    /// The name and the value of its cookie.
    pub(crate) fn cookie(&self, url: &str) -> Option<String> {
        self.jar.cookies(&url.parse().unwrap()).map(|cookie| cookie.to_str().unwrap().to_owned())
    }

    pub(crate) async fn log_in(&self, url: &str, user: &str) {
        send(self.client.post(format!("{url}/login")).form(&[("user", user)])).await;
    }

    pub(crate) async fn log_out(&self, url: &str) {
        send(self.client.post(format!("{url}/logout"))).await;
    }

    /// Returns the greeting on the page.
    pub(crate) async fn greeting(&self, url: &str) -> String {
        let page = send(self.client.get(url)).await.text().await.unwrap();
        let greeting = page.split_once("<p>").and_then(|(_, rest)| rest.split_once("</p>"));
        greeting.unwrap_or_else(|| panic!("{page}")).0.to_owned()
    }
}

/// Follows the redirect to the page. Asks again while the store is too busy to answer in time, as `Retry-After` says.
async fn send(request: RequestBuilder) -> Response {
    loop {
        let response = request.try_clone().unwrap().send().await.unwrap();
        if response.status() == 200 {
            return response;
        }
        assert_eq!(response.status(), 503, "{}", response.url());
        assert!(response.headers().contains_key("retry-after"), "{}", response.url());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
