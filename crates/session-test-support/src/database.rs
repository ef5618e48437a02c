//! The servers of databases.

use std::path::PathBuf;

use crate::server::{ServerProcess, free_port, is_a};

/// A database server on a port of its own, with a data folder of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct DatabaseServer {
    /// Its port.
    pub port: u16,
    process: ServerProcess,
    url: String,
    command: Vec<String>,
    /// Tells whether the server of a port is ready.
    pub(crate) is_ready: fn(u16) -> bool,
    /// The signal that shuts it down.
    signal: &'static str,
}

is_a!(ServerProcess, DatabaseServer, process);

impl DatabaseServer {
    /// A server that is not running yet. Its command is run by this user, with its port and the settings.
    ///
    /// The URL is that of its database, with `PORT` in place of the port.
    pub(crate) fn new(
        user: &'static str,
        folder: PathBuf,
        url: &str,
        command: &[&str],
        is_ready: fn(u16) -> bool,
        signal: &'static str,
    ) -> Self {
        let port = free_port();
        let port_setting = format!("--port={port}");
        let command = command.iter().chain([&&*port_setting]).map(ToString::to_string).collect();
        let url = url.replace("PORT", &port.to_string());
        Self { port, process: ServerProcess::new(folder, Some(user)), url, command, is_ready, signal }
    }

    /// Adds a setting, for instance `max_connections=10`. Call it before the server runs.
    pub fn set(&mut self, setting: &str) {
        self.command.push(format!("--{setting}"));
    }

    /// Starts it, with everything that it has written before.
    pub fn run(&mut self) {
        let words: Vec<_> = self.command.iter().map(String::as_str).collect();
        self.process.start(&words, || (self.is_ready)(self.port));
    }

    /// Returns the URL of its database, which is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Makes it run, no matter how a failed test has left it.
    pub fn restore(&mut self) {
        if self.is_running() {
            self.resume();
        } else {
            self.run();
        }
    }

    /// Shuts it down, which ends all connections; [`Self::run`] starts it again.
    pub fn shut_down(&mut self) {
        self.process.stop(self.signal);
    }
}
