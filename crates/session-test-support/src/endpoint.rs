//! A TCP endpoint that leads to a server, as a load balancer or a DNS name does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Passes bytes on to the server of a port and back.
#[derive(Debug)]
pub struct Endpoint {
    port: u16,
    server: Arc<AtomicU16>,
    millis: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Endpoint {
    /// Makes an endpoint that leads to the server on this port.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let own_port = listener.local_addr().expect("it is bound").port();
        let endpoint =
            Self { port: own_port, server: Arc::new(port.into()), millis: Arc::default(), requests: Arc::default() };
        let (server, millis) = (endpoint.server.clone(), endpoint.millis.clone());
        let requests = endpoint.requests.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let server = ("127.0.0.1", server.load(Ordering::Relaxed));
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                let (Ok(questions), Ok(answers)) = (client.try_clone(), server.try_clone()) else { return };
                let (millis, requests) = (millis.clone(), requests.clone());
                let count = move || {
                    requests.fetch_add(1, Ordering::Relaxed);
                    0
                };
                thread::spawn(move || pass_on(questions, server, count));
                thread::spawn(move || pass_on(answers, client, || millis.load(Ordering::Relaxed)));
            }
        });
        endpoint
    }

    /// Returns its own port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Delays each answer by this time from now on.
    pub fn delay(&self, time: Duration) {
        self.millis.store(u64::try_from(time.as_millis()).expect("it is no age"), Ordering::Relaxed);
    }

    /// Returns the number of times that clients have sent something, each of up to 4 kB. For a client that waits for every
    /// reply, these are its round trips.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Leads new connections to the server on another port. Open connections stay as they are.
    pub fn switch_to(&self, port: u16) {
        self.server.store(port, Ordering::Relaxed);
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
    let _closed = to.shutdown(std::net::Shutdown::Both);
}
