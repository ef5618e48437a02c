//! A kind of database.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use session_backend_support::Outage;
use session_core::BackendErrorKind;
use sqlx::error::DatabaseError;
use sqlx::{Database, SqlStr};

use crate::request::{Reply, Request};
use crate::table::Table;

/// A cause, as a text that quotes no key, data or password.
pub(crate) type Cause = Cow<'static, str>;

pub(crate) type Connection<D> = <<D as Dialect>::Database as Database>::Connection;

/// The statements of a kind of database, and the meaning of its errors.
pub(crate) trait Dialect: Sized + Send + Sync + 'static {
    type Database: Database;

    /// The name of the kind, for logs and metrics.
    const NAME: &'static str;

    /// `true` if the database is a file, with one writer at a time and no server that may be restarted.
    const IS_FILE: bool;

    /// The statement that begins a transaction of several writes; `None` if each write has its own.
    const TOGETHER: Option<&'static str>;

    /// Makes the statements for a table whose values are JSON text or other bytes.
    fn new(table: Table, is_json: bool) -> Self;

    /// Makes the outage log of a server or file.
    fn outage(server: Arc<str>) -> Outage;

    /// Returns the name of a server or file for the log.
    fn server(options: &<Connection<Self> as sqlx::Connection>::Options) -> Arc<str>;

    /// Runs a request. If the database answers with an error, the request has applied nothing.
    fn run(
        &self,
        connection: &mut Connection<Self>,
        request: &Request,
    ) -> impl Future<Output = Result<Reply, sqlx::Error>> + Send;

    /// Runs writes, one after the other.
    fn run_all(
        &self,
        connection: &mut Connection<Self>,
        writes: &[&Request],
    ) -> impl Future<Output = Result<Vec<Reply>, sqlx::Error>> + Send {
        async move {
            let mut replies = Vec::with_capacity(writes.len());
            for write in writes {
                replies.push(self.run(connection, write).await?);
            }
            Ok(replies)
        }
    }

    /// Lets statements of this connection take longer than a call may take.
    fn lift_limits(&self, _connection: &mut Connection<Self>) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs statements without parameters, one after the other.
    fn run_script(
        &self,
        connection: &mut Connection<Self>,
        script: SqlStr,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Returns the statements that create the table if it is missing.
    fn schema(&self) -> SqlStr;

    /// Returns the meaning of an error that the database answered with.
    fn meaning(error: &dyn DatabaseError) -> Meaning;
}

/// The meaning of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) kind: BackendErrorKind,
    pub(crate) cause: Cause,
    pub(crate) then: Then,
}

/// The next step after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The call fails.
    Fail,
    /// The call is made again, because the obstacle is likely to pass.
    Retry,
    /// The connection is closed, and the call is made once more on a new one, which may lead to a better server.
    Reconnect,
}

impl Meaning {
    pub(crate) fn new(kind: BackendErrorKind, cause: impl Into<Cause>, then: Then) -> Self {
        Self { kind, cause: cause.into(), then }
    }
}
