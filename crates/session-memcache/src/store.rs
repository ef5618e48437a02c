//! What is kept under a key: nothing, a session, or what became of one.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, MARKER_LIFETIME, Marker, SessionCodec, SessionMap, Stored,
};

use crate::cluster::{At, Cluster};
use crate::command::{Command, Mode, Reply};
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

/// What is there.
pub(crate) enum Found {
    Nothing,
    Tombstone(Marker, At),
    Session(Bytes, At),
}

/// A session as the store has it, not looked into.
pub(crate) struct Bytes {
    value: Vec<u8>,
    flags: u32,
}

/// The answer to a write.
pub(crate) enum Written {
    Done(At),
    /// There is one already.
    Exists,
    /// There is another one than expected.
    Changed,
    Gone,
}

impl Store {
    pub(crate) async fn look(&self, key: Key<'_>) -> Result<Found, BackendError> {
        let (node, reply) = self.cluster.call(key, Command::Get).await?;
        Ok(found(node, reply))
    }

    /// Writes a session that was encoded.
    pub(crate) async fn put(
        &self,
        key: Key<'_>,
        value: &[u8],
        exp: Duration,
        condition: Condition,
    ) -> Result<Written, BackendError> {
        let (flags, expiry) = (self.flags, expiry(exp, &*self.clock));
        let set = |mode| Command::Set { value, flags, expiry, mode };
        let (node, reply) = match condition {
            Condition::None => self.cluster.call(key, set(Mode::Always)).await?,
            Condition::Absent => self.cluster.call(key, set(Mode::Add)).await?,
            Condition::At(at) => (at.node, self.cluster.call_at(at.node, key, set(Mode::At(at.version))).await?),
        };
        Ok(match reply {
            Reply::Stored { version } => Written::Done(At { node, version }),
            Reply::Exists => Written::Exists,
            Reply::Absent => Written::Gone,
            _ => Written::Changed,
        })
    }

    /// Puts a tombstone in the place of the session that has this version.
    ///
    /// If the reply is lost, looks what became of it and tries once more: a tombstone may be written twice, and tells who
    /// has written it.
    pub(crate) async fn bury(&self, key: Key<'_>, at: At, marker: &Marker) -> Result<Written, BackendError> {
        let value = tombstone::encode(marker);
        let lost = match self.put(key, &value, MARKER_LIFETIME, Condition::At(at)).await {
            Err(error) if error.applied() == Applied::Unknown => error,
            outcome => return outcome,
        };
        match self.look(key).await {
            Ok(Found::Tombstone(found, at)) if found == *marker => Ok(Written::Done(at)),
            Ok(Found::Session(_, now)) if now == at => {
                self.put(key, &value, MARKER_LIFETIME, Condition::At(at)).await.map_err(|_| lost)
            }
            Ok(Found::Nothing) => Ok(Written::Gone),
            Ok(_) => Ok(Written::Changed),
            Err(_) => Err(lost),
        }
    }

    /// Removes the session that has this version, and leaves nothing.
    pub(crate) async fn delete(&self, key: Key<'_>, at: At) -> Result<Written, BackendError> {
        Ok(match self.cluster.call_at(at.node, key, Command::Delete { version: at.version }).await? {
            Reply::Deleted => Written::Done(at),
            Reply::Absent => Written::Gone,
            _ => Written::Changed,
        })
    }

    /// Extends the expiry of a session, and says whether there is one.
    pub(crate) async fn touch(&self, key: Key<'_>, exp: Duration) -> Result<bool, BackendError> {
        let touch = |exp| Command::Touch { expiry: expiry(exp, &*self.clock) };
        let (node, reply) = self.cluster.call(key, touch(exp)).await?;
        match found(node, reply) {
            Found::Session(..) => Ok(true),
            Found::Nothing => Ok(false),
            Found::Tombstone(..) => {
                // It was not meant to live on.
                self.cluster.call(key, touch(MARKER_LIFETIME)).await?;
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
            None => Ok(Stored { map: self.codec.decode(&bytes.value)?, version: at.into() }),
        }
    }
}

/// When to write.
#[derive(Clone, Copy)]
pub(crate) enum Condition {
    None,
    Absent,
    At(At),
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
