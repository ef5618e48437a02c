//! A server on a free port, and a client that speaks to it over its socket.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use session_actix::SessionMiddleware;
use session_testkit::scenarios::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server with two threads, as long as it is not dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(crate) fn start(sessions: SessionMiddleware, routes: fn(&mut ServiceConfig)) -> Self {
        let server = HttpServer::new(move || App::new().configure(routes).wrap(sessions.clone()));
        let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    pub(crate) async fn request(&self, path: &str, cookie: &str) -> Response {
        let mut socket = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\nCookie: {cookie}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("received");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Response::new(status, head.lines().filter_map(|line| line.split_once(": ")), body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The request to stop is sent by the call; the future only waits for the end.
        drop(self.handle.stop(false));
    }
}

/// `name=value` of the cookie that a response sets.
pub(crate) fn cookie(response: &Response) -> Option<String> {
    response.values("set-cookie").next()?.split(';').next().map(str::to_owned)
}
