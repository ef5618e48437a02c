//! Serves the application until it is asked to stop.

use std::io;
use std::net::TcpListener;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{App, Error, HttpServer};
use demo_common::api::{COOKIE_HEADER, cookie_news};
use demo_common::shutdown;
use session_actix::{SessionConfig, SessionMiddleware};

use crate::error::session_error;

/// Serves the whole application until `stop`, and then finishes requests in progress until `give_up`.
///
/// # Errors
///
/// If the listener can't be used.
pub async fn serve(
    listener: TcpListener,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    config: SessionConfig,
    stop: impl Future<Output = ()> + Send + 'static,
    give_up: impl Future<Output = ()>,
) -> io::Result<()> {
    // Made outside of the closure, which each thread of the server calls, so that all threads share the store. One
    // middleware is around all routes. Routes that don't use the session have no cost for it.
    let sessions = SessionMiddleware::new(config).on_error(session_error);
    let server = HttpServer::new(move || {
        App::new()
            .configure(routes.clone())
            .wrap(sessions.clone())
            // A browser must never render session data as a page, because visitors choose its content.
            .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .wrap(from_fn(tell_of_cookie))
    });
    let server = server.disable_signals().shutdown_timeout(2 * shutdown::GRACE.as_secs()).listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(async move {
        stop.await;
        handle.stop(true).await;
    });
    tokio::select! {
        outcome = server => outcome,
        () = give_up => Ok(()),
    }
}

async fn tell_of_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if let Some(set_cookie) = response.headers().get(SET_COOKIE) {
        let news = HeaderValue::from_static(cookie_news(set_cookie.as_bytes()));
        response.headers_mut().insert(HeaderName::from_static(COOKIE_HEADER), news);
    }
    Ok(response)
}
