//! A page that tells why the session is empty.

use axum::{Router, routing::get};
use session_tower::{MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn why(session: Session) -> String {
    match session.absence() {
        Some(absence) => format!("no session: {absence}\n"),
        None => "a session\n".to_owned(),
    }
}

async fn begin(session: Session) -> Result<(), SessionRejection> {
    Ok(session.insert("begun", true)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The log tells the reason, too, at level `debug`.
    tracing_subscriber::fmt().with_env_filter("warn,session_core=debug").with_writer(std::io::stderr).init();
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new().route("/", get(why).post(begin)).layer(SessionLayer::new(config));
    guides::serve(app).await
}
