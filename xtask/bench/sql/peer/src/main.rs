//! Serves `peer`, the sessions of tower-sessions-sqlx-store.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use session_bench_sql::{CONNECTIONS, LIFETIME, Place, Subject, VISITS, serve};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use time::OffsetDateTime;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

/// The time after which a writer of a file gives up: no less than that of our store.
const BUSY: Duration = Duration::from_secs(20);

struct Sessions<S>(S);

impl<S: SessionStore> Subject for Sessions<S> {
    type Session = Record;

    async fn create(&self, json: &str) -> Result<Record> {
        let expiry_date = expiry();
        let mut record = Record { id: Id::default(), data: serde_json::from_str(json)?, expiry_date };
        self.0.create(&mut record).await?;
        Ok(record)
    }

    async fn read(&self, record: &Record) -> Result<()> {
        self.0.load(&record.id).await?.map(drop).context("the session is there")
    }

    async fn write(&self, record: &mut Record) -> Result<()> {
        let visits = record.data.get(VISITS).and_then(serde_json::Value::as_u64).unwrap_or_default();
        record.data.insert(VISITS.to_owned(), (visits + 1).into());
        record.expiry_date = expiry();
        Ok(self.0.save(record).await?)
    }
}

fn expiry() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::from_secs(LIFETIME.into())
}

fn main() -> Result<()> {
    match std::env::args().nth(2).as_deref().and_then(|url| url.split(':').next()) {
        Some("sqlite") => serve(sqlite),
        Some("postgres") => serve(postgres),
        scheme => bail!("no database is called {scheme:?}"),
    }
}

async fn sqlite(place: Place) -> Result<Sessions<SqliteStore>> {
    let synchronous = if place.is_flushed { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
    let options: SqliteConnectOptions = place.url.parse()?;
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).busy_timeout(BUSY);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    let store = SqliteStore::new(pool.connect_with(options.synchronous(synchronous)).await?);
    store.migrate().await?;
    Ok(Sessions(store))
}

async fn postgres(place: Place) -> Result<Sessions<PostgresStore>> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    let store = PostgresStore::new(pool.connect(&place.url).await?);
    store.migrate().await?;
    Ok(Sessions(store))
}
