//! Runs any actix-web application: a measured one, or a server.

use std::pin::pin;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use actix_web::rt::SystemRunner;
use actix_web::test::TestRequest;
use actix_web::{App, Error, HttpServer};

use crate::mode::{Mode, end_with_standard_input};

/// Runs an application that responds to `GET /`, after `GET /seed` has filled a session and returned its cookie.
///
/// # Panics
///
/// Panics if a request fails.
pub fn run<T, B>(system: &SystemRunner, mode: Mode, app: impl Fn() -> App<T> + Send + Clone + 'static)
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
            Service: 'static,
        > + 'static,
    B: MessageBody + 'static,
{
    system.block_on(async {
        match mode {
            Mode::Measure(requests) => {
                let service = actix_web::test::init_service(app()).await;
                let cookie = seed(&service).await;
                answer(&service, &cookie, requests).await;
            }
            Mode::Fill(_) => panic!("stores are the same in axum: fill them there"),
            Mode::Serve => {
                let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").expect("there is a free port");
                println!("{}", server.addrs()[0].port());
                end_with_standard_input();
                server.run().await.expect("it serves until the process ends");
            }
        }
    });
}

async fn seed<S, B>(service: &S) -> HeaderValue
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let request = TestRequest::get().uri("/seed").to_request();
    let response = service.call(request).await.expect("the session is filled");
    assert!(response.status().is_success(), "the session is filled");
    let cookie = response.headers().get(SET_COOKIE).and_then(|header| header.to_str().ok());
    let pair = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or("session=none");
    HeaderValue::from_str(pair).expect("a cookie fits a header")
}

async fn answer<S, B>(service: &S, cookie: &HeaderValue, requests: u32)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    for _ in 0..requests {
        let request = TestRequest::get().insert_header((COOKIE, cookie.clone())).to_request();
        let response = service.call(request).await.expect("no request fails");
        assert!(response.status().is_success());
        let mut body = pin!(response.into_body());
        while let Some(chunk) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            assert!(chunk.is_ok(), "the body is in memory");
        }
    }
}
