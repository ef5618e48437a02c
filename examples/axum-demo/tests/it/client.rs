//! Clients of the demo.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE, USER_AGENT};
use reqwest::{Body, Client, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::demo::{Demo, PATIENCE};

/// Keeps cookies, as browsers do. Clones share them.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    url: String,
    user_agent: Option<&'static str>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(demo: &Demo) -> Self {
        Self::with(Client::builder().cookie_store(true), demo)
    }

    /// Sends this cookie and keeps none.
    pub(crate) fn with_cookie(demo: &Demo, cookie: &str) -> Self {
        let headers = HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]);
        Self::with(Client::builder().default_headers(headers), demo)
    }

    fn with(builder: reqwest::ClientBuilder, demo: &Demo) -> Self {
        let client = builder.no_proxy().timeout(PATIENCE).build().unwrap();
        Self { client, url: demo.url.clone(), user_agent: None }
    }

    /// Returns this browser, with its cookies, for another server.
    pub(crate) fn at(&self, demo: &Demo) -> Self {
        Self { url: demo.url.clone(), ..self.clone() }
    }

    /// Returns this browser with a `User-Agent` header.
    pub(crate) fn called(self, user_agent: &'static str) -> Self {
        Self { user_agent: Some(user_agent), ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        if let Some(user_agent) = self.user_agent {
            request = request.header(USER_AGENT, user_agent);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// Posts again, after the pause of `Retry-After`, while the server is too busy to answer in time. Returns the
    /// number of repetitions.
    pub(crate) async fn insist(self, path: &'static str, body: String) -> usize {
        let mut refused = 0;
        loop {
            let answer = self.post(path, body.clone()).await;
            if answer.status == 200 {
                return refused;
            }
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text);
            refused += 1;
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A write of a refused request may count nevertheless: a server that has run out of time does not know if the
    /// store applied it.
    pub(crate) async fn assert_counted(&self, acknowledged: usize, refused: usize) {
        let session: serde_json::Value = serde_json::from_str(&self.session_after_outage().await).unwrap();
        assert_eq!(session["data"], "session_data");
        let n = session["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap();
        assert!((acknowledged..=acknowledged + refused).contains(&n), "{n} of {acknowledged} with {refused} refused");
    }

    /// The store is down: requests that need it are refused soon, their cookie stays, and others are served.
    pub(crate) async fn assert_refused(&self) {
        for _ in 0..20 {
            let start = Instant::now();
            let answer = self.get("/view_session").await;
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text);
            assert_eq!(answer.header("set-cookie"), None, "the cookie stays");
            assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
            assert_eq!(self.get("/untouched").await.status, 200);
        }
    }

    /// The session's JSON text as the next request finds it.
    pub(crate) async fn session(&self) -> String {
        self.get("/view_session").await.session().to_owned()
    }

    /// The session's JSON text, requested until it is served. Each worker of a server finds out for itself that the
    /// store answers again.
    pub(crate) async fn session_after_outage(&self) -> String {
        let start = Instant::now();
        loop {
            let answer = self.get("/view_session").await;
            if answer.status != 503 {
                return answer.session().to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "it does not recover");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Answer {
    /// The session's JSON text.
    pub(crate) fn session(&self) -> &str {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{}", self.text);
        let session = self.text.strip_prefix(r#"{"session": "#).and_then(|rest| rest.strip_suffix('}'));
        session.unwrap_or_else(|| panic!("no session: {}", self.text))
    }

    /// The message of an error with this status.
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/json")), "{}", self.text);
        let body: serde_json::Map<_, _> = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body.len(), 1, "{}", self.text);
        body["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The name and value of the cookie that is set.
    pub(crate) fn cookie(&self) -> &str {
        let set_cookie = self.header(SET_COOKIE.as_str()).unwrap_or_else(|| panic!("no cookie: {}", self.text));
        set_cookie.split(';').next().unwrap()
    }

    pub(crate) fn removes_the_cookie(&self) -> bool {
        self.header(SET_COOKIE.as_str())
            .is_some_and(|cookie| cookie.starts_with("session=") && cookie.contains("Max-Age=0"))
    }
}

/// A request whose handler waits for the body. The server asks for the body (`100 Continue`): axum once the session is
/// loaded, actix-web earlier.
pub(crate) struct HeldRequest {
    stream: TcpStream,
}

impl HeldRequest {
    pub(crate) async fn post(demo: &Demo, path: &str, cookie: &str, body_len: usize) -> Self {
        let mut stream = TcpStream::connect(demo.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{COOKIE}: {cookie}\r\nContent-Length: {body_len}\r\n\
             {CONTENT_TYPE}: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            host = demo.address(),
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        timeout(PATIENCE, stream.read_exact(&mut interim)).await.unwrap().unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream }
    }

    /// Waits until a store has been asked for the session: actix-web asks for the body at the same time. A load has ended
    /// after its deadline of 250 ms.
    pub(crate) async fn loaded(self) -> Self {
        sleep(Duration::from_millis(300)).await;
        self
    }

    /// Sends the body and returns the whole response, head and all.
    pub(crate) async fn finish(mut self, body: &str) -> String {
        self.stream.write_all(body.as_bytes()).await.unwrap();
        let mut response = String::new();
        timeout(PATIENCE, self.stream.read_to_string(&mut response)).await.unwrap().unwrap();
        response
    }
}
