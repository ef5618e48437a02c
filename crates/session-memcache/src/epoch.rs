//! The epochs of users: an item for each, whose key is a hash of the user.

use std::time::Duration;

use session_backend_support::Deadline;
use session_core::{Applied, BackendError, BackendErrorKind};
use sha2::{Digest, Sha256};

use crate::command::{Command, Reply};
use crate::expiry::expiry;
use crate::key::Key;
use crate::store::Store;

/// The start of every epoch's key. With the hash the key is longer than any session id, so that it is never the key of
/// a session without a prefix.
const PREFIX: &str = "user-epoch:";

impl Store {
    /// Returns the epoch of a user. If the user has none, begins the epoch `candidate`.
    pub(crate) async fn join_epoch(
        &self,
        user: &str,
        candidate: u64,
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<u64, BackendError> {
        let key = key(user);
        let key = Key::check(&key)?;
        let expiry = expiry(ttl, &*self.clock);
        let join = |number| self.cluster.call(key, Command::GetOrAdd { number, expiry }, deadline);
        let joined = match join(candidate).await {
            // Another number, because the node may apply the lost call late, and so bring an ended epoch back.
            Err(error) if error.may_have_applied() && deadline.is_ahead() => join(candidate ^ 1).await,
            joined => joined,
        };
        match joined? {
            (_, Reply::Number(epoch)) => Ok(epoch),
            _ => Err(no_epoch()),
        }
    }

    /// Returns the epoch of a user, and extends its TTL.
    pub(crate) async fn epoch(
        &self,
        user: &str,
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<Option<u64>, BackendError> {
        self.epoch_at(Key::check(&key(user))?, ttl, deadline).await
    }

    /// Ends the epoch of a user.
    pub(crate) async fn end_epoch(&self, user: &str, deadline: Deadline) -> Result<(), BackendError> {
        self.cluster.call(Key::check(&key(user))?, Command::Delete { version: None }, deadline).await.map(drop)
    }

    async fn epoch_at(&self, key: Key<'_>, ttl: Duration, deadline: Deadline) -> Result<Option<u64>, BackendError> {
        let touch = Command::Touch { expiry: expiry(ttl, &*self.clock) };
        let (_, Reply::Found { value, .. }) = self.cluster.call(key, touch, deadline).await? else { return Ok(None) };
        let epoch = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
        epoch.map(Some).ok_or_else(no_epoch)
    }
}

/// Returns the key of a user's epoch. The user is hashed, because keys of memcached must not contain spaces.
fn key(user: &str) -> String {
    let hash = Sha256::digest(user.as_bytes());
    hash.iter().fold(PREFIX.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

fn no_epoch() -> BackendError {
    BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source(NoEpoch)
}

#[derive(Debug, thiserror::Error)]
#[error("memcached: the epoch of a user is not a number")]
struct NoEpoch;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_any_name_have_keys_that_no_session_has() {
        for user in ["session:user:a", "session:user:A", "session:user:\r\n", "session:user:\u{1f600}"] {
            let key = key(user);
            assert!(Key::check(&key).is_ok() && key.len() > 64, "{key}");
        }
        assert_ne!(key("session:user:a"), key("session:user:A"));
    }
}
