//! WebSockets over a real socket: the upgrade has a session, which outlives the response.

use actix_web::web::{self, Payload};
use actix_web::{Error, HttpRequest, HttpResponse, rt};
use actix_ws::{Message, MessageStream};
use futures_util::{SinkExt, StreamExt};
use session_actix::{MemoryBackend, Session, SessionError, SessionMiddleware};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message as ClientMessage;

use crate::server::Server;
use crate::support::config;

async fn upgrade(request: HttpRequest, session: Session, body: Payload) -> Result<HttpResponse, Error> {
    if session.is_empty() {
        session.insert("greeted", true).expect("the response is not sent yet");
    }
    let (response, socket, messages) = actix_ws::handle(&request, body)?;
    rt::spawn(talk(socket, messages, session));
    Ok(response)
}

/// Keeps each message in the session before it is answered with the session's data or the error.
async fn talk(mut socket: actix_ws::Session, mut messages: MessageStream, session: Session) {
    while let Some(Ok(Message::Text(text))) = messages.next().await {
        let answer = match keep(&session, &text).await {
            Ok(()) => session.to_map().into_json(),
            Err(error) => error.to_string(),
        };
        if socket.text(answer).await.is_err() {
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
    let sessions = SessionMiddleware::new(config().backend(MemoryBackend::new()).build().unwrap());
    let server = Server::start(sessions, |routes| {
        routes.route("/ws", web::get().to(upgrade));
    });
    let address = server.address;

    let (mut socket, response) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    let set_cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = set_cookie.split(';').next().unwrap();
    let mut say = async |text: &str| {
        socket.send(ClientMessage::text(text)).await.unwrap();
        socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
    };
    assert_eq!(say("hello").await, r#"{"greeted":true,"last":"hello"}"#);
    assert!(say("renew").await.contains("can't be delivered any more"));

    // Another connection of the same session sees what was saved, and its own upgrade sets no cookie.
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut other, response) = connect_async(request).await.unwrap();
    assert!(!response.headers().contains_key("set-cookie"));
    other.send(ClientMessage::text("again")).await.unwrap();
    let answer = other.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(answer.as_str(), r#"{"greeted":true,"last":"again"}"#);
    assert_eq!(say("bye").await, r#"{"greeted":true,"last":"bye"}"#);
}
