//! HTTP sessions in a table of SQLite, PostgreSQL, MySQL or MariaDB.

#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, unreachable_code, unused_imports, reason = "without a database nothing can be connected")
)]

mod backend;
mod background;
mod breaker;
mod deadline;
mod detached;
mod dialect;
mod error;
mod format;
mod marker;
#[cfg(feature = "mysql")]
mod mysql;
mod outage;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod request;
mod runtimes;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod sweep;
mod table;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod url;
mod writer;

pub use backend::{SqlBackend, SqlBackendBuilder, SqlPool};
pub use error::SqlConfigError;
