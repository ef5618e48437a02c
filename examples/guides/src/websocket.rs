//! A WebSocket that stores its changes, and ends with its session.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, response::IntoResponse};
use session_tower::{
    MemoryBackend, Session, SessionConfigBuilder, SessionError, SessionHandle, SessionLayer, SessionRejection,
};

async fn chat(session: Session, upgrade: WebSocketUpgrade) -> Result<Response, SessionRejection> {
    // The response to the upgrade is the last one that can carry a cookie: a visitor's session begins here.
    if session.is_empty() {
        session.insert("messages", 0)?;
    }
    Ok(upgrade.on_upgrade(|mut socket| async move {
        if let Err(error) = talk(&mut socket, &session).await {
            let _ = socket.send(Message::text(error.to_string())).await;
        }
    }))
}

async fn talk(socket: &mut WebSocket, session: &Session) -> Result<(), SessionError> {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        // Fails with `Gone` if the user has signed out in another tab.
        session.reload().await?;
        let count = session.update("messages", |count: Option<u64>| count.unwrap_or(0) + 1)?;
        session.save().await?;
        if socket.send(Message::text(format!("message {count}: {text}"))).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn logout(session: SessionHandle) -> impl IntoResponse {
    session.sign_out();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new().route("/chat", get(chat)).route("/logout", post(logout)).layer(SessionLayer::new(config));
    guides::serve(app).await
}
