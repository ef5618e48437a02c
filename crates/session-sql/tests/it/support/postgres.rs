//! PostgreSQL as a server to which tests do harm.

use std::time::Duration;

use session_test_support::PostgresServer;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, Row as _};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::server::Server;

/// Returns the server of all tests that do it no harm.
pub(crate) async fn shared() -> &'static PostgresServer {
    static SHARED: OnceCell<PostgresServer> = OnceCell::const_new();
    SHARED.get_or_init(|| async { PostgresServer::start(&[]) }).await
}

pub(crate) async fn connect_to_postgres(server: &PostgresServer) -> PgConnection {
    let options: PgConnectOptions = server.url().parse().expect("the url is good");
    options.connect().await.expect("the server answers")
}

/// The server counts the calls of each statement.
const STATISTICS: &[&str] = &["shared_preload_libraries=pg_stat_statements"];

impl Server for PostgresServer {
    type Connection = PgConnection;

    const FILL: &[&str] = &[
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER full_disk BEFORE UPDATE ON http_sessions FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ];

    const MAKE_ROOM: &str = "DROP TRIGGER full_disk ON http_sessions";

    const READ_ONLY: &[&str] =
        &["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()::text"];

    const WRITABLE: &[&str] = &["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()::text"];

    async fn exclusive() -> MutexGuard<'static, Self> {
        static EXCLUSIVE: OnceCell<Mutex<PostgresServer>> = OnceCell::const_new();
        let mut server = EXCLUSIVE.get_or_init(|| async { Mutex::new(Self::start(STATISTICS)) }).await.lock().await;
        server.restore();
        server
    }

    fn start(settings: &[&str]) -> Self {
        Self::start(settings)
    }

    fn owner(&self) -> &'static str {
        "postgres"
    }

    async fn make_user(&self, name: &str) {
        self.ask(&format!(
            "DO $$ BEGIN CREATE ROLE {name} LOGIN PASSWORD 'secret'; EXCEPTION WHEN duplicate_object THEN END $$"
        ))
        .await;
    }

    fn grantee(&self, name: &str) -> String {
        name.to_owned()
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let mut connection = connect_to_postgres(self).await;
        let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the statement is good");
        let texts = rows.iter().map(|row| row.get_unchecked::<Option<String>, _>(0).unwrap_or_default()).collect();
        connection.close().await.expect("the server answers");
        texts
    }

    async fn disconnect_all(&self) {
        for id in self.connections().await {
            self.ask(&format!("SELECT pg_terminate_backend({id})")).await;
        }
    }

    async fn connections(&self) -> Vec<String> {
        // The server needs a while to forget those that have ended.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let of_clients = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
        self.ask(&format!("SELECT pid::text FROM pg_stat_activity WHERE {of_clients} ORDER BY pid")).await
    }
}
