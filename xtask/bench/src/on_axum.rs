//! Runs any axum router: a measured one, or a server.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::Service;

use crate::mode::{Mode, end_with_standard_input};
use crate::resident;

/// Runs a router that responds to `GET /`, after `GET /seed` has filled a session and returned its cookie.
///
/// # Panics
///
/// Panics if a request fails.
pub fn run(runtime: &Runtime, mode: Mode, router: Router) {
    match mode {
        Mode::Measure(requests) => runtime.block_on(async {
            let mut client = Client::new(router).await;
            for _ in 0..requests {
                client.request().await;
            }
        }),
        Mode::Fill(sessions) => runtime.block_on(fill(router, sessions)),
        Mode::Serve => runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
            println!("{}", listener.local_addr().expect("it listens").port());
            end_with_standard_input();
            axum::serve(listener, router).await.expect("it serves until the process ends");
        }),
    }
}

/// A client with a session, whose requests are made in this process.
#[derive(Debug)]
pub struct Client {
    router: Router,
    cookie: HeaderValue,
}

impl Client {
    /// Gets a session from the router.
    pub async fn new(router: Router) -> Self {
        // Without this, axum would make the route again for each call, which a server does only once.
        let mut router = router.with_state(());
        let cookie = seed(&mut router).await;
        Self { router, cookie }
    }

    /// Makes one request with the first cookie, and reads the response.
    ///
    /// # Panics
    ///
    /// Panics if the request fails.
    pub async fn request(&mut self) {
        let request = Request::get("/").header(COOKIE, &self.cookie).body(Body::empty()).expect("a request");
        read(call(&mut self.router, request).await).await;
    }
}

async fn call(router: &mut Router, request: Request<Body>) -> Response<Body> {
    let response = router.call(request).await.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::OK);
    response
}

async fn read(response: Response<Body>) {
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.expect("the body is in memory");
    }
}

/// Returns the cookie of a new session. An application without sessions returns a text of the same kind.
async fn seed(router: &mut Router) -> HeaderValue {
    let response = call(router, Request::get("/seed").body(Body::empty()).expect("a request")).await;
    let pairs: Vec<&str> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|header| header.to_str().expect("cookies are text").split(';').next().unwrap_or_default())
        .collect();
    let cookie = if pairs.is_empty() { "session=none".to_owned() } else { pairs.join("; ") };
    HeaderValue::from_str(&cookie).expect("a cookie fits a header")
}

/// Stores this many sessions. Then prints the memory for each in bytes, and the time of a request in nanoseconds.
async fn fill(router: Router, sessions: u32) {
    // The number of sessions that requests use, large enough that none is in the processor's caches.
    let asked = sessions.min(20_000);
    let mut client = Client::new(router).await;
    let mut cookies = Vec::with_capacity(asked as usize);
    let before = resident::bytes();
    for number in 0..sessions {
        let cookie = seed(&mut client.router).await;
        if number % (sessions / asked) == 0 {
            cookies.push(cookie);
        }
    }
    let own: usize = cookies.iter().map(HeaderValue::len).sum();
    let bytes = (resident::bytes() - before).saturating_sub(own);

    let start = Instant::now();
    let mut requests = 0;
    while requests < 100_000 {
        for cookie in &cookies {
            client.cookie = cookie.clone();
            client.request().await;
            requests += 1;
        }
    }
    let nanoseconds = start.elapsed().as_nanos() / requests;
    println!("{} {nanoseconds}", bytes as f64 / f64::from(sessions));
}
