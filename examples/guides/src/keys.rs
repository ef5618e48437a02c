//! A change of the secret that logs no user out: the new one signs, and the old one still verifies.

use axum::{Router, routing::get};
use session_tower::{MemoryBackend, Session, SessionConfig, SessionLayer, SessionRejection};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let old = "the old secret of this example: 0123456789";
    let new = "the new secret of this example: 9876543210";
    let sessions = MemoryBackend::new();
    // Each nested router stands for one deployment: before the change, its first, its second and its last step.
    let deployment = |signing: &str, verifying: Option<&str>| {
        let mut config = SessionConfig::builder(signing, "session").backend(sessions.clone());
        if let Some(secret) = verifying {
            config = config.verify_key(secret);
        }
        let layer = SessionLayer::new(config.build()?);
        Ok::<_, session_tower::ConfigError>(Router::new().route("/", get(visit)).layer(layer))
    };
    let app = Router::new()
        .nest("/0", deployment(old, None)?)
        .nest("/1", deployment(old, Some(new))?)
        .nest("/2", deployment(new, Some(old))?)
        .nest("/3", deployment(new, None)?);
    guides::serve(app).await
}
