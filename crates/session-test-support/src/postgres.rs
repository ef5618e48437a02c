//! PostgreSQL servers.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{ServerProcess, as_user, free_port, give_to, new_folder_of, remove_folder, run};

/// The user that Debian's package creates. The server refuses root.
const USER: &str = "postgres";

/// A PostgreSQL server on a port of its own, with a data folder of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    /// Its port.
    pub port: u16,
    folder: PathBuf,
    settings: Vec<String>,
    process: Option<ServerProcess>,
}

impl PostgresServer {
    /// Starts a server with these settings in addition to its port, for instance `&["max_connections=10"]`.
    ///
    /// It accepts the user `postgres` without a password. A write that it has acknowledged survives its end, but not a
    /// loss of power.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let mut server = Self::new(settings);
        server.run();
        server
    }

    /// A server that is not running yet.
    #[must_use]
    pub fn new(settings: &[&str]) -> Self {
        let folder = new_folder_of(USER);
        let (initdb, data) = (program("initdb"), folder.join("data").to_string_lossy().into_owned());
        let words = [&*initdb, "-D", &data, "-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"];
        run(&as_user(USER, &words).iter().map(String::as_str).collect::<Vec<_>>());
        Self::in_folder(folder, settings)
    }

    /// Writes a file that only the server can read, and returns its path. Call it before the server runs.
    #[must_use]
    pub fn write_file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name).to_string_lossy().into_owned();
        std::fs::write(&path, text).expect("the folder is there");
        run(&["chmod", "600", &path]);
        give_to(USER, &path);
        path
    }

    /// Adds a setting. Call it before the server runs.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(format!("--{setting}"));
    }

    /// Starts a server that follows this one, as a standby.
    #[must_use]
    pub fn start_standby(&self) -> Self {
        let folder = new_folder_of(USER);
        let (basebackup, data) = (program("pg_basebackup"), folder.join("data").to_string_lossy().into_owned());
        let primary = format!("host=127.0.0.1 port={} user={USER}", self.port);
        let words = [&*basebackup, "-d", &primary, "-D", &data, "--write-recovery-conf", "--no-sync", "-c", "fast"];
        run(&as_user(USER, &words).iter().map(String::as_str).collect::<Vec<_>>());
        let mut standby = Self::in_folder(folder, &[]);
        standby.run();
        standby
    }

    /// Starts a server that follows this one and refuses all connections, as one in recovery does.
    #[must_use]
    pub fn start_in_recovery(&self) -> Self {
        let mut standby = self.start_standby();
        standby.kill();
        standby.set("hot_standby=off");
        // The code 1 means that the server refuses connections, which it also does while it starts or stops.
        standby.run_until(1);
        standby
    }

    fn in_folder(folder: PathBuf, settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| format!("--{setting}")).collect();
        Self { port: free_port(), folder, settings, process: None }
    }

    /// Starts it, with everything that it has written before.
    pub fn run(&mut self) {
        self.run_until(0);
    }

    /// Starts it, and waits until `pg_isready` ends with this code.
    fn run_until(&mut self, code: i32) {
        let (postgres, port) = (program("postgres"), format!("--port={}", self.port));
        let data = format!("-D{}", self.folder.join("data").display());
        let mut words = vec![&*postgres, &data, &port, "--listen_addresses=127.0.0.1", "--unix_socket_directories="];
        words.push("--fsync=off");
        words.extend(self.settings.iter().map(String::as_str));
        let words = as_user(USER, &words);
        let (pg_isready, port) = (program("pg_isready"), self.port.to_string());
        let is_ready = || {
            let status = Command::new(&pg_isready).args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            status.is_ok_and(|status| status.code() == Some(code))
        };
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.process = Some(ServerProcess::start(&words, &self.folder, is_ready));
    }

    /// Makes a standby a primary.
    pub fn promote(&self) {
        let (pg_ctl, data) = (program("pg_ctl"), self.folder.join("data").to_string_lossy().into_owned());
        let words = as_user(USER, &[&*pg_ctl, "promote", "-w", "-D", &data]);
        run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Returns the URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops all of its processes. Its connections stay open.
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
        self.process.take().expect("the server runs").stop("INT");
    }

    fn process(&self) -> &ServerProcess {
        self.process.as_ref().expect("the server runs")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
        remove_folder(&self.folder);
    }
}

/// Finds a program of the server. Debian keeps those of each version in a folder.
fn program(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}
