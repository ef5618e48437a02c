//! The servers of the measurements.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The variable by which subjects find Redis: a URL.
pub const REDIS: &str = "SESSION_BENCH_REDIS";

/// The variable by which subjects find memcached: host and port.
pub const MEMCACHED: &str = "SESSION_BENCH_MEMCACHED";

/// Reads the address in one of the variables.
///
/// # Errors
///
/// Returns an error if the variable is not set.
pub fn address(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| format!("{variable} names no server"))
}

/// One server of each kind.
#[derive(Debug)]
pub struct Servers {
    redis: Server,
    memcached: Server,
}

impl Servers {
    /// Starts the servers.
    ///
    /// # Errors
    ///
    /// Returns an error if a server does not answer.
    pub fn start() -> Result<Self> {
        Ok(Self { redis: Server::redis()?, memcached: Server::memcached()? })
    }

    /// Returns the variables by which subjects find the servers.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![(REDIS, format!("redis://{}", self.redis.address())), (MEMCACHED, self.memcached.address())]
    }

    /// Returns the round trips so far, by the servers' own statistics. Redis counts reads from clients, which equal
    /// round trips if the client waits for every reply. Memcached counts commands on keys. This call is counted too.
    ///
    /// # Errors
    ///
    /// Returns an error if a server does not answer.
    pub fn round_trips(&self) -> Result<u64> {
        let commands = ["cmd_get ", "cmd_set ", "cmd_touch ", "delete_hits ", "delete_misses "];
        let redis = self.redis.statistic("INFO stats", "total_reads_processed:", &[""])?;
        Ok(redis + self.memcached.statistic("stats", "STAT ", &commands)?)
    }
}

/// A server on its own port. It ends when this value is dropped, and whenever this process ends.
#[derive(Debug)]
struct Server {
    /// A shell that kills the server as soon as its standard input closes.
    guard: Child,
    port: u16,
}

impl Server {
    fn redis() -> Result<Self> {
        let port = free_port()?;
        let options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        Self::start(port, &[&["redis-server", "--port", &port.to_string()], &options[..]].concat())
    }

    fn memcached() -> Result<Self> {
        let port = free_port()?;
        // Run as root, memcached requires a user name.
        Self::start(port, &["memcached", "-l", "127.0.0.1", "-u", "root", "-p", &port.to_string()])
    }

    /// Starts the server, and waits until it listens.
    fn start(port: u16, command: &[&str]) -> Result<Self> {
        let guard = Command::new("sh")
            .args(["-c", r#""$@" >/dev/null & read -r _; kill -9 $! 2>/dev/null"#, "sh"])
            .args(command)
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        let server = Self { guard, port };
        let start = Instant::now();
        while server.connect().is_err() {
            ensure!(start.elapsed() < Duration::from_secs(10), "{} does not answer: is it installed?", command[0]);
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Returns host and port.
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the sum of the statistics with these names, in lines that start with `beginning`.
    fn statistic(&self, command: &str, beginning: &str, names: &[&str]) -> Result<u64> {
        let mut stream = BufReader::new(self.connect()?);
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let (mut sum, mut found, mut line) = (0, 0, String::new());
        while found < names.len() {
            line.clear();
            if stream.read_line(&mut line)? == 0 || line == "END\r\n" {
                bail!("`{command}` does not tell {beginning}{names:?}");
            }
            let Some(statistic) = line.strip_prefix(beginning) else { continue };
            if let Some(number) = names.iter().find_map(|name| statistic.strip_prefix(name)) {
                sum += number.trim().parse::<u64>()?;
                found += 1;
            }
        }
        Ok(sum)
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
