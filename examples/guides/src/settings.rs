//! Settings from TOML, and from the environment: `APP_SESSION_MAX_AGE=1h cargo run -p guides --bin settings`.

use axum::{Router, routing::get};
use serde::Deserialize;
use session_tower::{MemoryBackend, Session, SessionLayer, SessionRejection, SessionSettings};

#[derive(Deserialize)]
struct Settings {
    session: SessionSettings,
}

/// In a service, a file that is read when it starts.
const FILE: &str = r#"
[session]
preset = "development"
cookie_name = "shop"
max_age = "7d"
same_site = "strict"
"#;

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings: Settings = toml::from_str(FILE)?;
    let settings = settings.session.with_env("APP_SESSION_");
    let config = settings.into_builder()?.backend(MemoryBackend::new()).build()?;
    guides::serve(Router::new().route("/", get(visit)).layer(SessionLayer::new(config))).await
}
