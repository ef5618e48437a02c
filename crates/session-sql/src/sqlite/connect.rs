//! Connections to an SQLite file.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite};

use crate::config_error::SqlConfigError;
use crate::pool::{Connect, Source};

/// Returns the source of connections to the file of a URL, and the file's name. The file of another program must exist,
/// and keeps its settings.
pub(crate) fn connect(url: &str, of_another_program: bool) -> Result<(Source<Sqlite>, Arc<str>), SqlConfigError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(SqlConfigError::InMemory);
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|_| SqlConfigError::Url)?;
    // A URL with a `mode` decides itself whether the file is created.
    let create = !of_another_program && !url.contains("mode=");
    let options = options
        .create_if_missing(create)
        .foreign_keys(false)
        .thread_name(|n| format!("session-sqlite-{n}"))
        .disable_statement_logging();
    let options = match of_another_program {
        true => options,
        false => options
            // Readers and the writer don't wait for each other.
            .journal_mode(SqliteJournalMode::Wal)
            // A transaction survives the end of the process. A power failure may lose the last transactions.
            .synchronous(SqliteSynchronous::Normal),
    };
    let name = server(&options);
    let connect: Connect<Sqlite> = Arc::new(move |timeout| {
        // Shorter than the timeout, so that a call fails with SQLite's own reason.
        let options = options.clone().busy_timeout(timeout * 9 / 10);
        Box::pin(async move {
            if create {
                create_private(options.get_filename())?;
            }
            options.connect().await
        })
    });
    Ok((Source::Own(connect), name))
}

/// Returns the name of a file for the log.
pub(super) fn server(options: &SqliteConnectOptions) -> Arc<str> {
    options.get_filename().to_string_lossy().into()
}

/// Makes sure that the file exists. Only the owner can read a new file. SQLite gives its files beside it the same
/// permissions.
fn create_private(file: &Path) -> Result<(), sqlx::Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}
