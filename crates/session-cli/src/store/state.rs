//! The state of one session, for `session inspect`.

use anyhow::Result;
use session_core::{AtomicBackend, BackendError, BackendErrorKind, Marker};

use super::doctor::explained;
use super::open::open;
use crate::args::StoreArgs;

/// The answer of a store about an id.
pub(crate) enum State {
    Stored,
    Absent,
    Destroyed,
    Renewed,
    Unreadable,
    /// The store did not tell, for this reason.
    Failed(String),
}

pub(super) async fn of(args: &StoreArgs, id: &str) -> Result<State> {
    let store = open(args)?.backend;
    Ok(match look(&*store, &format!("{}{id}", args.key_prefix)).await {
        Ok(state) => state,
        Err(error) if error.kind() == BackendErrorKind::Corrupt => State::Unreadable,
        Err(error) => State::Failed(explained(&error)),
    })
}

async fn look(store: &dyn AtomicBackend, key: &str) -> Result<State, BackendError> {
    if store.fetch(key).await?.is_some() {
        return Ok(State::Stored);
    }
    Ok(match store.marker(key).await? {
        None => State::Absent,
        Some(Marker::Destroyed) => State::Destroyed,
        Some(_) => State::Renewed,
    })
}
