//! The router.

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use demo_common::api::{COOKIE_HEADER, MAX_BODY_BYTES, cookie_news};
use demo_common::page::{self, Facts};
use session_tower::{SessionConfig, SessionLayer};

use crate::error::{ApiError, session_error};
use crate::routes;

/// The whole application, with one session layer around all routes. Routes that don't use the session have no cost for
/// it.
pub fn app(router: Router, config: SessionConfig) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(SessionLayer::new(config).on_error(session_error))
        .layer(map_response(no_sniffing))
        .layer(map_response(tell_of_cookie))
}

/// The page and the JSON routes.
pub fn router(facts: Facts) -> Router {
    Router::new()
        .merge(files(facts))
        .route("/view_session", get(routes::view_session))
        .route("/session", get(routes::session))
        .route("/setup_session", get(routes::setup_session))
        .route("/update_session", post(routes::update_session))
        .route("/clear_session", get(routes::clear_session).post(routes::clear_session))
        .route("/login", post(routes::login))
        .route("/logout", post(routes::logout))
        .route("/renew", post(routes::renew))
        .route("/sessions", get(routes::list_sessions))
        .route("/sessions/revoke", post(routes::revoke))
        .route("/sessions/revoke_others", post(routes::revoke_others))
        .route("/sessions/revoke_all", post(routes::revoke_all))
        .route("/increment", post(routes::increment))
        .route("/slow_update", post(routes::slow_update))
        .route("/untouched", get(routes::untouched))
        .fallback(async || ApiError::Request(StatusCode::NOT_FOUND, "no such route".to_owned()))
        .method_not_allowed_fallback(async || {
            ApiError::Request(StatusCode::METHOD_NOT_ALLOWED, "this route has other methods".to_owned())
        })
}

fn files(facts: Facts) -> Router {
    page::files(facts).into_iter().fold(Router::new(), |router, file| {
        let headers = file.headers();
        let body = Bytes::from(file.text);
        router.route(file.path, get(async move || (headers, body.clone())))
    })
}

/// Forbids content sniffing. A browser must never render session data as a page, because visitors choose its content.
async fn no_sniffing(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn tell_of_cookie(mut response: Response) -> Response {
    if let Some(set_cookie) = response.headers().get(SET_COOKIE) {
        let news = HeaderValue::from_static(cookie_news(set_cookie.as_bytes()));
        response.headers_mut().insert(COOKIE_HEADER, news);
    }
    response
}
