//! In axum: in process and over real sockets.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Uri;
use http_body_util::BodyExt;
use session_testkit::scenarios::{self, App, Driver};
use session_tower::{SessionConfig, SessionHandle, SessionLayer, SessionRejection};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::{Application, client, received, response};
use crate::support::request;

async fn handler(session: SessionHandle, uri: Uri) -> Result<Response, SessionRejection> {
    let answer = scenarios::answer(&session, &uri.to_string()).await?;
    let refused = answer.refused;
    let response: Response = response::<String>(answer).map(Body::from);
    Ok(if refused { Err::<(), _>(response).into_response() } else { response })
}

fn router(config: SessionConfig) -> Router {
    Router::new().fallback(handler).layer(SessionLayer::new(config))
}

struct InProcess;

impl Driver for InProcess {
    async fn start(&self, config: SessionConfig) -> impl App {
        let router = router(config);
        Application(async move |sent: scenarios::Request| {
            let request = request::<Body>(&sent.path, sent.cookie.as_deref());
            let (head, body) = router.clone().oneshot(request).await.expect("infallible").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            received(&head, String::from_utf8_lossy(&body).into_owned())
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
        client(address)
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
