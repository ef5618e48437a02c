//! A Redis server to measure with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The variable by which subjects find it.
pub const URL: &str = "SESSION_BENCH_REDIS";

/// What the variable says.
///
/// # Errors
///
/// If it is not set.
pub fn url() -> Result<String> {
    std::env::var(URL).with_context(|| format!("{URL} names no server"))
}

/// A `redis-server` on a port of its own, which ends when this is dropped or when this process ends in whatever way.
#[derive(Debug)]
pub struct Redis {
    /// A shell that kills the server as soon as its standard input ends.
    guard: Child,
    port: u16,
}

impl Redis {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let guard = Command::new("sh")
            .args(["-c", r#""$@" >/dev/null & read -r _; kill -9 $! 2>/dev/null"#, "sh", "redis-server"])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        let redis = Self { guard, port };
        let start = Instant::now();
        while redis.ask("PING").is_err() {
            ensure!(start.elapsed() < Duration::from_secs(10), "redis-server does not answer: is it installed?");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(redis)
    }

    /// Its address, as clients want it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command, of words without spaces, and returns what is answered: the text, without its frame.
    ///
    /// # Errors
    ///
    /// If it can't be reached.
    pub fn ask(&self, command: &str) -> Result<String> {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port))?);
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some(length) = line.strip_prefix('$') else { return Ok(line) };
        let mut text = vec![0; length.trim_end().parse()?];
        stream.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
