//! Runs any axum router: a measured one, or a server.

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::Service;

use crate::mode::{Mode, end_with_standard_input};

/// Runs a router that answers `GET /` after `GET /seed` has filled a session and given out its cookie.
///
/// # Panics
///
/// If a request fails.
pub fn run(runtime: &Runtime, mode: Mode, router: Router) {
    match mode {
        Mode::Measure(requests) => {
            // Otherwise axum makes the route anew for every call; a server does it once.
            let mut router = router.with_state(());
            let cookie = runtime.block_on(seed(&mut router));
            runtime.block_on(answer(&mut router, &cookie, requests));
        }
        Mode::Serve => runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
            println!("{}", listener.local_addr().expect("it listens").port());
            end_with_standard_input();
            axum::serve(listener, router).await.expect("it serves until the process ends");
        }),
    }
}

/// The cookie of a new session; that of an application without sessions is a text of the same kind.
async fn seed(router: &mut Router) -> HeaderValue {
    let request = Request::get("/seed").body(Body::empty()).expect("a request");
    let response = router.call(request).await.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::OK, "the session is filled");
    let pairs: Vec<&str> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|header| header.to_str().expect("cookies are text").split(';').next().unwrap_or_default())
        .collect();
    let cookie = if pairs.is_empty() { "session=none".to_owned() } else { pairs.join("; ") };
    HeaderValue::from_str(&cookie).expect("a cookie fits a header")
}

async fn answer(router: &mut Router, cookie: &HeaderValue, requests: u32) {
    for _ in 0..requests {
        let request = Request::get("/").header(COOKIE, cookie).body(Body::empty()).expect("a request");
        let response = router.call(request).await.unwrap_or_else(|never| match never {});
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.expect("the body is in memory");
        }
    }
}
