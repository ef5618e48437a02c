//! Django's table of sessions, and the table of markers beside it.
//!
//! The row of a removed session is deleted, as Django does it. Its marker is in the table of markers, so that Django's
//! table needs no change. A write that compares is one statement: `UPDATE … WHERE session_data` is still the value that
//! was read.
//!
//! Calls that a marker can refuse, and calls that leave one, write both tables in one transaction, at READ COMMITTED or
//! a stricter isolation level. Each of them first inserts the row of its key into the table of markers, which locks the
//! key. So a removal and a `create` of one key run one after the other, and the second sees the writes of the first.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;

use std::future::Future;
use std::sync::Arc;

use session_backend_support::Outage;
use session_core::{MARKER_LIFETIME, Version};
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::{Connection as _, Database, Encode, SqlStr, Type};

use crate::dialect::{Connection, Dialect, Meaning};
use crate::marker;
use crate::request::{BATCH, Reply, Request, Row, Swept, Ttl, Value};
use crate::table::{Statement, Table};
use statements::{Insertion, Statements};

/// The lifetime, in seconds, of a row that is inserted only to lock its key. It is negative, so the row has expired by
/// any clock and never counts as a marker.
const LOCK_LIFETIME: i64 = -60;

/// The SQL of a database for the tables of Django, and the ways to run it.
pub(crate) trait DjangoSql: Dialect {
    const QUOTE: char;

    /// The time of a statement, in the form of the column `expire_date`.
    const NOW: &'static str;

    /// The time that lies the parameter's number of seconds ahead.
    const LATER: &'static str;

    /// The condition that `session_data` is the result of [`expected`](Self::expected).
    const UNCHANGED: &'static str;

    /// Deletes a batch of expired markers.
    const SWEEP: &'static str;

    /// `true` if the database numbers its parameters, like `$1`.
    const NUMBERED: bool = false;

    /// `true` if an `INSERT` can itself replace an expired row.
    const UPSERT: bool = true;

    /// Returns the statements that create the table of markers if it is missing.
    fn markers_schema(markers: &Table) -> SqlStr;

    /// Returns the parameter that stands for a version; `None` if the row is not at that version.
    fn expected(
        connection: &mut Connection<Self>,
        fetch: &Statement,
        key: &str,
        version: &Version,
    ) -> impl Future<Output = Result<Option<Expected>, sqlx::Error>> + Send;

    /// Runs a write, and returns the number of rows that it matched.
    fn execute(
        connection: &mut Connection<Self>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Returns the first row of a query: its kind, and the text of a session or a marker.
    fn read(
        connection: &mut Connection<Self>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Option<Row>, sqlx::Error>> + Send;

    /// Inserts a row if the key has none, or only an expired one. Returns `false` if it has another one.
    fn insert(
        connection: &mut Connection<Self>,
        insertion: &Insertion,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send {
        async move { Ok(Self::execute(connection, &insertion.insert, params).await? > 0) }
    }
}

/// A parameter of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Param<'a> {
    Text(&'a str),
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    Bytes(&'a [u8]),
    Number(i64),
}

/// The parameter that stands for a version.
pub(crate) enum Expected {
    #[cfg(feature = "mysql")]
    Text(String),
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    Bytes(Vec<u8>),
}

impl Expected {
    fn param(&self) -> Param<'_> {
        // Matches the place, not a reference to it, because without a database the enum has no variants.
        match *self {
            #[cfg(feature = "mysql")]
            Self::Text(ref text) => Param::Text(text),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            Self::Bytes(ref bytes) => Param::Bytes(bytes),
        }
    }
}

/// Runs the [statements] for the tables of Django on a kind of database.
pub(crate) struct Django<D> {
    own: D,
    markers: Table,
    statements: Statements,
}

impl<D: DjangoSql> Django<D> {
    async fn create(
        &self,
        connection: &mut Connection<D>,
        key: &str,
        value: &str,
        ttl: Ttl,
    ) -> Result<Reply, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        if self.insert(&mut transaction, key, value, ttl).await? {
            transaction.commit().await?;
            return Ok(Reply::Done);
        }
        transaction.rollback().await?;
        self.current(connection, key).await
    }

    /// Inserts a session, unless its key is in use or has a marker.
    async fn insert(
        &self,
        transaction: &mut Connection<D>,
        key: &str,
        value: &str,
        ttl: Ttl,
    ) -> Result<bool, sqlx::Error> {
        let lock = [Param::Text(key), Param::Text(""), Param::Number(LOCK_LIFETIME)];
        let session = [Param::Text(key), Param::Text(value), Param::Number(ttl.seconds())];
        Ok(D::insert(transaction, &self.statements.mark, &lock).await?
            && D::insert(transaction, &self.statements.insert, &session).await?)
    }

    async fn mark(&self, transaction: &mut Connection<D>, key: &str, marker: &str) -> Result<bool, sqlx::Error> {
        let marker = [Param::Text(key), Param::Text(marker), Param::Number(Ttl::new(MARKER_LIFETIME).seconds())];
        D::insert(transaction, &self.statements.mark, &marker).await
    }

    /// Deletes the row of a session. Returns `false` if there is no row, or if its value is not the expected one.
    async fn delete(
        &self,
        transaction: &mut Connection<D>,
        key: &str,
        expected: Option<&Expected>,
    ) -> Result<bool, sqlx::Error> {
        let key = Param::Text(key);
        let deleted = match expected {
            Some(expected) => D::execute(transaction, &self.statements.delete_at, &[key, expected.param()]).await?,
            None => D::execute(transaction, &self.statements.delete, &[key]).await?,
        };
        Ok(deleted > 0)
    }

    async fn remove(
        &self,
        connection: &mut Connection<D>,
        key: &str,
        marker: &str,
        expected: Option<&Expected>,
    ) -> Result<Reply, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let marked = self.mark(&mut transaction, key, marker).await?;
        let reply = match self.delete(&mut transaction, key, expected).await? {
            true => Reply::Done,
            false if marked && expected.is_none() => Reply::Left,
            false => {
                transaction.rollback().await?;
                return self.current(connection, key).await;
            }
        };
        transaction.commit().await?;
        Ok(reply)
    }

    async fn rotate(
        &self,
        connection: &mut Connection<D>,
        Rotation { old, new, value, ttl, expected }: Rotation<'_>,
    ) -> Result<Reply, sqlx::Error> {
        loop {
            let mut transaction = connection.begin().await?;
            let matches = self.mark(&mut transaction, old, &marker::renewed(new)).await?
                && self.delete(&mut transaction, old, Some(&expected)).await?;
            if matches && self.insert(&mut transaction, new, value, ttl).await? {
                transaction.commit().await?;
                return Ok(Reply::Done);
            }
            transaction.rollback().await?;
            if !matches {
                return self.current(connection, old).await;
            }
            // If the new key has no row now, its row has just expired, and the rotation is repeated.
            if let Reply::Found(Some(row)) = self.current(connection, new).await? {
                return Ok(Reply::NewKeyTaken(row));
            }
        }
    }

    /// Returns the session or the marker of a key.
    async fn current(&self, connection: &mut Connection<D>, key: &str) -> Result<Reply, sqlx::Error> {
        let key = Param::Text(key);
        D::read(connection, &self.statements.current, &[key, key]).await.map(Reply::Found)
    }
}

struct Rotation<'a> {
    old: &'a str,
    new: &'a str,
    value: &'a str,
    ttl: Ttl,
    expected: Expected,
}

impl<D: DjangoSql> Dialect for Django<D> {
    type Database = D::Database;

    const NAME: &'static str = D::NAME;

    const IS_FILE: bool = D::IS_FILE;

    /// On servers, a write to both tables is a transaction of its own.
    const TOGETHER: Option<&'static str> = if D::IS_FILE { D::TOGETHER } else { None };

    fn new(table: Table, is_json: bool) -> Self {
        let markers = table.with_suffix("_markers");
        Self { statements: Statements::new::<D>(&table, &markers), markers, own: D::new(table, is_json) }
    }

    fn outage(server: Arc<str>) -> Outage {
        D::outage(server)
    }

    fn server(options: &<Connection<Self> as sqlx::Connection>::Options) -> Arc<str> {
        D::server(options)
    }

    async fn run(&self, connection: &mut Connection<Self>, request: &Request) -> Result<Reply, sqlx::Error> {
        let Statements { fetch, marker, replace, touch, sweep, .. } = &self.statements;
        match request {
            Request::Fetch { key } => D::read(connection, fetch, &[Param::Text(key)]).await.map(Reply::Found),
            Request::Marker { key } => D::read(connection, marker, &[Param::Text(key)]).await.map(Reply::Found),
            Request::Create { key, value, ttl, .. } => self.create(connection, key, text(value)?, *ttl).await,
            Request::Replace { key, value, ttl, version, .. } => {
                if let Some(expected) = D::expected(connection, fetch, key, version).await? {
                    let seconds = Param::Number(ttl.seconds());
                    let params = [Param::Text(text(value)?), seconds, Param::Text(key), expected.param()];
                    if D::execute(connection, replace, &params).await? > 0 {
                        return Ok(Reply::Done);
                    }
                }
                self.current(connection, key).await
            }
            Request::Remove { key, version: None, marker } => {
                self.remove(connection, key, &marker::write(marker), None).await
            }
            Request::Remove { key, version: Some(version), marker } => {
                match D::expected(connection, fetch, key, version).await? {
                    Some(expected) => self.remove(connection, key, &marker::write(marker), Some(&expected)).await,
                    None => self.current(connection, key).await,
                }
            }
            Request::Touch { key, ttl, .. } => {
                let touched = D::execute(connection, touch, &[Param::Number(ttl.seconds()), Param::Text(key)]).await?;
                Ok(if touched > 0 { Reply::Done } else { Reply::Found(None) })
            }
            Request::Rotate { old, new, value, ttl, version, .. } => {
                match D::expected(connection, fetch, old, version).await? {
                    Some(expected) => {
                        let rotation = Rotation { old, new, value: text(value)?, ttl: *ttl, expected };
                        self.rotate(connection, rotation).await
                    }
                    None => self.current(connection, old).await,
                }
            }
            Request::Sweep => {
                let deleted = D::execute(connection, sweep, &[Param::Number(BATCH.into())]).await?;
                Ok(Reply::Swept(Swept { deleted, kept: 0 }))
            }
            Request::Time => self.own.run(connection, request).await,
            // The backend offers neither an index nor a scan of these tables.
            Request::List { .. } | Request::Scan { .. } | Request::Count { .. } => Ok(Reply::Listed(Vec::new())),
        }
    }

    async fn run_script(&self, connection: &mut Connection<Self>, script: SqlStr) -> Result<(), sqlx::Error> {
        self.own.run_script(connection, script).await
    }

    fn schema(&self) -> SqlStr {
        D::markers_schema(&self.markers)
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        let meaning = D::meaning(error);
        if !meaning.cause.starts_with("the table is missing") {
            return meaning;
        }
        let cause = "a table is missing: run the migrations of `django.contrib.sessions`, then call `create_table`";
        Meaning { cause: cause.into(), ..meaning }
    }
}

/// Returns the text of a value. The codec of this table writes nothing else.
fn text(value: &Value) -> Result<&str, sqlx::Error> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Bytes(_) => Err(sqlx::Error::Encode("the value is not text".into())),
    }
}

/// Returns a statement with its parameters.
fn bound<'q, DB: Database>(statement: &Statement, params: &'q [Param<'q>]) -> Query<'q, DB, DB::Arguments>
where
    &'q str: Encode<'q, DB> + Type<DB>,
    &'q [u8]: Encode<'q, DB> + Type<DB>,
    i64: Encode<'q, DB> + Type<DB>,
{
    params.iter().fold(sqlx::query(statement.sql()), |query, param| match *param {
        Param::Text(text) => query.bind(text),
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}

/// Implements the ways to run statements, which differ only in their types.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! run_statements {
    () => {
        async fn execute(
            connection: &mut Connection<Self>,
            statement: &Statement,
            params: &[Param<'_>],
        ) -> Result<u64, sqlx::Error> {
            Ok(sqlx::Executor::execute(connection, bound(statement, params)).await?.rows_affected())
        }

        async fn read(
            connection: &mut Connection<Self>,
            statement: &Statement,
            params: &[Param<'_>],
        ) -> Result<Option<Row>, sqlx::Error> {
            use sqlx::Row as _;

            let rows = sqlx::Executor::fetch_all(connection, bound(statement, params)).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            Ok(Some(match row.try_get_unchecked::<String, _>(0)?.as_str() {
                "session" => Row { value: row.try_get_unchecked(1)?, marker: None },
                _ => Row { value: None, marker: row.try_get_unchecked(1)? },
            }))
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use run_statements;
