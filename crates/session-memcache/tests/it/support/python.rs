//! A service with the real starlette-session.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Browser, SECRET, Server};

/// A running service whose sessions are in memcached. Ends with this value.
pub(crate) struct Python {
    process: Child,
    address: String,
}

impl Python {
    pub(crate) fn start(memcached: &Server) -> Self {
        let python = std::env::var_os("SESSION_PYTHON")
            .expect("SESSION_PYTHON is not set: `cargo xtask test` installs what the tests need");
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/python/peer.py"))
            .args(["serve", "--app", "starlette-session", "--secret", SECRET, "--cookie-name", "id"])
            .args(["--memcache", &memcached.address()])
            // It ends when its stdin is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("SESSION_PYTHON is a Python interpreter");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it is text");
        let address = line.trim().strip_prefix("listening http://").expect("it listens").to_owned();
        Self { process, address }
    }

    /// Makes a request of this browser, which takes the cookie. Answers with the body.
    pub(crate) fn request(&self, browser: &mut Browser, method: &str, path: &str, body: &str) -> String {
        let cookie = browser.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
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

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
