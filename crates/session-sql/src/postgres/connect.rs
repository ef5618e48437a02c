//! Connections to a PostgreSQL server.

use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Postgres};

use crate::config_error::SqlConfigError;
use crate::pool::{Connect, Source};
use crate::url::check_parameters;

/// The URL parameters that the client library knows.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// Returns the source of connections to the server of a URL, and the server's name for the log.
pub(crate) fn connect(url: &str) -> Result<(Source<Postgres>, Arc<str>), SqlConfigError> {
    check_parameters(url, PARAMETERS)?;
    let options = PgConnectOptions::from_str(url).map_err(|_| SqlConfigError::Url)?;
    let asks_for_tls = !matches!(options.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer);
    if asks_for_tls && cfg!(not(feature = "tls")) {
        return Err(SqlConfigError::TlsNotCompiled);
    }
    let options = options.options([("default_transaction_isolation", "read committed")]).disable_statement_logging();
    let server = server(&options);
    let connect: Connect<Postgres> = Arc::new(move |timeout| {
        let millis = timeout.as_millis().to_string();
        // A statement ends with its call, so that it holds no lock afterwards and can't be applied late.
        let limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
        let options = options.clone().options(limits.map(|limit| (limit, &millis)));
        Box::pin(async move { options.connect().await })
    });
    Ok((Source::Own(connect), server))
}

/// Returns the name of a server for the log.
pub(super) fn server(options: &PgConnectOptions) -> Arc<str> {
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()).into(),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()).into(),
    }
}
