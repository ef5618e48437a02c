//! MySQL and MariaDB.

mod connect;
mod errors;
mod statements;

use std::sync::Arc;

use session_backend_support::{Outage, outage};
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::query::Query;
use sqlx::{Connection as _, Executor, MySql, MySqlConnection, Row as _, SqlStr};

pub(crate) use connect::connect;

use crate::dialect::{Dialect, Meaning};
use crate::format::digest;
use crate::marker;
use crate::request::{BATCH, ListedRow, Reply, Request, Swept, Ttl, Value};
use crate::table::{Statement, Table};
use statements::Statements;

/// Runs the [statements] of MySQL. MySQL and MariaDB have no `RETURNING` in common, so the number of matching rows
/// tells whether a write was applied. If it was not, a second statement reads the current row.
pub(crate) struct MySqlDialect {
    table: Table,
    /// `true` if values are JSON, in a column of text.
    is_json: bool,
    statements: Statements,
}

impl MySqlDialect {
    /// Inserts a row if the key has none, or only an expired one.
    async fn insert<'q>(
        &self,
        connection: &mut MySqlConnection,
        key: &str,
        row: impl Fn() -> Query<'q, MySql, MySqlArguments> + Sync,
        inserted: Reply,
    ) -> Result<Reply, sqlx::Error> {
        loop {
            match connection.execute(row()).await {
                Ok(_) => return Ok(inserted),
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error),
            }
            if changes(connection, query(&self.statements.delete_expired).bind(key)).await? == 0 {
                return first(connection, query(&self.statements.current).bind(key)).await;
            }
        }
    }

    /// Moves a session, in a transaction: the new row is inserted first, then the old one is compared and marked.
    ///
    /// At READ COMMITTED the update waits for a concurrent write of the old row, and then compares the row after that
    /// write. If it does not match, the insertion is rolled back.
    async fn rotate(&self, connection: &mut MySqlConnection, rotation: &Rotation<'_>) -> Result<Reply, sqlx::Error> {
        loop {
            let mut transaction = connection.begin().await?;
            let outcome = self.write_rotation(&mut transaction, rotation).await;
            if matches!(outcome, Ok(true)) {
                transaction.commit().await?;
                return Ok(Reply::Done);
            }
            transaction.rollback().await?;
            match outcome {
                Ok(_) => return first(connection, query(&self.statements.current).bind(rotation.old)).await,
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error),
            }
            // The old row matches, and the new key has a row.
            if changes(connection, query(&self.statements.delete_expired).bind(rotation.new)).await? == 0
                && let Reply::Found(Some(row)) =
                    first(connection, query(&self.statements.current).bind(rotation.new)).await?
            {
                return Ok(Reply::NewKeyTaken(row));
            }
        }
    }

    /// Returns `true` if both rows were written.
    async fn write_rotation(
        &self,
        connection: &mut MySqlConnection,
        rotation: &Rotation<'_>,
    ) -> Result<bool, sqlx::Error> {
        let Rotation { old, new, value, ttl, user, expected } = rotation;
        let copy = bind(query(&self.statements.copy).bind(*new), value).bind(*user);
        let copy = copy.bind(ttl.seconds()).bind(*old).bind(&**expected);
        if changes(connection, copy).await? == 0 {
            return Ok(false);
        }
        let mark = query(&self.statements.remove_at).bind(marker::renewed(new)).bind(*old).bind(&**expected);
        Ok(changes(connection, mark).await? > 0)
    }

    /// Deletes a batch of expired rows, unless another server is doing so.
    async fn sweep(&self, connection: &mut MySqlConnection) -> Result<Swept, sqlx::Error> {
        let lock = format!("session-sql {:x}", self.table.lock());
        let row = connection.fetch_one(sqlx::query(statements::LOCK).bind(&lock)).await?;
        if row.try_get::<Option<i64>, _>(0)? != Some(1) {
            return Ok(Swept::default());
        }
        let deleted = changes(connection, query(&self.statements.sweep).bind(BATCH)).await;
        connection.execute(sqlx::query(statements::UNLOCK).bind(&lock)).await?;
        Ok(Swept { deleted: deleted?, kept: 0 })
    }
}

struct Rotation<'a> {
    old: &'a str,
    new: &'a str,
    value: &'a Value,
    ttl: Ttl,
    user: Option<&'a str>,
    expected: String,
}

impl Dialect for MySqlDialect {
    type Database = MySql;

    const NAME: &'static str = "mysql";

    const IS_FILE: bool = false;

    const TOGETHER: Option<&'static str> = None;

    fn new(table: Table, is_json: bool) -> Self {
        let statement = |text: &str| table.statement(text, '`');
        Self { is_json, statements: Statements::new(statement), table }
    }

    fn outage(server: Arc<str>) -> Outage {
        outage!("mysql", server)
    }

    fn server(options: &MySqlConnectOptions) -> Arc<str> {
        connect::server(options)
    }

    async fn run(&self, connection: &mut MySqlConnection, request: &Request) -> Result<Reply, sqlx::Error> {
        let expected = request.compares().map(|(_, version)| hex(&digest(version))).unwrap_or_default();
        let (write, key) = match request {
            Request::Fetch { key } => return first(connection, query(&self.statements.fetch).bind(key)).await,
            Request::Marker { key } => return first(connection, query(&self.statements.marker).bind(key)).await,
            Request::Create { key, value, ttl, user } => {
                let row = || bind(query(&self.statements.insert).bind(key), value).bind(user).bind(ttl.seconds());
                return self.insert(connection, key, row, Reply::Done).await;
            }
            Request::Replace { key, value, ttl, user, .. } => {
                (bind(query(&self.statements.replace), value).bind(user).bind(ttl.seconds()).bind(key), key)
            }
            Request::Remove { key, version: None, marker } => {
                let marker = marker::write(marker);
                if changes(connection, query(&self.statements.remove).bind(&marker).bind(key)).await? > 0 {
                    return Ok(Reply::Done);
                }
                let row = || query(&self.statements.insert_marker).bind(key).bind(&marker);
                return self.insert(connection, key, row, Reply::Left).await;
            }
            Request::Remove { key, version: Some(_), marker } => {
                (query(&self.statements.remove_at).bind(marker::write(marker)).bind(key), key)
            }
            Request::Touch { key, ttl, user } => {
                let touch = query(&self.statements.touch).bind(user).bind(ttl.seconds()).bind(key);
                let touched = changes(connection, touch).await?;
                return Ok(if touched > 0 { Reply::Done } else { Reply::Found(None) });
            }
            Request::Rotate { old, new, value, ttl, user, .. } => {
                let rotation = Rotation { old, new, value, ttl: *ttl, user: user.as_deref(), expected };
                return self.rotate(connection, &rotation).await;
            }
            Request::Sweep => return self.sweep(connection).await.map(Reply::Swept),
            Request::List { user } => {
                let rows = connection.fetch_all(query(&self.statements.list).bind(user)).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Scan { after, before } => {
                let rows = connection.fetch_all(query(&self.statements.scan).bind(after).bind(before)).await?;
                return rows.iter().map(listed).collect::<Result<_, _>>().map(Reply::Listed);
            }
            Request::Count { key_prefix } => {
                let row = connection.fetch_one(query(&self.statements.count).bind(key_prefix).bind(key_prefix)).await?;
                return Ok(Reply::Number(row.try_get::<i64, _>(0)?.unsigned_abs()));
            }
            Request::Time => {
                let row = connection.fetch_one("SELECT UNIX_TIMESTAMP()").await?;
                return Ok(Reply::Number(row.try_get_unchecked::<i64, _>(0)?.unsigned_abs()));
            }
        };
        if changes(connection, write.bind(expected)).await? > 0 {
            return Ok(Reply::Done);
        }
        first(connection, query(&self.statements.current).bind(key)).await
    }

    async fn run_script(&self, connection: &mut MySqlConnection, script: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(sqlx::raw_sql(script)).await.map(drop)
    }

    fn schema(&self) -> SqlStr {
        let file = include_str!("../schema/mysql.sql");
        let text = "value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
        let columns = if self.is_json { file.to_owned() } else { file.replace(text, "value LONGBLOB") };
        self.table.in_file(&columns, "http_sessions", '`')
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        errors::meaning(errors::number(error))
    }
}

pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(DatabaseError::is_unique_violation)
}

fn query(statement: &Statement) -> Query<'_, MySql, MySqlArguments> {
    sqlx::query(statement.sql())
}

fn bind<'q>(query: Query<'q, MySql, MySqlArguments>, value: &'q Value) -> Query<'q, MySql, MySqlArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    }
}

/// Returns the number of rows that a write matched. The client library makes the server also count rows whose columns
/// kept their values.
async fn changes(
    connection: &mut MySqlConnection,
    query: Query<'_, MySql, MySqlArguments>,
) -> Result<u64, sqlx::Error> {
    Ok(connection.execute(query).await?.rows_affected())
}

async fn first(
    connection: &mut MySqlConnection,
    query: Query<'_, MySql, MySqlArguments>,
) -> Result<Reply, sqlx::Error> {
    let rows = connection.fetch_all(query).await?;
    let read = |row: &MySqlRow| {
        Ok::<_, sqlx::Error>((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?, row.try_get_unchecked(2)?))
    };
    Ok(Reply::of_row(rows.first().map(read).transpose()?))
}

fn listed(row: &MySqlRow) -> Result<ListedRow, sqlx::Error> {
    Ok(ListedRow {
        key: row.try_get_unchecked(0)?,
        value: row.try_get_unchecked(1)?,
        millis_left: row.try_get_unchecked(2)?,
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
