//! The servers of databases.

use std::path::{Path, PathBuf};

use crate::server::{ServerProcess, as_user, free_port, remove_folder, with_clock};

/// A database server on a port of its own, with a data folder of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct DatabaseServer {
    /// Its port.
    pub port: u16,
    pub(crate) folder: PathBuf,
    url: String,
    user: &'static str,
    command: Vec<String>,
    /// Tells whether the server of a port is ready.
    pub(crate) is_ready: fn(u16) -> bool,
    /// The signal that shuts it down.
    signal: &'static str,
    process: Option<ServerProcess>,
}

impl DatabaseServer {
    /// A server that is not running yet. Its command is run by this user, with its port and the settings.
    ///
    /// The URL is that of its database, with `PORT` in place of the port.
    pub(crate) fn new(
        user: &'static str,
        folder: &Path,
        url: &str,
        command: &[&str],
        is_ready: fn(u16) -> bool,
        signal: &'static str,
    ) -> Self {
        let port = free_port();
        let port_setting = format!("--port={port}");
        let command = command.iter().chain([&&*port_setting]).map(ToString::to_string).collect();
        let url = url.replace("PORT", &port.to_string());
        Self { port, folder: folder.to_owned(), url, user, command, is_ready, signal, process: None }
    }

    /// Adds a setting, for instance `max_connections=10`. Call it before the server runs.
    pub fn set(&mut self, setting: &str) {
        self.command.push(format!("--{setting}"));
    }

    /// Sets its clock this many seconds ahead, or behind. Call it before the server runs. MariaDB does not start then.
    pub fn set_clock(&mut self, seconds_ahead: i64) {
        self.command.splice(0..0, with_clock(seconds_ahead));
    }

    /// Starts it, with everything that it has written before.
    pub fn run(&mut self) {
        let words = as_user(self.user, &self.command.iter().map(String::as_str).collect::<Vec<_>>());
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.process = Some(ServerProcess::start(&words, &self.folder, || (self.is_ready)(self.port)));
    }

    /// Returns the URL of its database, which is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Stops all of its threads and processes. Its connections stay open.
    pub fn pause(&self) {
        self.process().pause();
    }

    /// Lets it continue after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process().resume();
    }

    /// Makes it run, no matter how a failed test has left it.
    pub fn restore(&mut self) {
        match &self.process {
            Some(process) => process.resume(),
            None => self.run(),
        }
    }

    /// Kills it; [`Self::run`] starts it again.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Shuts it down, which ends all connections; [`Self::run`] starts it again.
    pub fn shut_down(&mut self) {
        self.process.take().expect("the server runs").stop(self.signal);
    }

    fn process(&self) -> &ServerProcess {
        self.process.as_ref().expect("the server runs")
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.kill();
        remove_folder(&self.folder);
    }
}

/// Lets a server be used as the [`DatabaseServer`] that it is.
macro_rules! is_database_server {
    ($server:ty) => {
        impl std::ops::Deref for $server {
            type Target = DatabaseServer;

            fn deref(&self) -> &DatabaseServer {
                &self.0
            }
        }

        impl std::ops::DerefMut for $server {
            fn deref_mut(&mut self) -> &mut DatabaseServer {
                &mut self.0
            }
        }
    };
}
pub(crate) use is_database_server;
