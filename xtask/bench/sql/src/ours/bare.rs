//! The statements that no store can do without.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use super::Pool;
use crate::{Place, Subject, VISITS};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS bare (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO bare (id, value) VALUES ($1, $2)";
const SELECT: &str = "SELECT value FROM bare WHERE id = $1";
const UPDATE: &str = "UPDATE bare SET value = $2 WHERE id = $1";

/// Reads and writes texts by their key, with nothing else.
#[derive(Debug)]
pub struct Bare {
    pool: Pool,
    next: AtomicU32,
}

impl Bare {
    /// Creates the table.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn open(place: &Place) -> Result<Self> {
        let pool = Pool::connect(place).await?;
        pool.run(TABLE).await?;
        Ok(Self { pool, next: AtomicU32::new(0) })
    }

    /// Runs a statement, and returns the number of rows that it changed.
    async fn change(&self, statement: &'static str, key: &str, value: &str) -> Result<u64> {
        let changed = match &self.pool {
            Pool::Sqlite(pool) => sqlx::query(statement).bind(key).bind(value).execute(pool).await?.rows_affected(),
            Pool::Postgres(pool) => sqlx::query(statement).bind(key).bind(value).execute(pool).await?.rows_affected(),
        };
        Ok(changed)
    }
}

/// A key, the text around the number of visits, and that number.
pub struct Row {
    key: String,
    before: String,
    visits: u32,
}

impl Row {
    fn value(&self) -> String {
        format!("{}{}}}", self.before, self.visits)
    }
}

impl Subject for Bare {
    type Session = Row;

    async fn create(&self, json: &str) -> Result<Row> {
        // Other programs may use the table.
        let key = format!("session:{:010}{:012}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed));
        let name = format!("\"{VISITS}\":");
        let (before, _) = json.split_once(&name).context("the number of visits is the last value")?;
        let row = Row { key, before: [before, &name].concat(), visits: 0 };
        self.change(INSERT, &row.key, &row.value()).await?;
        Ok(row)
    }

    async fn read(&self, row: &Row) -> Result<()> {
        let query = SELECT;
        let value: Option<String> = match &self.pool {
            Pool::Sqlite(pool) => sqlx::query_scalar(query).bind(&row.key).fetch_optional(pool).await?,
            Pool::Postgres(pool) => sqlx::query_scalar(query).bind(&row.key).fetch_optional(pool).await?,
        };
        value.map(drop).context("the row is there")
    }

    async fn write(&self, row: &mut Row) -> Result<()> {
        row.visits += 1;
        let changed = self.change(UPDATE, &row.key, &row.value()).await?;
        anyhow::ensure!(changed == 1, "the row is there");
        Ok(())
    }
}
