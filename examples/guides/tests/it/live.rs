//! The programs whose connections outlive their response head.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::client::start;

#[tokio::test]
async fn a_websocket_counts_for_a_visitor_until_the_logout() {
    let program = start!("websocket");
    let url = format!("{}/chat", program.url.replace("http", "ws"));
    let (mut socket, response) = connect_async(&url).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut say = async |text: &str| {
        socket.send(Message::text(text)).await.unwrap();
        socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
    };
    assert_eq!(say("hello").await, "message 1: hello");
    assert_eq!(say("again").await, "message 2: again");

    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut second, response) = connect_async(request).await.unwrap();
    assert!(!response.headers().contains_key("set-cookie"), "{response:?}");
    second.send(Message::text("hi")).await.unwrap();
    assert_eq!(second.next().await.unwrap().unwrap().into_text().unwrap(), "message 3: hi");

    let logout = reqwest::Client::new().post(format!("{}/logout", program.url)).header("cookie", cookie);
    assert_eq!(logout.send().await.unwrap().status(), 200);
    assert_eq!(say("still there?").await, "the session is gone, its changes could not be kept");
}

#[tokio::test]
async fn events_follow_the_session_and_end_with_it() {
    let program = start!("events");
    let browser = program.browser();
    let followed = async {
        browser.post("/add", &[]).await;
        let mut events = browser.fetch("/events").await;
        let mut next = async || events.chunk().await.unwrap().map(|chunk| String::from_utf8(chunk.to_vec()).unwrap());
        assert_eq!(next().await.as_deref(), Some("data: 1\n\n"));
        browser.post("/add", &[]).await;
        while next().await.unwrap() != "data: 2\n\n" {}
        browser.post("/logout", &[]).await;
        while next().await.is_some() {}
    };
    tokio::time::timeout(Duration::from_secs(20), followed).await.expect("the events follow the session");
}
