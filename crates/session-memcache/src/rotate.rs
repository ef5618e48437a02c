//! Renewal of a session: it moves to a new key in two steps, even if the request is cancelled between them.

use std::sync::Arc;
use std::time::Duration;

use session_backend_support::Deadline;
use session_core::{Applied, BackendError, Marker, WriteOutcome};

use crate::cluster::NodeVersion;
use crate::key::Key;
use crate::store::Store;

/// A renewal, which owns all that it needs to outlive the request.
pub(crate) struct Rotation {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) value: Vec<u8>,
    pub(crate) ttl: Duration,
    pub(crate) at: NodeVersion,
    /// The time that each step may take.
    pub(crate) timeout: Duration,
}

impl Rotation {
    /// Adds the new session, then puts a tombstone in the place of the old one at its version. If the old one has another
    /// version, removes the new one again.
    ///
    /// The session always exists under at least one key. The renewal that wins is the one whose tombstone is at the old
    /// key. If the old key's node stops answering between the two steps, the new session is kept, because the old one may
    /// be gone.
    pub(crate) async fn execute(self, store: Arc<Store>) -> Result<WriteOutcome, BackendError> {
        let (old, new) = (Key::check(&self.old)?, Key::check(&self.new)?);
        let new_at = match self.add(&store, new).await? {
            WriteOutcome::Done(at) => at,
            WriteOutcome::Conflict(_) => return Ok(WriteOutcome::Conflict(None)),
            WriteOutcome::Gone(marker) => return Ok(WriteOutcome::Gone(marker)),
        };
        let marker = Marker::Renewed { successor: self.new.as_str().into() };
        let outcome = store.replace_with_tombstone(old, self.at, &marker, self.deadline()).await;
        match outcome {
            Ok(WriteOutcome::Done(_)) => return Ok(WriteOutcome::Done(new_at.into())),
            Err(error) if error.may_have_applied() => return Err(error),
            _ => {}
        }
        // No client knows the new key yet, so if this fails the copy is never found and expires.
        if let Err(error) = store.delete(new, new_at, self.deadline()).await {
            tracing::debug!(%error, "the copy of a session that could not be renewed stays until it expires");
        }
        match outcome? {
            WriteOutcome::Conflict(_) => store.mismatch(old, self.deadline()).await,
            _ => Ok(WriteOutcome::Gone(None)),
        }
    }

    /// Stores the new session. Without a confirmation the renewal was not applied, because no client knows the new key yet.
    async fn add(&self, store: &Store, new: Key<'_>) -> Result<WriteOutcome<NodeVersion>, BackendError> {
        store.create(new, &self.value, self.ttl, self.deadline()).await.map_err(|error| {
            if error.may_have_applied() {
                return BackendError::new(error.kind(), Applied::No).with_source(error);
            }
            error
        })
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }
}
