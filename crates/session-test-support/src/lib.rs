//! Helpers for the tests of this workspace. Not published.
//!
//! A [`Browser`] keeps the cookies of commits. A [`Log`] keeps the lines that a crate logs. An [`Endpoint`] leads to a
//! server that can be exchanged. A [`Process`] is a program that says on its standard output where it listens.
//! [`play_in_browser`] lets a real browser use a demo. [`create`], [`stored`], [`races`] and [`DroppedRequests`] are for
//! tests of every store. [`RedisServer`], [`MemcachedServer`], [`PostgresServer`] and [`MariaDbServer`] are stores on ports of their
//! own. All programs end with the test that started them.

#![allow(clippy::missing_panics_doc, reason = "a helper that can't go on fails the test")]

mod browser;
mod database;
mod dropped;
mod endpoint;
mod lag;
mod log;
mod mariadb;
#[cfg(unix)]
mod memcached;
mod neighbour;
mod postgres;
mod process;
pub mod races;
mod redis;
mod scenarios;
mod server;
mod signal;
mod store;

pub use browser::Browser;
pub use database::DatabaseServer;
pub use dropped::DroppedRequests;
pub use endpoint::Endpoint;
pub use lag::Lag;
pub use log::Log;
pub use mariadb::MariaDbServer;
#[cfg(unix)]
pub use memcached::MemcachedServer;
pub use neighbour::Neighbour;
pub use postgres::PostgresServer;
pub use process::Process;
pub use redis::{RedisConnection, RedisReply, RedisServer};
pub use scenarios::play_in_browser;
pub use server::{ServerProcess, free_port};
pub use signal::signal;
pub use store::{Dice, HOUR, create, map, stored, until};
