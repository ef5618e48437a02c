//! The demo's application, served by the test itself, for configurations that have no flags.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_demo::{app, router, serve};
use demo_common::listen;
use demo_common::page::Facts;
use session_testkit::scenarios;
use session_tower::session_core::starlette::BackendType;
use session_tower::{SessionConfig, SessionHandle, SessionRejection};
use tokio::sync::oneshot;

use crate::scenarios::PREFIX;

/// A server on a free port, with the handler of the scenarios beside the routes of the demo. Ends when it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Served {
    pub(crate) fn start(config: SessionConfig) -> Self {
        let listener = listen(Some((Ipv4Addr::LOCALHOST, 0).into())).unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(Facts { backend: BackendType::Cookie, session_limit: None })
            .route(&format!("{PREFIX}/{{action}}"), get(handler));
        let (_stop, stopped) = oneshot::channel();
        let stop = async { drop(stopped.await) };
        tokio::spawn(serve(listener, app(router, config), stop, pending()));
        Self { address, _stop }
    }
}

async fn handler(session: SessionHandle, uri: Uri) -> Result<Response, SessionRejection> {
    let uri = uri.to_string();
    let answer = scenarios::answer(&session, uri.strip_prefix(PREFIX).unwrap()).await?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    for (name, value) in answer.headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(if answer.refused { Err::<(), _>(response).into_response() } else { response })
}
