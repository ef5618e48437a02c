//! Moving a session to a new key, in two steps that are never torn apart.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Applied, BackendError, BackendErrorKind, Marker, Replaced};

use crate::cluster::At;
use crate::key::Key;
use crate::store::{Condition, Found, Store, Written};

/// What to do, owned: it is done to its end also when the request is cancelled.
pub(crate) struct Move {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) value: Vec<u8>,
    pub(crate) exp: Duration,
    pub(crate) at: At,
}

impl Move {
    /// Adds the new one, then buries the old one at its version; if that can't be done, takes the new one back.
    ///
    /// At any moment the session is there, under one key or both, and the request that is told of the new one is the one
    /// whose tombstone lies on the old one. There is one exception: if the old one's node stops answering between the two
    /// steps, the new one is kept, since the old one may be gone.
    pub(crate) async fn carry_out(self, store: Arc<Store>) -> Result<Replaced, BackendError> {
        let (old, new) = (Key::check(&self.old)?, Key::check(&self.new)?);
        let new_at = self.add(&store, new).await?;
        let marker = Marker::Renewed { successor: self.new.as_str().into() };
        let outcome = store.bury(old, self.at, &marker).await;
        match outcome {
            Ok(Written::Done(_)) => return Ok(Replaced::Replaced(new_at.into())),
            Err(error) if error.applied() == Applied::Unknown => return Err(error),
            _ => {}
        }
        // Nobody knows the new key yet: if this fails, what is there is never found, and expires.
        if let Err(error) = store.delete(new, new_at).await {
            tracing::debug!(%error, "the copy of a session that was not renewed after all stays until it expires");
        }
        match outcome? {
            Written::Changed => store.current(old).await.map(|current| match current {
                Some(current) => Replaced::Conflict(current),
                None => Replaced::Gone,
            }),
            _ => Ok(Replaced::Gone),
        }
    }

    /// Stores the new one. If the reply is lost, looks for it: nobody else knows its key.
    ///
    /// Without the new one, nothing was moved: no error says that something may have been.
    async fn add(&self, store: &Store, new: Key<'_>) -> Result<At, BackendError> {
        let lost = match store.put(new, &self.value, self.exp, Condition::Absent).await {
            Ok(Written::Done(at)) => return Ok(at),
            Ok(_) => return Err(BackendError::new(BackendErrorKind::Other, Applied::No)),
            Err(error) if error.applied() == Applied::No => return Err(error),
            Err(error) => error,
        };
        match store.look(new).await {
            Ok(Found::Session(_, at)) => Ok(at),
            _ => Err(BackendError::new(lost.kind(), Applied::No).with_source(lost)),
        }
    }
}
