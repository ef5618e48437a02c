//! The load on sessions in SQL databases.
//!
//! A program for each client library keeps sessions in a database, and [serves] commands that put load on them. The part
//! `sql` of the report runs the programs in turn.

mod load;
#[cfg(feature = "ours")]
pub mod ours;
mod serve;

use std::future::Future;

use anyhow::Result;

pub use load::percentiles;
pub use serve::serve;

/// The number of clients that use sessions at the same time, each its own.
pub const CLIENTS: u32 = 32;

/// The number of connections of each pool.
pub const CONNECTIONS: u32 = 8;

/// The key of the number that a write increments.
pub const VISITS: &str = "visits";

/// The seconds until a session expires.
pub const LIFETIME: u32 = 3600;

/// A way to keep sessions in a database.
pub trait Subject: Send + Sync + 'static {
    /// A stored session, as its client knows it.
    type Session: Send + 'static;

    /// Stores a new session with the values of this JSON text.
    fn create(&self, json: &str) -> impl Future<Output = Result<Self::Session>> + Send;

    /// Reads a session.
    fn read(&self, session: &Self::Session) -> impl Future<Output = Result<()>> + Send;

    /// Writes a session with another number of visits.
    fn write(&self, session: &mut Self::Session) -> impl Future<Output = Result<()>> + Send;
}

/// The place of the sessions.
#[derive(Clone, Debug)]
pub struct Place {
    /// The URL of the database.
    pub url: String,
    /// A commit to a file waits until it is on disk.
    pub is_flushed: bool,
}
