//! This project's sessions, and the bare statements.

mod bare;
mod sessions;

use anyhow::{Result, bail};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlitePool};

use crate::{CONNECTIONS, Place};

pub use bare::Bare;
pub use sessions::{Sessions, TTL, builder};

/// A pool as a careful application has it: without a round trip before each use of a connection.
#[derive(Debug)]
pub enum Pool {
    /// To a file.
    Sqlite(SqlitePool),
    /// To a server.
    Postgres(PgPool),
}

impl Pool {
    /// Connects to a database.
    ///
    /// # Errors
    ///
    /// Returns an error if the database does not answer.
    pub async fn connect(place: &Place) -> Result<Self> {
        match place.url.split(':').next() {
            Some("sqlite") => {
                let synchronous = if place.is_flushed { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
                let options: SqliteConnectOptions = place.url.parse()?;
                let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                Ok(Self::Sqlite(pool.connect_with(options.synchronous(synchronous)).await?))
            }
            Some("postgres") => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                Ok(Self::Postgres(pool.connect(&place.url).await?))
            }
            _ => bail!("{} is no URL of a database", place.url),
        }
    }

    /// Runs a statement.
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses.
    pub async fn run(&self, statement: &str) -> Result<()> {
        match self {
            Self::Sqlite(pool) => pool.execute(AssertSqlSafe(statement)).await.map(drop)?,
            Self::Postgres(pool) => pool.execute(AssertSqlSafe(statement)).await.map(drop)?,
        }
        Ok(())
    }

    /// Returns `true` if the table has a row with this key or a greater one.
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses.
    pub async fn has_row_from(&self, key: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM http_sessions WHERE session_key >= $1)";
        match self {
            Self::Sqlite(pool) => Ok(sqlx::query_scalar(query).bind(key).fetch_one(pool).await?),
            Self::Postgres(pool) => Ok(sqlx::query_scalar(query).bind(key).fetch_one(pool).await?),
        }
    }
}
