//! The commands on a store.

mod doctor;
#[cfg_attr(
    not(any(feature = "memcache", feature = "redis", feature = "sql")),
    allow(dead_code, reason = "there is no store to open")
)]
mod open;
mod sessions;
mod state;
mod users;
mod warnings;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::state::State;
use crate::Answer;
use crate::args::{StoreArgs, StoreCommand};

/// Runs a command.
pub(crate) fn run(command: &StoreCommand) -> Result<Answer> {
    runtime()?.block_on(async {
        match command {
            StoreCommand::Count(args) => sessions::count(args).await,
            StoreCommand::Ls(args) => sessions::list(args).await,
            StoreCommand::Show(args) => sessions::show(args).await,
            StoreCommand::Rm(args) => sessions::remove(args).await,
            StoreCommand::User { command } => users::run(command).await,
            StoreCommand::Doctor(args) => doctor::run(args).await,
        }
    })
}

/// Returns the state of the session with this id.
pub(crate) fn state_of(args: &StoreArgs, id: &str) -> Result<State> {
    runtime()?.block_on(state::of(args, id))
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("can't start")
}
