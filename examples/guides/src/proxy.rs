//! A service behind a proxy that speaks HTTPS with browsers, and maps `/shop/` to this service.

use std::time::Duration;

use axum::{Router, routing::get};
use session_tower::{MemoryBackend, SameSite, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session")
        .backend(MemoryBackend::new())
        // The browser's connection counts, not the one from the proxy to this service.
        .https_only(true)
        // The path that the browser sees.
        .path("/shop/")
        .same_site(SameSite::Lax)
        // The cookie that this service has set before it moved below `/shop/`.
        .former_cookie(None, "/")
        .max_age(Duration::from_secs(7 * 24 * 3600))
        .build()?;
    guides::serve(Router::new().route("/", get(visit)).layer(SessionLayer::new(config))).await
}
