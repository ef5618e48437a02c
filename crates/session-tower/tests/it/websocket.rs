//! WebSockets over a real socket: the upgrade has a session, which outlives the response.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use http::header::{COOKIE, SET_COOKIE};
use session_tower::{MemoryBackend, Session, SessionError, SessionLayer};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message as ClientMessage;

use crate::support::config;

async fn upgrade(session: Session, upgrade: WebSocketUpgrade) -> Response {
    if session.is_empty() {
        session.insert("greeted", true).expect("the response is not sent yet");
    }
    upgrade.on_upgrade(move |socket| talk(socket, session))
}

/// Keeps each message in the session before it is answered with the session's data or the error.
async fn talk(mut socket: WebSocket, session: Session) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let answer = match keep(&session, &text).await {
            Ok(()) => session.to_map().into_json(),
            Err(error) => error.to_string(),
        };
        if socket.send(Message::text(answer)).await.is_err() {
            return;
        }
    }
}

async fn keep(session: &Session, text: &str) -> Result<(), SessionError> {
    if text == "renew" {
        return session.renew();
    }
    session.insert("last", text)?;
    session.save().await
}

#[tokio::test]
async fn a_websocket_sees_its_session_and_saves_it_later() {
    let layer = SessionLayer::new(config().backend(MemoryBackend::new()).build().unwrap());
    let app = Router::new()
        .route("/ws", get(upgrade))
        .route("/read", get(|session: Session| async move { session.to_map().into_json() }))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    let (mut socket, response) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    let set_cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let cookie = set_cookie.split(';').next().unwrap();
    let mut say = async |text: &str| {
        socket.send(ClientMessage::text(text)).await.unwrap();
        socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
    };
    assert_eq!(say("hello").await, r#"{"greeted":true,"last":"hello"}"#);
    assert!(say("renew").await.contains("can't be delivered any more"));

    // Another connection of the same session sees what was saved, and its own upgrade sets no cookie.
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    let (mut other, response) = connect_async(request).await.unwrap();
    assert!(!response.headers().contains_key(SET_COOKIE));
    other.send(ClientMessage::text("again")).await.unwrap();
    let answer = other.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(answer.as_str(), r#"{"greeted":true,"last":"again"}"#);
    assert_eq!(say("bye").await, r#"{"greeted":true,"last":"bye"}"#);
    server.abort();
}
