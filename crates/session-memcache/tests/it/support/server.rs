//! A memcached of our own.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::signal::signal;

/// The time that it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running memcached. Ends with this value.
pub(crate) struct Server {
    place: Place,
    arguments: Vec<String>,
    process: Child,
}

#[derive(Clone)]
enum Place {
    Port(u16),
    Socket(PathBuf),
}

impl Server {
    /// On a free port.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// On a free port, with more arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        // Another program may take the port before memcached does.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let place = Place::Port(free.expect("there are free ports").port());
            if let Some(process) = place.start(&arguments) {
                return Self { place, arguments, process };
            }
        }
        panic!("memcached does not start");
    }

    /// On a Unix socket.
    pub(crate) fn on_socket() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("session-memcache-{}-{}.sock", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let place = Place::Socket(std::env::temp_dir().join(name));
        let process = place.start(&[]).expect("memcached does not start on a socket");
        Self { place, arguments: Vec::new(), process }
    }

    pub(crate) fn address(&self) -> String {
        match &self.place {
            Place::Port(port) => format!("127.0.0.1:{port}"),
            Place::Socket(path) => path.display().to_string(),
        }
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it is ours to kill");
        self.process.wait().expect("it ends");
    }

    /// Starts it again where it was, empty.
    pub(crate) fn start_again(&mut self) {
        self.process = self.place.start(&self.arguments).expect("memcached does not start again");
    }

    /// Makes it hang: connections are still accepted by the system, but nothing is answered.
    pub(crate) fn freeze(&self) {
        signal("STOP", self.process.id());
    }

    pub(crate) fn thaw(&self) {
        signal("CONT", self.process.id());
    }

    /// Sends a line as it is, and answers with what comes back.
    pub(crate) fn ask(&self, line: &str) -> String {
        self.place.ask(line).expect("it answers")
    }

    /// Its counters.
    pub(crate) fn stats(&self) -> HashMap<String, u64> {
        let text = self.ask("stats");
        let pairs = text.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
        pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    /// Returns the number of commands on keys that it has carried out. Each was a round trip.
    pub(crate) fn commands(&self) -> u64 {
        let stats = self.stats();
        ["cmd_get", "cmd_set", "cmd_touch", "delete_hits", "delete_misses"].map(|name| stats[name]).iter().sum()
    }
}

impl Place {
    /// Starts memcached here; `None` if it can't be here.
    fn start(&self, arguments: &[String]) -> Option<Child> {
        let mut command = Command::new("memcached");
        // As root, it asks which user to be.
        command.args(["-u", "root"]);
        match self {
            Self::Port(port) => command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0"]),
            Self::Socket(path) => command.arg("-s").arg(path),
        };
        let spawned = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut process = spawned.unwrap_or_else(|error| {
            panic!("memcached can't be started ({error}): `cargo xtask test` installs what the tests need")
        });
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if process.try_wait().expect("it is our child").is_some() {
                return None;
            }
            if self.ask("version").is_ok_and(|answer| answer.starts_with("VERSION")) {
                return Some(process);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        process.kill().expect("it is ours to kill");
        process.wait().expect("it ends");
        panic!("memcached does not answer");
    }

    fn ask(&self, line: &str) -> std::io::Result<String> {
        // It closes the connection after `quit`, so that its answer has an end.
        let request = format!("{line}\r\nquit\r\n");
        let mut answer = String::new();
        match self {
            Self::Port(port) => talk(TcpStream::connect(("127.0.0.1", *port))?, &request, &mut answer)?,
            Self::Socket(path) => talk(UnixStream::connect(path)?, &request, &mut answer)?,
        }
        Ok(answer)
    }
}

fn talk(mut stream: impl Read + Write, request: &str, answer: &mut String) -> std::io::Result<()> {
    stream.write_all(request.as_bytes())?;
    stream.read_to_string(answer)?;
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Place::Socket(path) = &self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}
