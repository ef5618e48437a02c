//! The demo's application, served by the test itself, for configurations that have no flags.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use actix_demo::{configure, serve};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse};
use demo_common::listen;
use demo_common::page::Facts;
use session_actix::session_core::starlette::BackendType;
use session_actix::{SessionConfig, SessionHandle, SessionRejection};
use session_testkit::scenarios;
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
        let (_stop, stopped) = oneshot::channel();
        let stop = async { drop(stopped.await) };
        tokio::spawn(serve(listener, routes, config, stop, pending()));
        Self { address, _stop }
    }
}

fn routes(config: &mut ServiceConfig) {
    configure(config, Facts { backend: BackendType::Cookie, session_limit: None });
    config.route(&format!("{PREFIX}/{{action}}"), web::get().to(handler));
}

async fn handler(request: HttpRequest, session: SessionHandle) -> Result<HttpResponse, Error> {
    let uri = request.uri().to_string();
    let answer = scenarios::answer(&session, uri.strip_prefix(PREFIX).unwrap()).await;
    let answer = answer.map_err(SessionRejection::from)?;
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap());
    for header in answer.headers {
        response.append_header(header);
    }
    let response = response.body(answer.body);
    if answer.refused { Err(InternalError::from_response("refused", response).into()) } else { Ok(response) }
}
