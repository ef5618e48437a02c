//! The store's part: it may not have the session of a cookie that is accepted.

use anyhow::Result;

use super::report::{Cause, Refusal};
use crate::args::StoreArgs;
use crate::store::{State, state_of};

/// Returns the reason why a service finds no session under an id.
pub(super) fn refusal(store: &StoreArgs, id: &str) -> Result<Option<Refusal>> {
    let (cause, why, advice) = match state_of(store, id)? {
        State::Stored => return Ok(None),
        State::Absent => (
            Cause::UnknownId,
            "the store has no session under the id",
            "it has ended, expired or was evicted, or the service uses another store, database or key prefix.",
        ),
        State::Destroyed => (
            Cause::Destroyed,
            "the session was destroyed within the last minute",
            "nothing: its user has signed out, or was signed out.",
        ),
        State::Renewed => (
            Cause::Renewed,
            "the session was renewed within the last minute",
            "nothing: the browser has got a newer cookie.",
        ),
        State::Unreadable => (
            Cause::Unreadable,
            "the stored session can't be read",
            "compare the formats of the programs that share the store.",
        ),
        State::Failed(why) => return Ok(Some(Refusal::new(Cause::StoreFailed, why))),
    };
    Ok(Some(Refusal::new(cause, why.to_owned()).advise(advice)))
}
