//! SQLite.

mod connect;
mod errors;
mod group;
mod statements;

use std::future::ready;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use session_backend_support::{Outage, outage};
use session_core::Version;
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{Executor, Row as _, SqlStr, Sqlite, SqliteConnection};

pub(crate) use connect::connect;

use crate::dialect::{Dialect, Meaning};
use crate::format::sha256;
use crate::marker;
use crate::request::{BATCH, ListedRow, Reply, Request, Row, Swept, Ttl, Value};
use crate::table::{Statement, Table};
use group::{GROUPS, Group};
use statements::Statements;

/// Runs the [statements] of SQLite: one call of the client library for each request, and a second one for a write that
/// did not match.
pub(crate) struct SqliteDialect {
    table: Table,
    statements: Statements,
    groups: [Group; 2],
}

impl SqliteDialect {
    /// Returns the stored value of a version for a write to compare with. If the session is not at that version,
    /// returns the reply to the request instead.
    ///
    /// The version of a JSON value holds the text. The version of another codec's value is a digest, which SQLite can't
    /// compute, so the value is read and hashed here. The write then compares the stored value with the one that was
    /// read, so that no write in between is lost.
    async fn expected(
        &self,
        connection: &mut SqliteConnection,
        key: &str,
        version: &Version,
    ) -> Result<Result<Vec<u8>, Reply>, sqlx::Error> {
        if let Some(session) = version.json() {
            return Ok(Ok(session.as_json().into_owned().into_bytes()));
        }
        match read(connection, query(&self.statements.fetch).bind(key)).await? {
            Reply::Found(Some(Row { value: Some(value), marker: None }))
                if sha256(&value)[..] == *version.as_bytes() =>
            {
                Ok(Ok(value))
            }
            Reply::Found(None) => read(connection, query(&self.statements.marker).bind(key)).await.map(Err),
            reply => Ok(Err(reply)),
        }
    }

    /// Runs replacements in one call of the client library.
    async fn run_group(
        &self,
        connection: &mut SqliteConnection,
        writes: &[&Request],
        call: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<Reply>, sqlx::Error> {
        let ends = connection.fetch_many(call).try_filter_map(|end| ready(Ok(end.left())));
        let ends: Vec<_> = ends.try_collect().await?;
        let mut replies = Vec::with_capacity(writes.len());
        for (write, end) in writes.iter().zip(ends) {
            replies.push(match write.answers_with_current() {
                Some(key) if end.rows_affected() == 0 => {
                    read(connection, query(&self.statements.current).bind(key)).await?
                }
                _ => Reply::Done,
            });
        }
        Ok(replies)
    }
}

impl Dialect for SqliteDialect {
    type Database = Sqlite;

    const NAME: &'static str = "sqlite";

    const IS_FILE: bool = true;

    const TOGETHER: Option<&'static str> = Some("BEGIN IMMEDIATE");

    fn new(table: Table, _: bool) -> Self {
        let statement = |text: &str| table.statement(&text.replace("{now}", statements::NOW), '"');
        let statements = Statements::new(statement);
        let groups = GROUPS.map(|size| Group::new(size, &statements.replace));
        Self { table, statements, groups }
    }

    fn outage(server: Arc<str>) -> Outage {
        outage!("sqlite", server)
    }

    fn server(options: &SqliteConnectOptions) -> Arc<str> {
        connect::server(options)
    }

    async fn run(&self, connection: &mut SqliteConnection, request: &Request) -> Result<Reply, sqlx::Error> {
        let expected = match request.compares() {
            Some((key, version)) => match self.expected(connection, key, version).await? {
                Ok(expected) => Some(expected),
                Err(reply) => return Ok(reply),
            },
            None => None,
        };
        let statements = &self.statements;
        let bound = match request {
            Request::Fetch { key } => return read(connection, query(&statements.fetch).bind(key)).await,
            Request::Marker { key } => return read(connection, query(&statements.marker).bind(key)).await,
            Request::Create { key, value, ttl, .. } => {
                bind(query(&statements.create).bind(key), value).bind(millis(*ttl))
            }
            Request::Replace { key, value, ttl, .. } => {
                let index = request.changes_an_index();
                let statement = if index { &statements.replace_and_index } else { &statements.replace };
                bind(query(statement).bind(key), value).bind(millis(*ttl))
            }
            Request::Remove { key, version, marker } => {
                let statement = if version.is_some() { &statements.remove_at } else { &statements.remove };
                query(statement).bind(key).bind(marker::write(marker))
            }
            Request::Touch { key, ttl, .. } => query(&statements.touch).bind(key).bind(millis(*ttl)),
            Request::Rotate { old, new, value, ttl, .. } => {
                let query = query(&statements.rotate).bind(old).bind(new).bind(marker::renewed(new));
                bind(query, value).bind(millis(*ttl))
            }
            Request::Sweep => {
                let kept = changes(connection, query(&statements.keep).bind(BATCH)).await?;
                let deleted = changes(connection, query(&statements.sweep).bind(BATCH)).await?;
                return Ok(Reply::Swept(Swept { deleted, kept }));
            }
            Request::List { user } => {
                let rows = connection.fetch_all(query(&statements.list).bind(user)).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Scan { after, before } => {
                let rows = connection.fetch_all(query(&statements.scan).bind(after).bind(before)).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Count { key_prefix } => {
                let row = connection.fetch_one(query(&statements.count).bind(key_prefix)).await?;
                return Ok(Reply::Number(row.try_get::<i64, _>(0)?.unsigned_abs()));
            }
            Request::Time => {
                let row = connection.fetch_one("SELECT CAST(strftime('%s', 'now') AS INTEGER)").await?;
                return Ok(Reply::Number(row.try_get::<i64, _>(0)?.unsigned_abs()));
            }
        };
        let bound = match expected {
            Some(expected) => bound.bind(expected),
            None => bound,
        };
        let bound = match request.binds() {
            Some(user) => bound.bind(user),
            None => bound,
        };
        let reply = match request {
            Request::Remove { version: None, .. } | Request::Rotate { .. } => write(connection, bound).await?,
            _ if changes(connection, bound).await? > 0 => Reply::Done,
            _ => Reply::Found(None),
        };
        match (reply, request.answers_with_current()) {
            (Reply::Found(None), Some(key)) => read(connection, query(&statements.current).bind(key)).await,
            (reply, _) => Ok(reply),
        }
    }

    async fn run_all(&self, connection: &mut SqliteConnection, writes: &[&Request]) -> Result<Vec<Reply>, sqlx::Error> {
        let (mut replies, mut rest) = (Vec::with_capacity(writes.len()), writes);
        while let Some((first, others)) = rest.split_first() {
            let group = self.groups.iter().find_map(|group| Some((group.call(rest)?, rest.split_at(group.size))));
            rest = match group {
                Some((call, (group, others))) => {
                    replies.extend(self.run_group(connection, group, call).await?);
                    others
                }
                None => {
                    replies.push(self.run(connection, first).await?);
                    others
                }
            };
        }
        Ok(replies)
    }

    async fn run_script(&self, connection: &mut SqliteConnection, script: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(sqlx::raw_sql(script)).await.map(drop)
    }

    fn schema(&self) -> SqlStr {
        self.table.in_file(include_str!("../schema/sqlite.sql"), "http_sessions", '"')
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        errors::meaning(error)
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

/// Returns the number of rows that a write has changed.
async fn changes(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<u64, sqlx::Error> {
    Ok(connection.execute(query).await?.rows_affected())
}

/// Runs all statements to their end, because SQLite commits after the last row. Returns the reply in the first row.
async fn write(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Reply, sqlx::Error> {
    reply(connection.fetch_all(query).await?.first())
}

async fn read(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Reply, sqlx::Error> {
    reply(connection.fetch_optional(query).await?.as_ref())
}

fn reply(row: Option<&SqliteRow>) -> Result<Reply, sqlx::Error> {
    let read = |row: &SqliteRow| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get_unchecked(1)?, row.try_get(2)?));
    Ok(Reply::of_row(row.map(read).transpose()?))
}

fn listed(row: &SqliteRow) -> Result<ListedRow, sqlx::Error> {
    Ok(ListedRow { key: row.try_get(0)?, value: row.try_get_unchecked(1)?, millis_left: row.try_get(2)? })
}
