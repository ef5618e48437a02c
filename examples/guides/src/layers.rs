//! The order of layers: the one that is added last runs first.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use session_tower::{CurrentUser, MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

async fn users_only(CurrentUser(_user): CurrentUser, request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn login(session: Session) -> Result<(), SessionRejection> {
    Ok(session.sign_in("ann")?)
}

async fn slow() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new()
        .route("/account", get(|| async { "your account\n" }))
        .route_layer(middleware::from_fn(users_only))
        .route("/login", post(login))
        .route("/slow", get(slow))
        // Inside of sessions: the session is committed with the status of the timeout.
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(500)))
        .layer(SessionLayer::new(config))
        // Outside: they see the answers of the session layer too.
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(TraceLayer::new_for_http());
    guides::serve(app).await
}
