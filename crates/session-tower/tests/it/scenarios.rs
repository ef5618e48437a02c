//! The scenario table of the test kit, in axum: in process and over real sockets.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::COOKIE;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt;
use session_testkit::scenarios::{self, App, Driver};
use session_tower::{SessionConfig, SessionHandle, SessionLayer, SessionRejection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

async fn handler(session: SessionHandle, uri: Uri) -> Result<Response, SessionRejection> {
    let answer = scenarios::answer(&session, &uri.to_string()).await?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    for (name, value) in answer.headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // A refusal is the response that it makes.
    Ok(if answer.refused { Err::<(), _>(response).into_response() } else { response })
}

fn router(config: SessionConfig) -> Router {
    Router::new().fallback(handler).layer(SessionLayer::new(config))
}

/// An application, as a function from requests to responses.
struct Application<F>(F);

impl<F: AsyncFn(scenarios::Request) -> scenarios::Response> App for Application<F> {
    async fn send(&self, request: scenarios::Request) -> scenarios::Response {
        (self.0)(request).await
    }
}

struct InProcess;

impl Driver for InProcess {
    async fn start(&self, config: SessionConfig) -> impl App {
        let router = router(config);
        Application(async move |request: scenarios::Request| {
            let mut builder = http::Request::builder().uri(request.path);
            if let Some(cookie) = request.cookie {
                builder = builder.header(COOKIE, cookie);
            }
            let request = builder.body(Body::empty()).expect("a valid request");
            let (head, body) = router.clone().oneshot(request).await.expect("infallible").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().expect("visible ASCII")));
            scenarios::Response::new(head.status.as_u16(), headers, String::from_utf8_lossy(&body))
        })
    }
}

struct OverSockets;

impl Driver for OverSockets {
    async fn start(&self, config: SessionConfig) -> impl App {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        // Ends with the test's runtime.
        tokio::spawn(axum::serve(listener, router(config)).into_future());
        Application(async move |request: scenarios::Request| {
            let mut socket = TcpStream::connect(address).await.expect("a connection");
            let cookie = request.cookie.unwrap_or_default();
            let request = format!("GET {} HTTP/1.0\r\nHost: test\r\nCookie: {cookie}\r\n\r\n", request.path);
            socket.write_all(request.as_bytes()).await.expect("sent");
            let mut response = String::new();
            socket.read_to_string(&mut response).await.expect("received");
            let (head, body) = response.split_once("\r\n\r\n").expect("a head");
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            scenarios::Response::new(status, head.lines().filter_map(|line| line.split_once(": ")), body)
        })
    }
}

#[tokio::test]
async fn routers_pass_the_scenarios() {
    scenarios::check(&InProcess).await.assert_passed();
}

#[tokio::test]
async fn servers_pass_the_scenarios() {
    scenarios::check(&OverSockets).await.assert_passed();
}
