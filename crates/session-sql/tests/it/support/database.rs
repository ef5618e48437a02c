//! A database of a test, of any kind.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use session_sql::{SqlBackend, SqlBackendBuilder, SqlPool};
use session_test_support::{MariaDbServer, PostgresServer};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, MySqlConnection, PgConnection, SqliteConnection};

use super::cause;
use super::server::Server as _;

use super::sqlite::Sqlite;

/// A table for one test.
pub(crate) struct Database {
    table: String,
    kind: Kind,
}

enum Kind {
    Sqlite(Sqlite),
    Postgres(&'static PostgresServer),
    MySql(&'static MariaDbServer),
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        Self::with(Kind::Sqlite(Sqlite::new())).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::with(Kind::Postgres(super::postgres::shared().await)).await
    }

    pub(crate) async fn mysql() -> Self {
        Self::with(Kind::MySql(super::mysql::shared().await)).await
    }

    async fn with(kind: Kind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = Self { table: format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed)), kind };
        let patient = database.patient();
        patient.create_table().await.unwrap_or_else(|error| panic!("{}", cause(&error)));
        database
    }

    pub(crate) fn url(&self) -> String {
        match &self.kind {
            Kind::Sqlite(sqlite) => sqlite.url(),
            Kind::Postgres(server) => server.url(),
            Kind::MySql(server) => server.url(),
        }
    }

    /// Returns the name of the table.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn file(&self) -> PathBuf {
        match &self.kind {
            Kind::Sqlite(sqlite) => sqlite.file(),
            _ => panic!("it is another database"),
        }
    }

    /// Returns a pool as an application has it.
    pub(crate) async fn application_pool(&self) -> SqlPool {
        match &self.kind {
            Kind::Sqlite(sqlite) => {
                let options = SqliteConnectOptions::new().filename(sqlite.file());
                SqlitePoolOptions::new().max_connections(4).connect_with(options).await.expect("it opens").into()
            }
            Kind::Postgres(server) => {
                let options: PgConnectOptions = server.url().parse().expect("the url is good");
                let options = options.options([("default_transaction_isolation", "serializable")]);
                PgPoolOptions::new().max_connections(8).connect_with(options).await.expect("it answers").into()
            }
            Kind::MySql(server) => {
                MySqlPoolOptions::new().max_connections(8).connect(&server.url()).await.expect("it answers").into()
            }
        }
    }

    pub(crate) async fn connect_to_postgres(&self) -> PgConnection {
        match &self.kind {
            Kind::Postgres(server) => super::postgres::connect_to_postgres(server).await,
            _ => panic!("it is another database"),
        }
    }

    pub(crate) async fn connect_to_mysql(&self) -> MySqlConnection {
        match &self.kind {
            Kind::MySql(server) => super::mysql::connect_to_mysql(server).await,
            _ => panic!("it is another database"),
        }
    }

    /// Returns a builder for a backend on the table.
    pub(crate) fn builder(&self) -> SqlBackendBuilder {
        SqlBackend::builder().table(&self.table).expect("the name is good").without_clean_up()
    }

    /// Returns a backend with the defaults.
    pub(crate) fn backend(&self) -> SqlBackend {
        self.builder().connect(&self.url()).expect("the url is good")
    }

    /// Returns a backend for tests in which more happens at once than the machine can do within the usual timeout.
    pub(crate) fn patient(&self) -> SqlBackend {
        self.builder().timeout(Duration::from_secs(20)).connect(&self.url()).expect("the url is good")
    }

    /// Returns a time of the past, in SQL.
    pub(crate) fn past(&self) -> &'static str {
        match &self.kind {
            Kind::Sqlite(_) => "1000 * strftime('%s', 'now', '-1 second')",
            Kind::Postgres(_) => "now() - interval '1 second'",
            Kind::MySql(_) => "UTC_TIMESTAMP(3) - INTERVAL 1 SECOND",
        }
    }

    /// Returns a time hours ago, in SQL.
    pub(crate) fn long_ago(&self) -> &'static str {
        match &self.kind {
            Kind::Sqlite(_) => "1000 * strftime('%s', 'now', '-3 hours')",
            Kind::Postgres(_) => "now() - interval '3 hours'",
            Kind::MySql(_) => "UTC_TIMESTAMP(3) - INTERVAL 3 HOUR",
        }
    }

    /// Returns a time of the future, in SQL.
    pub(crate) fn future(&self) -> &'static str {
        match &self.kind {
            Kind::Sqlite(_) => "1000 * strftime('%s', 'now', '+1 hour')",
            Kind::Postgres(_) => "now() + interval '1 hour'",
            Kind::MySql(_) => "UTC_TIMESTAMP(3) + INTERVAL 1 HOUR",
        }
    }

    /// Returns the types of Django's columns `session_data` and `expire_date`.
    pub(crate) fn django_types(&self) -> (&'static str, &'static str) {
        match &self.kind {
            Kind::Sqlite(_) => ("text", "datetime"),
            Kind::Postgres(_) => ("text", "timestamp with time zone"),
            Kind::MySql(_) => ("longtext", "datetime(6)"),
        }
    }

    /// Returns the time this many seconds ahead as Django writes it, in SQL.
    pub(crate) fn django_time(&self, seconds: i32) -> String {
        match &self.kind {
            Kind::Sqlite(_) => format!("strftime('%Y-%m-%d %H:%M:%S', 'now', '{seconds} seconds')"),
            Kind::Postgres(_) => format!("now() + interval '{seconds} seconds'"),
            Kind::MySql(_) => format!("UTC_TIMESTAMP() + INTERVAL {seconds} SECOND"),
        }
    }

    /// Begins a transaction of another program.
    pub(crate) async fn transaction(&self) -> Transaction {
        let connection = match &self.kind {
            Kind::Sqlite(sqlite) => {
                let options = SqliteConnectOptions::new().filename(sqlite.file());
                OtherConnection::Sqlite(options.connect().await.expect("the file can be opened"))
            }
            Kind::Postgres(_) => OtherConnection::Postgres(self.connect_to_postgres().await),
            Kind::MySql(_) => OtherConnection::MySql(self.connect_to_mysql().await),
        };
        let mut transaction = Transaction { table: self.table.clone(), connection };
        transaction.run(if matches!(self.kind, Kind::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" }).await;
        transaction
    }

    /// Returns the number of sessions that are stored.
    pub(crate) async fn sessions(&self) -> usize {
        self.ask("SELECT session_key FROM {t} WHERE marker IS NULL").await.len()
    }

    /// Runs a statement as another program would, and returns the first column of its rows as text.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let sql = sql.replace("{t}", &self.table);
        match &self.kind {
            Kind::Sqlite(sqlite) => sqlite.ask(&sql).await,
            Kind::Postgres(server) => server.ask(&sql).await,
            Kind::MySql(server) => server.ask(&sql).await,
        }
    }
}

/// A transaction of another program.
pub(crate) struct Transaction {
    table: String,
    connection: OtherConnection,
}

enum OtherConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Transaction {
    /// Runs a statement.
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.replace("{t}", &self.table));
        let outcome = match &mut self.connection {
            OtherConnection::Sqlite(connection) => connection.execute(sql).await.map(drop),
            OtherConnection::Postgres(connection) => connection.execute(sql).await.map(drop),
            OtherConnection::MySql(connection) => connection.execute(sql).await.map(drop),
        };
        outcome.expect("the statement is good");
    }

    pub(crate) async fn commit(mut self) {
        self.run("COMMIT").await;
    }
}

/// Makes a test of each function for each kind of database.
macro_rules! on_each_database {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::support::Database::sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::support::Database::postgres().await).await;
            })*
        }

        mod mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::support::Database::mysql().await).await;
            })*
        }
    };
}
pub(crate) use on_each_database;
