//! The scenario table of the test kit: plain tower services, in process and served by hyper over real sockets.

#[cfg(feature = "axum")]
mod in_axum;

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use session_testkit::scenarios::{self, App, Driver};
use session_tower::{OnError, PlainText, SessionConfig, SessionHandle, SessionLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::request;

/// A plain service makes its own responses of errors: here with the layer's hook.
async fn handler<B>(request: Request<B>) -> Result<Response<String>, Infallible> {
    let session = SessionHandle::of(&request).expect("there is a layer");
    let answer = scenarios::answer(&session, &request.uri().to_string()).await;
    Ok(answer.map_or_else(|error| PlainText.error_response(&error), response))
}

/// The response that the handler has to make. A refusal is one, too.
fn response<B: From<String>>(answer: scenarios::Answer) -> Response<B> {
    let mut response = Response::new(B::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    for (name, value) in answer.headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
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
        let service = SessionLayer::new(config).layer(service_fn(handler::<String>));
        Application(async move |sent: scenarios::Request| {
            let response = service.clone().oneshot(request(&sent.path, sent.cookie.as_deref())).await;
            let (head, body) = response.expect("infallible").into_parts();
            received(&head, body)
        })
    }
}

fn received(head: &http::response::Parts, body: String) -> scenarios::Response {
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().expect("visible ASCII")));
    scenarios::Response::new(head.status.as_u16(), headers, body)
}

struct OverSockets;

impl Driver for OverSockets {
    async fn start(&self, config: SessionConfig) -> impl App {
        let service = TowerToHyperService::new(SessionLayer::new(config).layer(service_fn(handler)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        // Ends with the test's runtime.
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone()));
            }
        });
        client(address)
    }
}

/// A client that speaks to a server over a socket.
fn client(address: SocketAddr) -> impl App {
    Application(async move |request: scenarios::Request| {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        let cookie = request.cookie.unwrap_or_default();
        let request =
            format!("GET {} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n", request.path);
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("received");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        scenarios::Response::new(status, head.lines().filter_map(|line| line.split_once(": ")), body)
    })
}

#[tokio::test]
async fn services_pass_the_scenarios() {
    scenarios::check(&InProcess).await.assert_passed();
}

#[tokio::test]
async fn services_that_hyper_serves_pass_the_scenarios() {
    scenarios::check(&OverSockets).await.assert_passed();
}
