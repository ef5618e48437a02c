//! PostgreSQL servers.

use std::path::PathBuf;
use std::process::Command;

use crate::database::DatabaseServer;
use crate::server::{as_user, give_to, is_a, new_folder_of, run};

/// The user that Debian's package creates. The server refuses root.
const USER: &str = "postgres";

/// A PostgreSQL server.
#[derive(Debug)]
pub struct PostgresServer(DatabaseServer);

is_a!(DatabaseServer, PostgresServer, 0);

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
        let path = self.folder().join(name).to_string_lossy().into_owned();
        std::fs::write(&path, text).expect("the folder is there");
        run(&["chmod", "600", &path]);
        give_to(USER, &path);
        path
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
        standby.is_ready = |port| readiness(port) == Some(1);
        standby.run();
        standby
    }

    fn in_folder(folder: PathBuf, settings: &[&str]) -> Self {
        let (postgres, data) = (program("postgres"), format!("-D{}", folder.join("data").display()));
        let words = [&*postgres, &data, "--listen_addresses=127.0.0.1", "--unix_socket_directories=", "--fsync=off"];
        let url = format!("postgres://{USER}@127.0.0.1:PORT/postgres");
        let mut server =
            Self(DatabaseServer::new(USER, folder, &url, &words, |port| readiness(port) == Some(0), "INT"));
        for setting in settings {
            server.set(setting);
        }
        server
    }

    /// Makes a standby a primary.
    pub fn promote(&self) {
        let (pg_ctl, data) = (program("pg_ctl"), self.folder().join("data").to_string_lossy().into_owned());
        let words = as_user(USER, &[&*pg_ctl, "promote", "-w", "-D", &data]);
        run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Returns the code with which `pg_isready` ends.
fn readiness(port: u16) -> Option<i32> {
    let mut command = Command::new(program("pg_isready"));
    command.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().ok()?.code()
}

/// Finds a program of the server. Debian keeps those of each version in a folder.
fn program(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}
