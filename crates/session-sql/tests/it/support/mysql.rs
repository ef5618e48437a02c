//! MariaDB as a server to which tests do harm.

use session_test_support::MariaDbServer;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, MySqlConnection, Row as _};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::server::Server;

/// Returns the server of all tests that do it no harm.
pub(crate) async fn shared() -> &'static MariaDbServer {
    static SHARED: OnceCell<MariaDbServer> = OnceCell::const_new();
    SHARED.get_or_init(|| async { MariaDbServer::start(&[]) }).await
}

pub(crate) async fn connect_to_mysql(server: &MariaDbServer) -> MySqlConnection {
    let options: MySqlConnectOptions = server.url().parse().expect("the url is good");
    options.connect().await.expect("the server answers")
}

impl Server for MariaDbServer {
    type Connection = MySqlConnection;

    const FILL: &[&str] = &["CREATE TRIGGER full_disk BEFORE UPDATE ON http_sessions FOR EACH ROW
        SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'"];

    const MAKE_ROOM: &str = "DROP TRIGGER full_disk";

    const READ_ONLY: &[&str] = &["SET GLOBAL read_only = 1"];

    const WRITABLE: &[&str] = &["SET GLOBAL read_only = 0"];

    async fn exclusive() -> MutexGuard<'static, Self> {
        static EXCLUSIVE: OnceCell<Mutex<MariaDbServer>> = OnceCell::const_new();
        let mut server = EXCLUSIVE.get_or_init(|| async { Mutex::new(Self::start(&[])) }).await.lock().await;
        server.restore();
        server
    }

    fn start(settings: &[&str]) -> Self {
        Self::start(settings)
    }

    fn owner(&self) -> &'static str {
        "root"
    }

    async fn make_user(&self, name: &str) {
        self.ask(&format!("CREATE OR REPLACE USER {} IDENTIFIED BY 'secret'", self.grantee(name))).await;
        // Without a right to the database, the server would not say what is missing in it.
        self.ask(&format!("GRANT CREATE ON sessions.* TO {}", self.grantee(name))).await;
    }

    fn grantee(&self, name: &str) -> String {
        format!("'{name}'@'127.0.0.1'")
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = connect_to_mysql(self).await;
        let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the statement is good");
        let texts = rows.iter().map(|row| row.get_unchecked::<Option<String>, _>(0).unwrap_or_default()).collect();
        connection.close().await.expect("the server answers");
        texts
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
