//! What is kept under a key: nothing, a session, or what became of one.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, MARKER_LIFETIME, Marker, SessionCodec, SessionMap, Stored,
    WriteOutcome,
};

use crate::cluster::{At, Cluster};
use crate::command::{Command, Mode, Reply};
use crate::deadline::Deadline;
use crate::expiry::expiry;
use crate::key::Key;
use crate::tombstone;

/// What memcached adds to key and value when it measures an item: its header (48 bytes), the version (8), the client's
/// flags (4), and three bytes that end key and value. Found out with memcached 1.6.18 on a 64-bit machine.
const ITEM_OVERHEAD: usize = 63;

pub(crate) struct Store {
    pub(crate) cluster: Cluster,
    pub(crate) codec: Arc<dyn SessionCodec>,
    /// The client flags that tell other clients how the codec writes.
    pub(crate) flags: u32,
    pub(crate) max_item_bytes: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The item under a key.
pub(crate) enum Found {
    Nothing,
    Tombstone(Marker, At),
    Session(Bytes, At),
}

/// A session as the store has it, not decoded.
pub(crate) struct Bytes {
    value: Vec<u8>,
    flags: u32,
}

impl Store {
    pub(crate) async fn look(&self, key: Key<'_>, deadline: Deadline) -> Result<Found, BackendError> {
        let (node, reply) = self.cluster.call(key, Command::Get, deadline).await?;
        Ok(found(node, reply))
    }

    /// Stores an encoded value under a key without an item.
    pub(crate) async fn add(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<WriteOutcome<At>, BackendError> {
        let (node, reply) = self.cluster.call(key, self.set(value, ttl, Mode::Add), deadline).await?;
        Ok(written(node, &reply))
    }

    /// Stores an encoded value in the place of the session that has this version.
    pub(crate) async fn compare_and_set(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        at: At,
        deadline: Deadline,
    ) -> Result<WriteOutcome<At>, BackendError> {
        let set = self.set(value, ttl, Mode::At(at.version));
        Ok(written(at.node, &self.cluster.call_at(at.node, key, set, deadline).await?))
    }

    fn set<'a>(&self, value: &'a [u8], ttl: Duration, mode: Mode) -> Command<'a> {
        Command::Set { value, flags: self.flags, expiry: expiry(ttl, &*self.clock), mode }
    }

    /// Stores a new session.
    pub(crate) async fn create(
        &self,
        key: Key<'_>,
        value: &[u8],
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<WriteOutcome<At>, BackendError> {
        match self.add(key, value, ttl, deadline).await? {
            WriteOutcome::Conflict(_) => Ok(match self.look(key, deadline).await? {
                Found::Tombstone(marker, _) => WriteOutcome::Gone(Some(marker)),
                _ => WriteOutcome::Conflict(None),
            }),
            outcome => Ok(outcome),
        }
    }

    /// Puts a tombstone in the place of the session that has this version.
    ///
    /// If the reply is lost, the stored value tells if the tombstone was written; if not, it is sent once more.
    pub(crate) async fn bury(
        &self,
        key: Key<'_>,
        at: At,
        marker: &Marker,
        deadline: Deadline,
    ) -> Result<WriteOutcome<At>, BackendError> {
        let value = tombstone::encode(marker);
        let put = || self.compare_and_set(key, &value, MARKER_LIFETIME, at, deadline);
        let lost = match put().await {
            Err(error) if error.may_have_applied() => error,
            outcome => return outcome,
        };
        match self.look(key, deadline).await {
            Ok(Found::Tombstone(found, at)) if found == *marker => Ok(WriteOutcome::Done(at)),
            Ok(Found::Session(_, now)) if now == at => put().await.map_err(|_| lost),
            Ok(Found::Nothing) => Ok(WriteOutcome::Gone(None)),
            Ok(_) => Ok(WriteOutcome::Conflict(None)),
            Err(_) => Err(lost),
        }
    }

    /// Returns why a write at another version than the stored one was not applied.
    pub(crate) async fn mismatch<T>(&self, key: Key<'_>, deadline: Deadline) -> Result<WriteOutcome<T>, BackendError> {
        Ok(match self.look(key, deadline).await? {
            Found::Session(bytes, at) => WriteOutcome::Conflict(Some(self.decode(&bytes, at)?)),
            Found::Tombstone(marker, _) => WriteOutcome::Gone(Some(marker)),
            Found::Nothing => WriteOutcome::Gone(None),
        })
    }

    /// Removes the session that has this version, and leaves nothing.
    pub(crate) async fn delete(&self, key: Key<'_>, at: At, deadline: Deadline) -> Result<(), BackendError> {
        let delete = Command::Delete { version: at.version };
        self.cluster.call_at(at.node, key, delete, deadline).await.map(drop)
    }

    /// Sets the TTL of a session. Returns `false` if there is none.
    pub(crate) async fn touch(&self, key: Key<'_>, ttl: Duration, deadline: Deadline) -> Result<bool, BackendError> {
        let touch = |ttl| Command::Touch { expiry: expiry(ttl, &*self.clock) };
        let (node, reply) = self.cluster.call(key, touch(ttl), deadline).await?;
        match found(node, reply) {
            Found::Session(..) => Ok(true),
            Found::Nothing => Ok(false),
            Found::Tombstone(..) => {
                // A tombstone keeps its own lifetime.
                self.cluster.call(key, touch(MARKER_LIFETIME), deadline).await?;
                Ok(false)
            }
        }
    }

    /// The bytes of a session, if memcached takes as many. It drops the session that is there when it is sent too large
    /// a one.
    pub(crate) fn encode(&self, key: Key<'_>, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let value = self.codec.encode(session)?;
        if value.len().saturating_add(key.len() + ITEM_OVERHEAD) > self.max_item_bytes {
            return Err(BackendError::new(BackendErrorKind::TooLarge, Applied::No));
        }
        Ok(value)
    }

    pub(crate) fn decode(&self, bytes: &Bytes, at: At) -> Result<Stored, BackendError> {
        let problem = if bytes.flags != self.flags {
            Some(Unreadable::Flags)
        } else if bytes.value.len() > self.max_item_bytes {
            Some(Unreadable::Size)
        } else {
            None
        };
        match problem {
            Some(problem) => Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source(problem)),
            None => Ok(Stored::new(self.codec.decode(&bytes.value)?, at.into())),
        }
    }
}

/// Why a value is not looked into.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the stored value has client flags of another format")]
    Flags,
    #[error("the stored value is larger than max_item_bytes")]
    Size,
}

fn found(node: u64, reply: Reply) -> Found {
    match reply {
        Reply::Found { value, flags, version } => {
            let at = At { node, version };
            match tombstone::decode(&value) {
                Some(marker) => Found::Tombstone(marker, at),
                None => Found::Session(Bytes { value, flags }, at),
            }
        }
        _ => Found::Nothing,
    }
}

fn written(node: u64, reply: &Reply) -> WriteOutcome<At> {
    match reply {
        Reply::Stored { version } => WriteOutcome::Done(At { node, version: *version }),
        Reply::Absent => WriteOutcome::Gone(None),
        _ => WriteOutcome::Conflict(None),
    }
}
