//! Connections to a server of MySQL or MariaDB.

use std::str::FromStr;
use std::sync::Arc;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Executor, MySql};

use crate::config_error::SqlConfigError;
use crate::pool::{Connect, Source};
use crate::url::check_parameters;

/// The URL parameters that the client library knows, except those that would change the meaning of our statements.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "socket",
    "statement-cache-capacity",
];

/// The settings of each connection. The lock wait is one second, the shortest possible, so that a waiting statement
/// ends soon after its call. A call with a longer timeout sends the statement again.
const SETTINGS: &str =
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION innodb_lock_wait_timeout = 1";

/// Returns the source of connections to the server of a URL, and the server's name for the log.
pub(crate) fn connect(url: &str) -> Result<(Source<MySql>, Arc<str>), SqlConfigError> {
    check_parameters(url, PARAMETERS)?;
    let options = MySqlConnectOptions::from_str(url).map_err(|_| SqlConfigError::Url)?;
    let asks_for_tls = !matches!(options.get_ssl_mode(), MySqlSslMode::Disabled | MySqlSslMode::Preferred);
    if asks_for_tls && cfg!(not(feature = "tls")) {
        return Err(SqlConfigError::TlsNotCompiled);
    }
    let options = options.disable_statement_logging();
    let server = server(&options);
    let connect: Connect<MySql> = Arc::new(move |_| {
        let options = options.clone();
        Box::pin(async move {
            let mut connection = options.connect().await?;
            connection.execute(SETTINGS).await?;
            Ok(connection)
        })
    });
    Ok((Source::Own(connect), server))
}

/// Returns the name of a server for the log.
pub(super) fn server(options: &MySqlConnectOptions) -> Arc<str> {
    let database = options.get_database().unwrap_or_default();
    match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()).into(),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()).into(),
    }
}
