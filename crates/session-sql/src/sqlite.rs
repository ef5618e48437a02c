//! SQLite.

mod connect;

use session_core::{BackendErrorKind, Version};
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Executor, Row as _, SqlStr, Sqlite, SqliteConnection};

pub(crate) use connect::{connect, server};

use crate::dialect::{Dialect, Meaning, Then};
use crate::format::sha256;
use crate::marker;
use crate::request::{Reply, Request, Row, Ttl, Value};
use crate::sweep::BATCH;
use crate::table::{Statement, Table};

/// The statements of SQLite.
///
/// Each request is one call of the library: a write, and a query that says what is stored if the write did not match. A
/// write is a single statement, so it is a transaction of its own, and SQLite has one at a time among all processes:
/// whatever the statement compares stays so until it has written.
pub(crate) struct SqliteDialect {
    table: Table,
    fetch: Statement,
    marker: Statement,
    create: Statement,
    replace: Statement,
    remove: Statement,
    remove_at: Statement,
    touch: Statement,
    rotate: Statement,
    sweep: Statement,
}

/// Milliseconds since 1970, by the clock of this machine; the same throughout a statement. `unixepoch('subsec')` is
/// missing before SQLite 3.42.
const NOW: &str = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

const FETCH: &str = "SELECT 'found', value, NULL FROM {table}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}";

const MARKER: &str = "SELECT 'found', NULL, marker FROM {table}
    WHERE session_key = ?1 AND marker IS NOT NULL AND expires_at > {now}";

/// An expired row counts as absent.
const CREATE: &str = "INSERT INTO {table} AS t (session_key, value, expires_at, created_at, seen_at)
    VALUES (?1, ?2, {now} + ?3, {now}, {now})
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = NULL,
        expires_at = excluded.expires_at, created_at = excluded.created_at, seen_at = excluded.seen_at
    WHERE t.expires_at <= {now}
    RETURNING 'done', NULL, NULL;
SELECT 'found', NULL, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

const REPLACE: &str = "UPDATE {table} SET value = ?2, expires_at = {now} + ?3, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND value = ?4
    RETURNING 'done', NULL, NULL;
SELECT 'found', value, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

const REMOVE_AT: &str =
    "UPDATE {table} SET value = NULL, marker = ?2, user_id = NULL, expires_at = {now} + 60000, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND value = ?3
    RETURNING 'done', NULL, NULL;
SELECT 'found', value, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

/// A marker that is there already stays.
const REMOVE: &str =
    "UPDATE {table} SET value = NULL, marker = ?2, user_id = NULL, expires_at = {now} + 60000, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}
    RETURNING 'done', NULL, NULL;
INSERT INTO {table} AS t (session_key, marker, expires_at, created_at, seen_at)
    SELECT ?1, ?2, {now} + 60000, {now}, {now} WHERE changes() = 0
    ON CONFLICT (session_key) DO UPDATE SET value = NULL, marker = excluded.marker, user_id = NULL,
        expires_at = excluded.expires_at, created_at = excluded.created_at, seen_at = excluded.seen_at
    WHERE t.expires_at <= {now}
    RETURNING 'left', NULL, NULL;
SELECT 'found', NULL, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

const TOUCH: &str = "UPDATE {table} SET expires_at = {now} + ?2, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}
    RETURNING 'done', NULL, NULL";

/// Both rows are written by one statement: the new session, and the marker in place of the old one.
const ROTATE: &str = "INSERT INTO {table} AS t (session_key, value, marker, user_id, expires_at, created_at, seen_at)
    SELECT new.column1, new.column2, new.column3, CASE WHEN new.column3 IS NULL THEN old.user_id END,
        {now} + new.column4, old.created_at, {now}
    FROM {table} AS old JOIN (VALUES (?2, ?4, NULL, ?5), (?1, NULL, ?3, 60000)) AS new
    WHERE old.session_key = ?1 AND old.marker IS NULL AND old.expires_at > {now} AND old.value = ?6
        AND NOT EXISTS (SELECT 1 FROM {table} WHERE session_key = ?2 AND expires_at > {now})
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = excluded.marker,
        user_id = excluded.user_id, expires_at = excluded.expires_at, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    RETURNING 'done', NULL, NULL;
SELECT 'new', NULL, marker FROM {table}
    WHERE session_key = ?2 AND expires_at > {now} AND changes() = 0 AND EXISTS (
        SELECT 1 FROM {table} WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND value = ?6);
SELECT 'found', value, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

/// Rows are found by the hour in which they expired, which is what the index holds.
const SWEEP: &str = "DELETE FROM {table} WHERE rowid IN (
    SELECT rowid FROM {table} WHERE expires_at / 3600000 < {now} / 3600000 LIMIT ?1)";

impl SqliteDialect {
    pub(crate) fn new(table: Table) -> Self {
        let statement = |text: &str| table.statement(&text.replace("{now}", NOW), '"');
        Self {
            fetch: statement(FETCH),
            marker: statement(MARKER),
            create: statement(CREATE),
            replace: statement(REPLACE),
            remove: statement(REMOVE),
            remove_at: statement(REMOVE_AT),
            touch: statement(TOUCH),
            rotate: statement(ROTATE),
            sweep: statement(SWEEP),
            table,
        }
    }

    /// Returns the stored value that a version is about, or the reply to a request at that version.
    ///
    /// A version of JSON knows its text. That of another codec is a digest, which SQLite can't compute: the value is read
    /// and hashed here. The write then compares with that value, so that no other write between the two is lost.
    async fn expected(
        &self,
        connection: &mut SqliteConnection,
        key: &str,
        version: &Version,
    ) -> Result<Result<Value, Reply>, sqlx::Error> {
        if let Some(session) = version.json() {
            return Ok(Ok(Value::Text(session.to_json())));
        }
        match first(connection, query(&self.fetch).bind(key)).await? {
            Reply::Found(Some(Row { value: Some(value), marker: None }))
                if sha256(&value)[..] == *version.as_bytes() =>
            {
                Ok(Ok(Value::Bytes(value)))
            }
            Reply::Found(None) => first(connection, query(&self.marker).bind(key)).await.map(Err),
            reply => Ok(Err(reply)),
        }
    }
}

impl Dialect for SqliteDialect {
    type Database = Sqlite;

    const NAME: &'static str = "sqlite";

    async fn run(&self, connection: &mut SqliteConnection, request: &Request) -> Result<Reply, sqlx::Error> {
        let expected = match request.compares() {
            Some((key, version)) => match self.expected(connection, key, version).await? {
                Ok(expected) => Some(expected),
                Err(reply) => return Ok(reply),
            },
            None => None,
        };
        let query = match request {
            Request::Fetch { key } => query(&self.fetch).bind(key),
            Request::Marker { key } => query(&self.marker).bind(key),
            Request::Create { key, value, ttl } => bind(query(&self.create).bind(key), value).bind(millis(*ttl)),
            Request::Replace { key, value, ttl, .. } => bind(query(&self.replace).bind(key), value).bind(millis(*ttl)),
            Request::Remove { key, version, marker } => {
                let statement = if version.is_some() { &self.remove_at } else { &self.remove };
                query(statement).bind(key).bind(marker::write(marker))
            }
            Request::Touch { key, ttl } => query(&self.touch).bind(key).bind(millis(*ttl)),
            Request::Rotate { old, new, value, ttl, .. } => {
                let query = query(&self.rotate).bind(old).bind(new).bind(marker::renewed(new));
                bind(query, value).bind(millis(*ttl))
            }
            Request::Sweep => {
                let deleted = connection.execute(query(&self.sweep).bind(BATCH)).await?;
                return Ok(Reply::Swept(deleted.rows_affected()));
            }
        };
        let query = match &expected {
            Some(expected) => bind(query, expected),
            None => query,
        };
        first(connection, query).await
    }

    async fn run_script(&self, connection: &mut SqliteConnection, script: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(sqlx::raw_sql(script)).await.map(drop)
    }

    fn schema(&self) -> SqlStr {
        self.table.in_file(include_str!("../schema/sqlite.sql"), '"')
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        use BackendErrorKind::{Other, Refused, Timeout, Unavailable};

        let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
        // The primary code is the last byte of an extended one.
        match code & 0xff {
            5 | 6 => {
                Meaning::new(Timeout, "another process or transaction locks the database (SQLITE_BUSY)", Then::Retry)
            }
            3 | 23 => Meaning::new(Unavailable, "the file may not be read (SQLITE_PERM)", Then::Reconnect),
            8 => Meaning::new(Refused, "the file is read-only (SQLITE_READONLY)", Then::Reconnect),
            10 => Meaning::new(
                Unavailable,
                format!("the file can't be read or written (SQLITE_IOERR {code})"),
                Then::Reconnect,
            ),
            11 | 26 => {
                Meaning::new(Unavailable, "the file is damaged, or no database (SQLITE_CORRUPT)", Then::Reconnect)
            }
            13 => Meaning::new(Refused, "the disk is full (SQLITE_FULL)", Then::Fail),
            14 => Meaning::new(Unavailable, "the file can't be opened (SQLITE_CANTOPEN)", Then::Reconnect),
            18 => Meaning::new(Refused, "the value is too large for SQLite (SQLITE_TOOBIG)", Then::Fail),
            1 if error.message().starts_with("no such table") => {
                Meaning::new(Unavailable, "the table is missing: call `create_table`, or run the SQL file", Then::Fail)
            }
            1 if error.message().contains("column") => {
                Meaning::new(Unavailable, "the table lacks a column that the schema has", Then::Fail)
            }
            _ => Meaning::new(Other, format!("the database answered with the error {code}"), Then::Fail),
        }
    }
}

fn query(statement: &Statement) -> Query<'_, Sqlite, SqliteArguments> {
    sqlx::query(statement.sql())
}

fn millis(ttl: Ttl) -> i64 {
    ttl.seconds() * 1000
}

fn bind<'q>(query: Query<'q, Sqlite, SqliteArguments>, value: &'q Value) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    }
}

/// Runs all statements to their end, because SQLite commits after the last row, and reads the first row.
async fn first(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Reply, sqlx::Error> {
    let rows = connection.fetch_all(query).await?;
    let read = |row: &SqliteRow| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get_unchecked(1)?, row.try_get(2)?));
    Ok(Reply::of_row(rows.first().map(read).transpose()?))
}
