//! Helpers that several modules of tests share.

mod database;
mod manager;
mod mysql;
mod postgres;
mod server;
mod sqlite;

use session_core::BackendError;

pub(crate) use database::{Database, on_each_database};
pub(crate) use manager::{config, manager, manager_with_clock};
pub(crate) use postgres::connect_to_postgres;
pub(crate) use server::{Server, on_each_server};
pub(crate) use session_test_support::{Browser, Dice, HOUR, create, map, races, stored, until};

/// Returns the words that say why a call failed.
pub(crate) fn cause(error: &BackendError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
