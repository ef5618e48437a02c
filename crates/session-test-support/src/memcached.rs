//! memcached servers.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::server::{ServerProcess, free_port, is_a, new_folder};

/// A memcached server for one test. It is killed when this is dropped.
#[derive(Debug)]
pub struct MemcachedServer {
    place: Place,
    arguments: Vec<String>,
    process: ServerProcess,
}

is_a!(ServerProcess, MemcachedServer, process);

#[derive(Clone, Debug)]
enum Place {
    Port(u16),
    Socket(PathBuf),
}

impl MemcachedServer {
    /// Starts a server on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server on a free port, with more arguments.
    #[must_use]
    pub fn with(arguments: &[&str]) -> Self {
        Self::start_at(Place::Port(free_port()), arguments, new_folder())
    }

    /// Starts a server on a Unix socket.
    #[must_use]
    pub fn on_socket() -> Self {
        let folder = new_folder();
        Self::start_at(Place::Socket(folder.join("memcached.sock")), &[], folder)
    }

    fn start_at(place: Place, arguments: &[&str], folder: PathBuf) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Self { place, arguments, process: ServerProcess::new(folder, None) };
        server.start_again();
        server
    }

    /// Returns its address, as a configuration takes it.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.place {
            Place::Port(port) => format!("127.0.0.1:{port}"),
            Place::Socket(path) => path.display().to_string(),
        }
    }

    /// Starts it again at the same address, empty.
    pub fn start_again(&mut self) {
        let address = match &self.place {
            Place::Port(port) => ["-l", "127.0.0.1", "-U", "0", "-p"]
                .map(str::to_owned)
                .into_iter()
                .chain([port.to_string()])
                .collect::<Vec<_>>(),
            Place::Socket(path) => vec!["-s".to_owned(), path.display().to_string()],
        };
        // As root, it needs the name of a user.
        let command: Vec<_> = ["memcached", "-vv", "-u", "root"]
            .into_iter()
            .chain(address.iter().map(String::as_str))
            .chain(self.arguments.iter().map(String::as_str))
            .collect();
        let is_ready = || self.place.ask("version").is_ok_and(|answer| answer.starts_with("VERSION"));
        self.process.start(&command, is_ready);
    }

    /// Sends a line as it is, and returns the answer.
    pub fn ask(&self, line: &str) -> String {
        self.place.ask(line).expect("it answers")
    }

    /// Returns its counters.
    #[must_use]
    pub fn stats(&self) -> HashMap<String, u64> {
        let text = self.ask("stats");
        let pairs = text.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
        pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    /// Returns the number of meta commands on keys that it has received. Each was a round trip.
    ///
    /// The number comes from the log, because the counters leave out an `ma` that creates an item.
    #[must_use]
    pub fn commands(&self) -> usize {
        let log = std::fs::read_to_string(self.folder().join("server.log")).expect("it writes a log");
        let commands = log.lines().filter_map(|line| line.strip_prefix('<')?.split(' ').nth(1));
        commands.filter(|name| ["ma", "md", "mg", "ms"].contains(name)).count()
    }
}

impl Place {
    fn ask(&self, line: &str) -> std::io::Result<String> {
        match self {
            Self::Port(port) => talk(TcpStream::connect(("127.0.0.1", *port))?, line),
            Self::Socket(path) => talk(UnixStream::connect(path)?, line),
        }
    }
}

fn talk(mut stream: impl Read + Write, line: &str) -> std::io::Result<String> {
    // The server closes the connection after `quit`, which ends the answer.
    stream.write_all(format!("{line}\r\nquit\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
