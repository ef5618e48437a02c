//! PostgreSQL servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, Row as _};

use super::process::{Process, as_user, folder_of, free_port, run};

const USER: &str = "postgres";

/// A server with a data folder of its own.
pub(crate) struct Postgres {
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
    process: Option<Process>,
}

impl Postgres {
    /// Returns the server of all tests that do it no harm.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server with these settings beside its port, such as `max_connections=10`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = folder_of(USER);
        make_data(&folder.join("data"));
        let options = settings.iter().map(|setting| format!("--{setting}")).collect();
        let mut server = Self { port: free_port(), folder, options, process: None };
        server.run();
        server
    }

    /// Starts it again.
    pub(crate) fn run(&mut self) {
        self.begin();
        let start = Instant::now();
        while !self.accepts_connections() {
            assert!(start.elapsed() < Duration::from_secs(30), "postgres does not answer:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again, and does not wait until it answers.
    pub(crate) fn begin(&mut self) {
        let data = self.folder.join("data");
        let words = [
            program("postgres").to_string_lossy().into_owned(),
            format!("-D{}", data.display()),
            format!("--port={}", self.port),
            "--listen_addresses=127.0.0.1".to_owned(),
            "--unix_socket_directories=".to_owned(),
            "--shared_preload_libraries=pg_stat_statements".to_owned(),
        ];
        let words: Vec<&str> = words.iter().chain(&self.options).map(String::as_str).collect();
        self.process = Some(Process::start(&as_user(USER, &words), &self.folder));
    }

    fn accepts_connections(&self) -> bool {
        let port = self.port.to_string();
        let ready =
            std::process::Command::new(program("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
        ready.expect("pg_isready is installed with the server").success()
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("the url is good");
        options.connect().await.expect("the server answers")
    }

    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the statement is good");
        let texts = rows.iter().map(|row| row.get_unchecked::<Option<String>, _>(0).unwrap_or_default()).collect();
        connection.close().await.expect("the server answers");
        texts
    }

    pub(crate) fn pause(&self) {
        self.process().pause();
    }

    pub(crate) fn resume(&self) {
        self.process().resume();
    }

    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Shuts it down, which ends all connections.
    pub(crate) fn stop(&mut self) {
        self.process.take().expect("it runs").stop("INT");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

fn make_data(folder: &Path) {
    let initdb = program("initdb").to_string_lossy().into_owned();
    let words =
        [&initdb, "-D", &folder.to_string_lossy(), "-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "-N"];
    run(&as_user(USER, &words));
}

/// Finds a program of the server. Debian keeps them in a folder for each version.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}
