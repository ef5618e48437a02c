//! Writes that compare first. If a reply is lost, the stored item may tell whether the write was applied.
//!
//! The node may have closed an idle connection, after a restart or because of its age. The first write on it then gets
//! no reply. A write is never sent again while it may have been applied.

use std::time::Duration;

use session_backend_support::Deadline;
use session_core::{BackendError, MARKER_LIFETIME, Marker, WriteOutcome};

use crate::cluster::NodeVersion;
use crate::command::{Command, Mode, Reply};
use crate::expiry::expiry;
use crate::key::Key;
use crate::store::{Found, Store};

/// A compare-and-set that failed.
pub(crate) struct Unconfirmed {
    pub(crate) error: BackendError,
    /// The stored item, if the reply was lost and another version is stored than before.
    found: Option<Found>,
}

impl Store {
    /// Stores an item under a key that has none.
    ///
    /// If the reply is lost and the item has this value, the write was applied, because no other request knows the key
    /// of a new session.
    pub(crate) async fn create(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<WriteOutcome<NodeVersion>, BackendError> {
        let lost = match self.add(key, value, ttl, deadline).await {
            Ok(WriteOutcome::Conflict(_)) => None,
            Err(error) if error.may_have_applied() && deadline.is_ahead() => Some(error),
            outcome => return outcome,
        };
        match (self.look(key, deadline).await, lost) {
            (Ok(Found::Tombstone(marker, _)), _) => Ok(WriteOutcome::Gone(Some(marker))),
            (Ok(Found::Session(found, at)), Some(_)) if found.has_value(value) => Ok(WriteOutcome::Done(at)),
            (Ok(Found::Nothing), Some(lost)) => match self.add(key, value, ttl, deadline).await {
                // The first one may have arrived late.
                Ok(WriteOutcome::Conflict(_)) | Err(_) => Err(lost),
                outcome => outcome,
            },
            (Ok(_), _) => Ok(WriteOutcome::Conflict(None)),
            (Err(error), lost) => Err(lost.unwrap_or(error)),
        }
    }

    async fn add(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<WriteOutcome<NodeVersion>, BackendError> {
        let (node, reply) = self.cluster.call(key, self.set(value, ttl, Mode::Add), deadline).await?;
        Ok(written(node, &reply))
    }

    /// Stores an item in the place of the session that has this version.
    ///
    /// If the reply is lost and the session still has the version, the write is sent once more. At most one of the two can
    /// be applied.
    pub(crate) async fn compare_and_set(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        at: NodeVersion,
        deadline: Deadline,
    ) -> Result<WriteOutcome<NodeVersion>, Unconfirmed> {
        let set = self.set(value, ttl, Mode::At(at.version));
        let send = || self.cluster.call_at(at.node, key, set, deadline);
        let error = match send().await {
            Ok(reply) => return Ok(written(at.node, &reply)),
            Err(error) if error.may_have_applied() && deadline.is_ahead() => error,
            Err(error) => return Err(Unconfirmed { error, found: None }),
        };
        match self.look(key, deadline).await {
            Ok(Found::Session(_, now)) if now == at => match send().await.map(|reply| written(at.node, &reply)) {
                // The first one may have arrived late.
                Ok(WriteOutcome::Conflict(_)) | Err(_) => Err(Unconfirmed { error, found: None }),
                Ok(outcome) => Ok(outcome),
            },
            Ok(Found::Nothing) => Ok(WriteOutcome::Gone(None)),
            found => Err(Unconfirmed { error, found: found.ok() }),
        }
    }

    /// Puts a tombstone in the place of the session that has this version.
    ///
    /// If the reply is lost, the stored item tells if the tombstone was written, because nothing replaces a tombstone.
    pub(crate) async fn replace_with_tombstone(
        &self,
        key: Key<'_>,
        at: NodeVersion,
        marker: &Marker,
        deadline: Deadline,
    ) -> Result<WriteOutcome<NodeVersion>, BackendError> {
        match self.compare_and_set(key, &self.tombstone(marker), MARKER_LIFETIME, at, deadline).await {
            Err(Unconfirmed { found: Some(Found::Tombstone(found, at)), .. }) if found == *marker => {
                Ok(WriteOutcome::Done(at))
            }
            Err(Unconfirmed { found: Some(_), .. }) => Ok(WriteOutcome::Conflict(None)),
            Err(Unconfirmed { error, .. }) => Err(error),
            Ok(outcome) => Ok(outcome),
        }
    }

    fn set<'a>(&self, value: &'a [u8], ttl: Duration, mode: Mode) -> Command<'a> {
        Command::Set { value, flags: self.client_flags(), expiry: expiry(ttl, &*self.clock), mode }
    }
}

fn written(node: u64, reply: &Reply) -> WriteOutcome<NodeVersion> {
    match reply {
        Reply::Stored { version } => WriteOutcome::Done(NodeVersion { node, version: *version }),
        Reply::Absent => WriteOutcome::Gone(None),
        _ => WriteOutcome::Conflict(None),
    }
}
