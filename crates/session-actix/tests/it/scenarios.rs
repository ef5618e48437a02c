//! The scenario table of the test kit: in process and over real sockets, answered by a handler and by a middleware.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, web};
use session_actix::{SessionConfig, SessionHandle, SessionMiddleware, SessionRejection};
use session_testkit::scenarios::{self, Driver, Request, Response};

use crate::server::Server;
use crate::support;

async fn answer(request: &impl HttpMessage, path: &str) -> Result<HttpResponse, Error> {
    let session = SessionHandle::of(request)?;
    let answer = scenarios::answer(&session, path).await.map_err(SessionRejection::from)?;
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).expect("a status"));
    answer.headers.into_iter().for_each(|header| {
        response.append_header(header);
    });
    let response = response.body(answer.body);
    // This error makes its response once only.
    if answer.refused { Err(InternalError::from_response("refused", response).into()) } else { Ok(response) }
}

async fn handler(request: HttpRequest) -> Result<HttpResponse, Error> {
    answer(&request, &request.uri().to_string()).await
}

async fn middleware<B: MessageBody>(request: ServiceRequest, _: Next<B>) -> Result<ServiceResponse, Error> {
    let response = answer(&request, &request.uri().to_string()).await?;
    Ok(request.into_response(response))
}

/// An application, as a function from requests to responses.
struct Application<F>(F);

impl<F: AsyncFn(Request) -> Response> scenarios::App for Application<F> {
    async fn send(&self, request: Request) -> Response {
        (self.0)(request).await
    }
}

async fn received(response: HttpResponse) -> Response {
    let headers = response.headers().iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.to_str().expect("ASCII").to_owned())).collect();
    Response::new(response.status().as_u16(), headers, support::text(response).await)
}

struct InProcess;

impl Driver for InProcess {
    async fn start(&self, config: SessionConfig) -> impl scenarios::App {
        let app = App::new().default_service(web::to(handler)).wrap(SessionMiddleware::new(config));
        let app = init_service(app).await;
        Application(async move |request: Request| {
            received(support::send(&app, &request.path, request.cookie.as_deref()).await).await
        })
    }
}

struct ByMiddleware;

impl Driver for ByMiddleware {
    async fn start(&self, config: SessionConfig) -> impl scenarios::App {
        let app = App::new().wrap(from_fn(middleware)).wrap(SessionMiddleware::new(config));
        let app = init_service(app).await;
        Application(async move |request: Request| {
            received(support::send(&app, &request.path, request.cookie.as_deref()).await).await
        })
    }
}

struct OverSockets;

impl Driver for OverSockets {
    async fn start(&self, config: SessionConfig) -> impl scenarios::App {
        let server = Server::start(SessionMiddleware::new(config), |routes| {
            routes.default_service(web::to(handler));
        });
        Application(async move |request: Request| {
            server.request(&request.path, request.cookie.as_deref().unwrap_or_default()).await
        })
    }
}

#[actix_web::test]
async fn handlers_pass_the_scenarios() {
    scenarios::check(&InProcess).await.assert_passed();
}

#[actix_web::test]
async fn middleware_passes_the_scenarios() {
    scenarios::check(&ByMiddleware).await.assert_passed();
}

#[tokio::test]
async fn servers_pass_the_scenarios() {
    scenarios::check(&OverSockets).await.assert_passed();
}
