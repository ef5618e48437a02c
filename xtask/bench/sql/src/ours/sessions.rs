//! This project's sessions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use session_core::{AtomicBackend, Create, Replace, SessionMap, Version, WriteOutcome};
use session_sql::{SqlBackend, SqlBackendBuilder, SqlPool};

use super::Pool;
use crate::{CONNECTIONS, LIFETIME, Place, Subject, VISITS};

/// The time after which a session expires.
pub const TTL: Duration = Duration::from_secs(LIFETIME as u64);

/// Sessions of session-sql.
#[derive(Debug)]
pub struct Sessions {
    backend: SqlBackend,
    next: AtomicU32,
}

impl Sessions {
    /// Uses connections of session-sql's own.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn by_url(place: &Place) -> Result<Self> {
        Self::new(builder().connect(&place.url)?).await
    }

    /// Uses a pool of the application.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn on_pool(place: &Place) -> Result<Self> {
        let pool: SqlPool = match Pool::connect(place).await? {
            Pool::Sqlite(pool) => pool.into(),
            Pool::Postgres(pool) => pool.into(),
        };
        Self::new(builder().build_with_pool(pool)).await
    }

    async fn new(backend: SqlBackend) -> Result<Self> {
        backend.create_table().await?;
        Ok(Self { backend, next: AtomicU32::new(0) })
    }
}

/// Returns a builder with as many connections as each pool has, and time for a busy machine.
pub fn builder() -> SqlBackendBuilder {
    SqlBackend::builder().max_connections(CONNECTIONS as usize).timeout(Duration::from_secs(20)).without_clean_up()
}

/// A session and its version, as a request has them once it has read them.
pub struct Session {
    key: String,
    version: Version,
    values: SessionMap,
    visits: u32,
}

impl Subject for Sessions {
    type Session = Session;

    async fn create(&self, json: &str) -> Result<Session> {
        // Other programs may use the table.
        let key = format!("session:{:010}{:012}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed));
        let values = SessionMap::from_json(json)?;
        match self.backend.create(Create::new(&key, &values, TTL)).await? {
            WriteOutcome::Done(version) => Ok(Session { key, version, values, visits: 0 }),
            other => bail!("{other:?}"),
        }
    }

    async fn read(&self, session: &Session) -> Result<()> {
        self.backend.fetch(&session.key).await?.map(drop).context("the session is there")
    }

    async fn write(&self, session: &mut Session) -> Result<()> {
        session.visits += 1;
        session.values.insert(VISITS, session.visits)?;
        let replace = Replace::new(&session.key, &session.values, TTL, &session.version);
        match self.backend.replace(replace).await? {
            WriteOutcome::Done(version) => session.version = version,
            other => bail!("{other:?}"),
        }
        Ok(())
    }
}
