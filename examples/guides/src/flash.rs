//! Messages that the next page shows once.

use axum::{
    Router,
    response::Redirect,
    routing::{get, post},
};
use session_tower::{FlashLevel, MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn save(session: Session) -> Result<Redirect, SessionRejection> {
    session.flash(FlashLevel::Success, "Saved.")?;
    session.flash(FlashLevel::Warning, "Your disk is almost full.")?;
    Ok(Redirect::to("/"))
}

async fn page(session: Session) -> Result<String, SessionRejection> {
    let messages = session.take_flashes()?;
    Ok(messages.iter().map(|message| format!("{}: {}\n", message.level, message.text)).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new().route("/", get(page)).route("/save", post(save)).layer(SessionLayer::new(config));
    guides::serve(app).await
}
