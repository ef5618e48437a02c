//! A way to a server on which answers take their time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::Server;

/// Passes on what goes to and from a server, at first at once.
pub(crate) struct SlowWay {
    port: u16,
    millis: Arc<AtomicU64>,
}

impl SlowWay {
    pub(crate) fn to(server: &Server) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let way = Self { port: listener.local_addr().expect("it is bound").port(), millis: Arc::default() };
        let (server, millis) = (server.port, way.millis.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
                let (Ok(questions), Ok(answers)) = (client.try_clone(), server.try_clone()) else { return };
                let millis = millis.clone();
                thread::spawn(move || pass_on(questions, server, || 0));
                thread::spawn(move || pass_on(answers, client, || millis.load(Ordering::Relaxed)));
            }
        });
        way
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How long each answer takes from now on.
    pub(crate) fn delay(&self, time: Duration) {
        self.millis.store(u64::try_from(time.as_millis()).expect("it is no age"), Ordering::Relaxed);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: impl Fn() -> u64) {
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        thread::sleep(Duration::from_millis(delay()));
        if to.write_all(&bytes[..len]).is_err() {
            return;
        }
    }
}
