//! Server-sent events that follow the changes of the session, and end with it.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream};
use session_tower::{MemoryBackend, Session, SessionConfigBuilder, SessionHandle, SessionLayer, SessionRejection};

async fn events(session: Session) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(session, |session| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The stream ends after a logout. The browser then connects again, without a session.
        session.reload().await.ok()?;
        let items: u64 = session.get("items").ok()??;
        Some((Ok(Event::default().data(items.to_string())), session))
    }))
}

async fn add(session: Session) -> Result<(), SessionRejection> {
    session.update("items", |items: Option<u64>| items.unwrap_or(0) + 1)?;
    Ok(())
}

async fn logout(session: SessionHandle) {
    session.sign_out();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new()
        .route("/events", get(events))
        .route("/add", post(add))
        .route("/logout", post(logout))
        .layer(SessionLayer::new(config));
    guides::serve(app).await
}
