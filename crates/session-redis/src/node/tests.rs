//! Deadlines, with a server that keeps its clients waiting.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use fred::bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::command::Word;
use crate::script::REPLACE;
use crate::servers::Servers;
use crate::url::Target;

const TIMEOUT: Duration = Duration::from_secs(1);

/// Starts a server that lets clients wait for a connection and for the reply to EVALSHA. It answers neither ASKING nor
/// EVAL.
fn listen(connection: Duration, script: Duration) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client, connection, script));
        }
    });
    url
}

fn serve(mut client: TcpStream, connection: Duration, script: Duration) {
    thread::sleep(connection);
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = client.read(&mut bytes) {
        let asked = String::from_utf8_lossy(&bytes[..len]);
        let reply = match () {
            () if asked.contains("EVALSHA") => {
                thread::sleep(script);
                b"-NOSCRIPT No matching script.\r\n".to_vec()
            }
            () if asked.contains("EVAL") || asked.contains("ASKING") => continue,
            () => b"+OK\r\n".repeat(asked.matches('*').count()),
        };
        if client.write_all(&reply).is_err() {
            return;
        }
    }
}

fn client(url: &str) -> Arc<Node> {
    let config = Target::parse(url).unwrap().config;
    Node::new(Settings { config, timeout: CallTimeout::new(Some(TIMEOUT)), breaker_threshold: 5 })
}

#[tokio::test]
async fn a_script_that_is_sent_again_as_text_has_the_rest_of_the_timeout() {
    let node = client(&listen(Duration::ZERO, TIMEOUT * 3 / 4));
    node.call(PING, node.deadline(), false).await.unwrap();
    let servers = Servers::Node { node, clustered: false };
    let start = Instant::now();
    let outcome = servers.run(&REPLACE, &[Bytes::from_static(b"a")], &[Word::Fixed("b")]).await;
    assert!(outcome.is_err_and(|failure| failure.may_be_applied()), "it was sent");
    assert!((TIMEOUT..TIMEOUT * 5 / 4).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_call_that_has_waited_for_a_connection_has_the_rest_of_the_timeout() {
    for asking in [false, true] {
        let node = client(&listen(TIMEOUT * 3 / 4, Duration::ZERO));
        let start = Instant::now();
        let outcome = node.call(Command::Plain("EVAL"), node.deadline(), asking).await;
        assert!(outcome.unwrap_err().may_be_applied(), "it was sent");
        assert!(start.elapsed() < TIMEOUT * 5 / 4, "{:?}", start.elapsed());
    }
}
