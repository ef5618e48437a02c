//! Two sessions: a cart in its cookie for all visitors, and a login of administrators in a store.

use axum::Router;
use axum::routing::{get, post};
use session_tower::{MemoryBackend, SessionConfig, SessionHandle, SessionLayer, SessionRejection};

async fn buy(session: SessionHandle) -> Result<String, SessionRejection> {
    let cart = session.named("cart")?.load().await?;
    let items = cart.update("items", |items: Option<u32>| items.unwrap_or(0) + 1)?;
    Ok(format!("{items} items\n"))
}

async fn login(session: SessionHandle) -> Result<(), SessionRejection> {
    session.named("admin")?.load().await?.sign_in("root")?;
    Ok(())
}

async fn dashboard(session: SessionHandle) -> Result<String, SessionRejection> {
    let admin = session.named("admin")?.load().await?;
    Ok(format!("{:?}\n", admin.user::<String>()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = "a secret for this example: use one of your own";
    // A salt of its own for each, so that the cookie of one is worthless as the cookie of the other.
    let cart = SessionConfig::builder(secret, "cart").salt("cart").build()?;
    let admin = SessionConfig::builder(secret, "admin").salt("admin").backend(MemoryBackend::new()).build()?;
    let app = Router::new()
        .route("/buy", post(buy))
        .route("/login", post(login))
        .route("/dashboard", get(dashboard))
        .layer(SessionLayer::new(cart))
        .layer(SessionLayer::new(admin));
    guides::serve(app).await
}
