//! The page, which uses the JSON routes as every client does. Its own files don't touch the session.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::IntoResponse;
use axum::routing::get;
use session_tower::BackendType;

/// Nothing but the files below, no inline scripts or styles, and no way to make markup of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

pub(crate) fn routes(backend: BackendType) -> Router {
    let index = Bytes::from(index(backend));
    Router::new()
        .route("/", get(async move || file("text/html; charset=utf-8", index.clone())))
        .route("/app.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/app.js"))))
        .route("/style.css", get(async || file("text/css; charset=utf-8", include_str!("page/style.css"))))
        .route("/icon.svg", get(async || file("image/svg+xml", include_str!("page/icon.svg"))))
}

fn index(backend: BackendType) -> String {
    let meaning = match backend {
        BackendType::Cookie => "The cookie holds the whole session, signed: you can read it, but not change it.",
        _ => "The server holds the session. The cookie holds its signed id only.",
    };
    include_str!("page/index.html").replace("{{backend}}", backend.name()).replace("{{meaning}}", meaning)
}

fn file(content_type: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content)
}
