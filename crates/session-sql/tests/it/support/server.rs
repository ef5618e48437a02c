//! Servers of any kind, to which tests do harm.

use std::ops::DerefMut;
use std::time::Duration;

use session_sql::{SqlBackend, SqlBackendBuilder};
use session_test_support::DatabaseServer;
use tokio::sync::MutexGuard;

/// A server that only one test uses at a time.
pub(crate) trait Server: DerefMut<Target = DatabaseServer> + Sized + 'static {
    /// The connection of another program.
    type Connection: sqlx::Connection;

    /// The statements that let the server refuse each update as it does on a full disk.
    const FILL: &[&str];

    /// The statement that ends this.
    const MAKE_ROOM: &str;

    /// The statements that make the server read-only for users without special rights.
    const READ_ONLY: &[&str];

    /// The statements that end this.
    const WRITABLE: &[&str];

    /// Returns a server that tests use in turn. Each test leaves it running.
    async fn exclusive() -> MutexGuard<'static, Self>;

    /// Starts a server with settings.
    fn start(settings: &[&str]) -> Self;

    /// Returns the URL of a way to the server on another port.
    fn url_by(&self, port: u16) -> String {
        self.url().replace(&format!(":{}/", self.port), &format!(":{port}/"))
    }

    /// Returns the user of its URL.
    fn owner(&self) -> &'static str;

    /// Creates a user with the password `secret` and without rights, in place of any user of this name.
    async fn make_user(&self, name: &str);

    /// Returns the user as GRANT names it.
    fn grantee(&self, name: &str) -> String;

    /// Runs a statement, and returns the first column of its rows.
    async fn ask(&self, sql: &str) -> Vec<String>;

    /// Ends all connections but that of the statement which does it.
    async fn disconnect_all(&self);

    /// Returns the ids of its connections.
    async fn connections(&self) -> Vec<String>;

    /// Returns a builder with a timeout that suits a machine that is busy with other tests.
    fn builder(&self) -> SqlBackendBuilder {
        SqlBackend::builder().without_clean_up().timeout(Duration::from_secs(1))
    }

    /// Returns a backend whose table is new.
    async fn backend(&self) -> SqlBackend {
        self.ask("DROP TABLE IF EXISTS http_sessions").await;
        let patient = self.builder().timeout(Duration::from_secs(10)).connect(&self.url()).expect("the url is good");
        patient.create_table().await.unwrap_or_else(|error| panic!("{}", super::cause(&error)));
        self.builder().connect(&self.url()).expect("the url is good")
    }
}

/// Makes a test of each function for each kind of server.
macro_rules! on_each_server {
    ($($test:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<session_test_support::PostgresServer>().await;
            })*
        }

        mod mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<session_test_support::MariaDbServer>().await;
            })*
        }
    };
}
pub(crate) use on_each_server;
