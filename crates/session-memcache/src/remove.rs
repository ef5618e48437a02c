//! Removal of a session, which leaves a marker in its place.

use session_backend_support::Deadline;
use session_core::{Applied, BackendError, BackendErrorKind, MARKER_LIFETIME, Marker, WriteOutcome};

use crate::cluster::NodeVersion;
use crate::key::Key;
use crate::store::{Found, Store};

/// The largest number of writes of other requests that may come before the removal.
const MOST_OVERTAKINGS: usize = 64;

impl Store {
    /// Removes the session if it has this version. `None` stands for a version that no node has made, which never
    /// matches.
    pub(crate) async fn remove_at(
        &self,
        key: Key<'_>,
        at: Option<NodeVersion>,
        marker: &Marker,
        deadline: Deadline,
    ) -> Result<WriteOutcome<()>, BackendError> {
        let removed = match at {
            Some(at) => self.replace_with_tombstone(key, at, marker, deadline).await?,
            None => WriteOutcome::Conflict(None),
        };
        match removed {
            WriteOutcome::Done(_) => Ok(WriteOutcome::Done(())),
            WriteOutcome::Gone(marker) => Ok(WriteOutcome::Gone(marker)),
            WriteOutcome::Conflict(_) => self.mismatch(key, deadline).await,
        }
    }

    /// Removes any stored value, even an unreadable one, and leaves the marker even if nothing is stored.
    ///
    /// An unconditional write could replace the tombstone of a session that was just renewed, which a logout must
    /// follow to the renewed session. So the removal uses compare-and-set, and repeats it until no other write comes in
    /// between.
    pub(crate) async fn remove(
        &self,
        key: Key<'_>,
        marker: &Marker,
        deadline: Deadline,
    ) -> Result<WriteOutcome<()>, BackendError> {
        for _ in 0..MOST_OVERTAKINGS {
            match self.look(key, deadline).await? {
                Found::Tombstone(found, _) => return Ok(WriteOutcome::Gone(Some(found))),
                Found::Session(_, at) => {
                    if let WriteOutcome::Done(_) = self.replace_with_tombstone(key, at, marker, deadline).await? {
                        return Ok(WriteOutcome::Done(()));
                    }
                }
                Found::Nothing => {
                    let added = self.create(key, &self.tombstone(marker), MARKER_LIFETIME, deadline).await?;
                    match added {
                        WriteOutcome::Done(_) => return Ok(WriteOutcome::Gone(None)),
                        WriteOutcome::Gone(found) => return Ok(WriteOutcome::Gone(found)),
                        WriteOutcome::Conflict(_) => {}
                    }
                }
            }
        }
        Err(BackendError::new(BackendErrorKind::Timeout, Applied::No).with_source(Overtaken))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("memcached: {MOST_OVERTAKINGS} writes of other requests came before the removal of the session")]
struct Overtaken;
