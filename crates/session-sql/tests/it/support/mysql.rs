//! MariaDB servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, Row as _};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::process::{Process, as_user, folder_of, free_port, run};
use super::server::Server;

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
        static SHARED: OnceCell<MySql> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new().host("127.0.0.1").port(self.port).username("root")
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }
}

impl Server for MySql {
    async fn exclusive() -> MutexGuard<'static, Self> {
        static EXCLUSIVE: OnceCell<Mutex<MySql>> = OnceCell::const_new();
        EXCLUSIVE.get_or_init(|| async { Mutex::new(Self::start(&[]).await) }).await.lock().await
    }

    async fn start(settings: &[&str]) -> Self {
        let folder = folder_of(USER);
        make_data(&folder);
        let options = settings.iter().map(|setting| format!("--{setting}")).collect();
        let mut server = Self { port: free_port(), folder, options, process: None };
        server.run().await;
        server.ask("CREATE DATABASE sessions").await;
        server
    }

    async fn run(&mut self) {
        let words = [
            program("mariadbd").to_string_lossy().into_owned(),
            "--no-defaults".to_owned(),
            format!("--datadir={}", self.folder.join("data").display()),
            // Servers delete the temporary tables of others in a folder that they share.
            format!("--tmpdir={}", self.folder.display()),
            format!("--socket={}", self.folder.join("socket").display()),
            format!("--pid-file={}", self.folder.join("pid").display()),
            format!("--port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            // The files need not survive a loss of power.
            "--innodb-flush-method=nosync".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-log-file-size=16M".to_owned(),
        ];
        let words: Vec<&str> = words.iter().chain(&self.options).map(String::as_str).collect();
        self.process = Some(Process::start(&as_user(USER, &words), &self.folder));
        let start = Instant::now();
        while self.options().connect().await.is_err() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(60), "mariadbd does not answer:\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/sessions", self.port)
    }

    fn port(&self) -> u16 {
        self.port
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = self.options().connect().await.expect("the server answers");
        let _there_is_none_at_first = connection.execute("USE sessions").await;
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
        self.process.take().expect("it runs").stop("TERM");
    }

    async fn disconnect_all(&self) {
        for id in self.connections().await {
            self.ask(&format!("KILL {id}")).await;
        }
    }

    async fn connections(&self) -> Vec<String> {
        let of_clients = "user = 'root' AND id <> CONNECTION_ID()";
        let ids = format!("SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE {of_clients} ORDER BY id");
        self.ask(&ids).await
    }
}

fn make_data(folder: &Path) {
    let [data, temporary] = [folder.join("data"), folder.to_owned()];
    let [data, temporary] = [format!("--datadir={}", data.display()), format!("--tmpdir={}", temporary.display())];
    let words = ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"];
    let more = ["--innodb-log-file-size=16M", "--innodb-flush-method=nosync", &data, &temporary];
    run(&as_user(USER, &[&words[..], &more].concat()));
}

/// Finds the server, which is not on the path of users who are not root.
fn program(name: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(name);
    if system.exists() { system } else { name.into() }
}
