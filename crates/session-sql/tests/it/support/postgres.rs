//! PostgreSQL servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, Row as _};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::process::{Process, as_user, folder_of, free_port, run};
use super::server::Server;

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
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&["shared_preload_libraries=pg_stat_statements"])).await
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("the url is good");
        options.connect().await.expect("the server answers")
    }

    fn accepts_connections(&self) -> bool {
        let port = self.port.to_string();
        let words = ["-q", "-h", "127.0.0.1", "-p", &port];
        Command::new(program("pg_isready")).args(words).status().is_ok_and(|status| status.success())
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }
}

impl Server for Postgres {
    async fn exclusive() -> MutexGuard<'static, Self> {
        static EXCLUSIVE: OnceCell<Mutex<Postgres>> = OnceCell::const_new();
        EXCLUSIVE.get_or_init(|| async { Mutex::new(Self::start(&[]).await) }).await.lock().await
    }

    async fn start(settings: &[&str]) -> Self {
        let folder = folder_of(USER);
        make_data(&folder.join("data"));
        let options = settings.iter().map(|setting| format!("--{setting}")).collect();
        let mut server = Self { port: free_port(), folder, options, process: None };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let data = self.folder.join("data");
        let words = [
            program("postgres").to_string_lossy().into_owned(),
            format!("-D{}", data.display()),
            format!("--port={}", self.port),
            "--listen_addresses=127.0.0.1".to_owned(),
            "--unix_socket_directories=".to_owned(),
            // The files need not survive a loss of power.
            "--fsync=off".to_owned(),
        ];
        let words: Vec<&str> = words.iter().chain(&self.options).map(String::as_str).collect();
        self.process = Some(Process::start(&as_user(USER, &words), &self.folder));
        let start = Instant::now();
        while !self.accepts_connections() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(30), "postgres does not answer:\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn port(&self) -> u16 {
        self.port
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the statement is good");
        let texts = rows.iter().map(|row| row.get_unchecked::<Option<String>, _>(0).unwrap_or_default()).collect();
        connection.close().await.expect("the server answers");
        texts
    }

    fn pause(&self) {
        self.process().pause();
    }

    fn resume(&self) {
        self.process().resume();
    }

    fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    fn shut_down(&mut self) {
        self.process.take().expect("it runs").stop("INT");
    }

    async fn disconnect_all(&self) {
        for id in self.connections().await {
            self.ask(&format!("SELECT pg_terminate_backend({id})")).await;
        }
    }

    async fn connections(&self) -> Vec<String> {
        let of_clients = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
        self.ask(&format!("SELECT pid::text FROM pg_stat_activity WHERE {of_clients} ORDER BY pid")).await
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
