//! The place of the sessions, chosen when the service starts: `STORE=redis://localhost cargo run -p guides --bin stores`.

use axum::{Router, routing::get};
use session_memcache::MemcacheBackend;
use session_redis::RedisBackend;
use session_sql::SqlBackend;
use session_tower::session_core::Backend;
use session_tower::{MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}\n"))
}

/// Returns the store of a URL, or `None` for sessions in the cookie.
async fn store(url: &str) -> Result<Option<Backend>, Box<dyn std::error::Error>> {
    Ok(Some(match url.split(':').next() {
        Some("cookie") => return Ok(None),
        Some("memory") => MemoryBackend::new().into(),
        Some("redis" | "rediss") => RedisBackend::connect(url)?.into(),
        Some("memcached") => MemcacheBackend::new(url.trim_start_matches("memcached:").split(','))?.into(),
        _ => {
            let database = SqlBackend::connect(url)?;
            database.create_table().await?;
            database.into()
        }
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
    let mut config = SessionConfigBuilder::development("session");
    if let Some(store) = store(&url).await? {
        config = config.backend(store);
    }
    let app = Router::new().route("/", get(visit)).layer(SessionLayer::new(config.build()?));
    guides::serve(app).await
}
