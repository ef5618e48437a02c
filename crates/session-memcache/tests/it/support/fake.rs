//! A server with scripted replies, which records the commands that it gets.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens on a free port. Each connection, in order, is served with one of the scripts; the last one is for all further
/// connections. A script says what is answered to each command; when it is at its end, the connection is closed.
pub(crate) struct Fake {
    address: String,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Fake {
    pub(crate) async fn start(scripts: &[&[&str]]) -> Self {
        let owned = |script: &&[&str]| script.iter().map(|&answer| answer.to_owned()).collect::<Vec<_>>();
        let scripts: Vec<_> = scripts.iter().map(owned).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = received.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                log.lock().expect("no test panics with it").push(Vec::new());
                let script = scripts.get(number).or(scripts.last()).cloned().unwrap_or_default();
                tokio::spawn(serve(stream, script, number, log.clone()));
            }
        });
        Self { address, received }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the bytes that each connection has sent until now.
    pub(crate) fn received(&self) -> Vec<String> {
        let received = self.received.lock().expect("no test panics with it");
        received.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

async fn serve(mut stream: TcpStream, script: Vec<String>, number: usize, log: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut buffer = [0; 4096];
    let mut answers = script.iter();
    loop {
        let Ok(length @ 1..) = stream.read(&mut buffer).await else { return };
        log.lock().expect("no test panics with it")[number].extend(&buffer[..length]);
        let Some(answer) = answers.next() else { return };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
