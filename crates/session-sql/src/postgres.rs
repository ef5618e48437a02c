//! PostgreSQL.

mod connect;
mod errors;
mod statements;

use std::borrow::Cow;
use std::sync::Arc;

use session_backend_support::{Outage, outage};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Executor, PgConnection, Postgres, Row as _, SqlStr};

pub(crate) use connect::connect;

use crate::dialect::{Dialect, Meaning};
use crate::format::digest;
use crate::marker;
use crate::request::{BATCH, ListedRow, Reply, Request, Swept, Value};
use crate::table::{Statement, Table};
use statements::Statements;

/// Runs the [statements] of PostgreSQL: one for each request, and a second one for a write that did not match.
pub(crate) struct PostgresDialect {
    table: Table,
    /// `true` if values are JSON, in a column of text.
    is_json: bool,
    /// The number of the advisory lock that the clean-up takes.
    lock: i64,
    statements: Statements,
}

impl Dialect for PostgresDialect {
    type Database = Postgres;

    const NAME: &'static str = "postgres";

    const IS_FILE: bool = false;

    const TOGETHER: Option<&'static str> = Some("BEGIN ISOLATION LEVEL READ COMMITTED");

    fn new(table: Table, is_json: bool) -> Self {
        let (column, bytes) = if is_json { ("text", "convert_to(value, 'UTF8')") } else { ("bytea", "value") };
        let statement = |text: &str| {
            let text = text.replace("{digest}", &format!("sha256({bytes})")).replace("{column}", column);
            let text = text.replace("{epoch}", "date_part('epoch', now())");
            table.statement(&text, '"')
        };
        Self { is_json, lock: table.lock(), statements: Statements::new(statement), table }
    }

    fn outage(server: Arc<str>) -> Outage {
        outage!("postgres", server)
    }

    fn server(options: &PgConnectOptions) -> Arc<str> {
        connect::server(options)
    }

    async fn run(&self, connection: &mut PgConnection, request: &Request) -> Result<Reply, sqlx::Error> {
        let bound = match request {
            Request::Fetch { key } => query(&self.statements.fetch).bind(key),
            Request::Marker { key } => query(&self.statements.marker).bind(key),
            Request::Create { key, value, ttl, .. } => {
                bind(query(&self.statements.create).bind(key), value).bind(ttl.seconds())
            }
            Request::Replace { key, value, ttl, .. } => {
                let Statements { replace, replace_and_index, .. } = &self.statements;
                let statement = if request.changes_an_index() { replace_and_index } else { replace };
                bind(query(statement).bind(key), value).bind(ttl.seconds())
            }
            Request::Remove { key, version, marker } => {
                let statement = if version.is_some() { &self.statements.remove_at } else { &self.statements.remove };
                query(statement).bind(key).bind(marker::write(marker))
            }
            Request::Touch { key, ttl, .. } => query(&self.statements.touch).bind(key).bind(ttl.seconds()),
            Request::Rotate { old, new, value, ttl, .. } => {
                let query = query(&self.statements.rotate).bind(old).bind(new).bind(marker::renewed(new));
                bind(query, value).bind(ttl.seconds())
            }
            Request::Sweep => {
                let row =
                    connection.fetch_one(query(&self.statements.sweep).bind(self.lock).bind(i64::from(BATCH))).await?;
                let [deleted, kept] = [row.try_get::<i64, _>(0)?, row.try_get(1)?].map(i64::unsigned_abs);
                return Ok(Reply::Swept(Swept { deleted, kept }));
            }
            Request::List { user } => {
                let rows = connection.fetch_all(query(&self.statements.list).bind(user_text(user))).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Scan { after, before } => {
                let rows = connection.fetch_all(query(&self.statements.scan).bind(after).bind(before)).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Count { key_prefix } => {
                let row = connection.fetch_one(query(&self.statements.count).bind(key_prefix)).await?;
                return Ok(Reply::Number(row.try_get::<i64, _>(0)?.unsigned_abs()));
            }
            Request::Time => {
                let row = connection.fetch_one("SELECT extract(epoch FROM clock_timestamp())::bigint").await?;
                return Ok(Reply::Number(row.try_get::<i64, _>(0)?.unsigned_abs()));
            }
        };
        let bound = match request.compares() {
            Some((_, version)) => bound.bind(digest(version)),
            None => bound,
        };
        let bound = match request.binds() {
            Some(user) => bound.bind(user.as_deref().map(user_text)),
            None => bound,
        };
        match (first(connection, bound).await?, request.answers_with_current()) {
            (Reply::Found(None), Some(key)) => first(connection, query(&self.statements.current).bind(key)).await,
            (reply, _) => Ok(reply),
        }
    }

    async fn lift_limits(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        connection.execute("SET statement_timeout = 0").await.map(drop)
    }

    async fn run_script(&self, connection: &mut PgConnection, script: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(sqlx::raw_sql(script)).await.map(drop)
    }

    fn schema(&self) -> SqlStr {
        let file = include_str!("../schema/postgres.sql");
        let columns = if self.is_json { file.to_owned() } else { file.replace("value text", "value bytea") };
        self.table.in_file(&in_one_transaction(&self.table, &columns), "http_sessions", '"')
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        errors::meaning(error.code().as_deref().unwrap_or_default())
    }
}

/// Returns the script that creates a table. The lock keeps servers that start at the same time from creating it twice.
pub(crate) fn in_one_transaction(table: &Table, script: &str) -> String {
    format!(
        "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SELECT pg_advisory_xact_lock({}); {script}; COMMIT",
        table.lock()
    )
}

fn query(statement: &Statement) -> Query<'_, Postgres, PgArguments> {
    sqlx::query(statement.sql())
}

fn bind<'q>(query: Query<'q, Postgres, PgArguments>, value: &'q Value) -> Query<'q, Postgres, PgArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    }
}

/// Returns the reply in the first row.
async fn first(connection: &mut PgConnection, query: Query<'_, Postgres, PgArguments>) -> Result<Reply, sqlx::Error> {
    let row = connection.fetch_optional(query).await?;
    let read = |row: PgRow| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get_unchecked(1)?, row.try_get(2)?));
    Ok(Reply::of_row(row.map(read).transpose()?))
}

/// Returns the user's text with NUL and `%` percent-encoded, because PostgreSQL does not allow NUL in a text.
fn user_text(user: &str) -> Cow<'_, str> {
    if user.contains(['\0', '%']) { user.replace('%', "%25").replace('\0', "%00").into() } else { user.into() }
}

fn listed(row: &PgRow) -> Result<ListedRow, sqlx::Error> {
    Ok(ListedRow { key: row.try_get(0)?, value: row.try_get_unchecked(1)?, millis_left: row.try_get(2)? })
}
