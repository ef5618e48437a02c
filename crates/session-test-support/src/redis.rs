//! Redis servers.

mod connection;

use std::collections::BTreeMap;

pub use connection::{RedisConnection, RedisReply};

use crate::server::{ServerProcess, free_port, is_a, new_folder};

/// A `redis-server` on a port of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    /// Its port.
    pub port: u16,
    options: Vec<String>,
    process: ServerProcess,
    password: Option<&'static str>,
}

is_a!(ServerProcess, RedisServer, process);

impl RedisServer {
    /// Starts a server with these options in addition to its port, for instance `&["--maxmemory", "2mb"]`.
    pub fn start(options: &[&str]) -> Self {
        Self::start_on(free_port(), options)
    }

    /// Starts a server on this port.
    pub fn start_on(port: u16, options: &[&str]) -> Self {
        let mut server = Self::new(port, options);
        server.run();
        server
    }

    /// Starts a server that requires this password.
    pub fn start_with_password(password: &'static str, options: &[&str]) -> Self {
        let mut server = Self::new(free_port(), options).with_password(password);
        server.run();
        server
    }

    /// A server that is not running yet.
    pub fn new(port: u16, options: &[&str]) -> Self {
        let options = options.iter().map(ToString::to_string).collect();
        Self { port, options, process: ServerProcess::new(new_folder(), None), password: None }
    }

    /// Makes it require this password. Call it before the server runs.
    #[must_use]
    pub fn with_password(mut self, password: &'static str) -> Self {
        self.options.extend(["--requirepass", password].map(str::to_owned));
        self.password = Some(password);
        self
    }

    /// Starts it, with everything that it has written to its folder before.
    pub fn run(&mut self) {
        let (port, file) = (self.port.to_string(), self.folder().join("server.conf"));
        let mut command = vec!["redis-server"];
        // Sentinels rewrite their configuration, so it must be a file.
        command.extend(file.exists().then_some("server.conf"));
        command.extend(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--loglevel", "notice"]);
        // A new replica is served at once, instead of after 5 seconds in which the server waits for others.
        command.extend(["--repl-diskless-sync-delay", "0"]);
        command.extend(self.options.iter().map(String::as_str));
        // While it reads its files it answers with errors.
        let is_ready = || matches!(try_ask(self.port, self.password, &["PING"]), Some(Ok(_)));
        self.process.start(&command, is_ready);
    }

    /// Writes a configuration file. Call it before the server runs.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.folder().join("server.conf"), text).expect("the folder is there");
    }

    /// Returns its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command over a new connection, and returns the answer.
    pub fn ask(&self, words: &[&str]) -> Vec<String> {
        self.try_ask(words)
            .unwrap_or_else(|| panic!("no answer to {words:?}"))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends a command over a new connection. Returns `None` if the server can't be reached.
    pub fn try_ask(&self, words: &[&str]) -> Option<RedisReply> {
        try_ask(self.port, self.password, words)
    }

    /// Returns how often each command was called since the last [`Self::forget_calls`], including calls by scripts. The
    /// commands of this helper itself are left out.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for line in self.ask(&["INFO", "commandstats"])[0].lines() {
            let Some((name, rest)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls=")) else {
                continue;
            };
            if !matches!(name, "info" | "config|resetstat") {
                let count = rest.split(',').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                calls.insert(name.to_owned(), count);
            }
        }
        calls
    }

    /// Sets the count of all commands to zero.
    pub fn forget_calls(&self) {
        self.ask(&["CONFIG", "RESETSTAT"]);
    }

    /// Returns `true` if it is a replica that follows its primary.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.ask(&["INFO", "replication"])[0].contains("master_link_status:up")
    }

    /// Returns its offset in the stream of writes: of a primary that of its last write, of a replica that of the last
    /// write that has arrived.
    #[must_use]
    pub fn history(&self) -> u64 {
        let facts = self.ask(&["INFO", "replication"]).remove(0);
        let offset = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        offset("slave_repl_offset:").or_else(|| offset("master_repl_offset:")).expect("a server has a history")
    }
}

fn try_ask(port: u16, password: Option<&str>, words: &[&str]) -> Option<RedisReply> {
    let mut connection = RedisConnection::open(port).ok()?;
    if let Some(password) = password {
        connection.ask(&["AUTH", password]).ok()?.ok()?;
    }
    connection.ask(words).ok()
}
