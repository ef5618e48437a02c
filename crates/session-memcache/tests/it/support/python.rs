//! A service with the real starlette-session.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use session_test_support::Process;

use super::{Browser, SECRET, Server};

/// A running service whose sessions are in memcached. Ends with this value.
pub(crate) struct Python {
    _process: Process,
    address: String,
}

impl Python {
    pub(crate) fn start(memcached: &Server) -> Self {
        let python = std::env::var_os("SESSION_PYTHON")
            .expect("SESSION_PYTHON is not set: `cargo xtask test` installs what the tests need");
        let mut process = Process::start(
            Command::new(python)
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/python/peer.py"))
                .args(["serve", "--app", "starlette-session", "--secret", SECRET, "--cookie-name", "id"])
                .args(["--memcache", &memcached.address()]),
        );
        Self { address: process.read_after("listening http://"), _process: process }
    }

    /// Makes a request of this browser, which takes the cookie. Answers with the body.
    pub(crate) fn request(&self, browser: &mut Browser, method: &str, path: &str, body: &str) -> String {
        let cookie = if browser.has_cookie() { format!("Cookie: {}\r\n", browser.header()) } else { String::new() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        for line in head.lines() {
            if let Some(set_cookie) = line.strip_prefix("set-cookie: ") {
                browser.set(set_cookie);
            }
        }
        body.to_owned()
    }
}
