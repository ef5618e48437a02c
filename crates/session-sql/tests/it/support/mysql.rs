//! MariaDB servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, MySqlConnection, Row as _};

use super::process::{Process, as_user, folder_of, free_port, run};

const USER: &str = "mysql";

/// A server with a data folder of its own.
pub(crate) struct MySql {
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
    process: Option<Process>,
}

impl MySql {
    /// Returns the server of all tests that do it no harm.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<MySql> = OnceLock::new();
        if SHARED.get().is_none() {
            let server = Self::start(&[]).await;
            let _another_test_was_faster = SHARED.set(server);
        }
        SHARED.get().expect("it was set")
    }

    /// Starts a server with these settings beside its port, such as `max-connections=10`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let folder = folder_of(USER);
        make_data(&folder.join("data"));
        let options = settings.iter().map(|setting| format!("--{setting}")).collect();
        let mut server = Self { port: free_port(), folder, options, process: None };
        server.run().await;
        server.ask("CREATE DATABASE IF NOT EXISTS sessions").await;
        server
    }

    /// Starts it again.
    pub(crate) async fn run(&mut self) {
        self.begin();
        let start = Instant::now();
        while self.options().connect().await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "mariadbd does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it again, and does not wait until it answers.
    pub(crate) fn begin(&mut self) {
        let words = [
            program("mariadbd").to_string_lossy().into_owned(),
            "--no-defaults".to_owned(),
            format!("--datadir={}", self.folder.join("data").display()),
            format!("--socket={}", self.folder.join("socket").display()),
            format!("--pid-file={}", self.folder.join("pid").display()),
            format!("--port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-log-file-size=16M".to_owned(),
        ];
        let words: Vec<&str> = words.iter().chain(&self.options).map(String::as_str).collect();
        self.process = Some(Process::start(&as_user(USER, &words), &self.folder));
    }

    fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new().host("127.0.0.1").port(self.port).username("root")
    }

    pub(crate) fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/sessions", self.port)
    }

    pub(crate) async fn connect(&self) -> MySqlConnection {
        self.options().database("sessions").connect().await.expect("the server answers")
    }

    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = self.options().connect().await.expect("the server answers");
        let _there_is_none_at_first = connection.execute("USE sessions").await;
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
        self.process.take().expect("it runs").stop("TERM");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

fn make_data(folder: &Path) {
    let folder = format!("--datadir={}", folder.display());
    let words = ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"];
    // It need not survive a loss of power.
    let more = ["--innodb-log-file-size=16M", "--innodb-flush-method=nosync", &folder];
    run(&as_user(USER, &[&words[..], &more].concat()));
}

/// Finds the server, which is not on the path of users who are not root.
fn program(name: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(name);
    if system.exists() { system } else { name.into() }
}
