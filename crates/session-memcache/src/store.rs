//! The items that are stored under keys: sessions, and tombstones of sessions that were removed.

use std::sync::Arc;
use std::time::Duration;

use session_backend_support::Deadline;
use session_core::{
    Applied, BackendError, BackendErrorKind, Clock, CodecRefusal, JsonCodec, MARKER_LIFETIME, Marker, SessionCodec,
    SessionMap, Stored, WriteOutcome,
};

use crate::cluster::{Cluster, NodeVersion};
use crate::command::{Command, Reply};
use crate::expiry::expiry;
use crate::key::Key;
use crate::marker;

pub(crate) struct Store {
    pub(crate) cluster: Arc<Cluster>,
    /// `None` if the application has not set one.
    pub(crate) codec: Option<Arc<dyn SessionCodec>>,
    /// The flags that mark the codec's format for other clients; `None` for those of the codec.
    pub(crate) client_flags: Option<u32>,
    pub(crate) max_value_bytes: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The item under a key.
pub(crate) enum Found {
    Nothing,
    Tombstone(Marker, NodeVersion),
    Session(Bytes, NodeVersion),
}

/// A session as the store has it, not decoded.
pub(crate) struct Bytes {
    value: Vec<u8>,
    flags: u32,
}

impl Bytes {
    pub(crate) fn has_value(&self, value: &[u8]) -> bool {
        self.value == value
    }
}

impl Store {
    /// Returns the store with another codec, unless the application has set one.
    pub(crate) fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Self, CodecRefusal> {
        if self.codec.is_some() {
            return Err(CodecRefusal::AlreadySet);
        }
        let Self { cluster, client_flags, max_value_bytes, clock, .. } = self;
        let (client_flags, max_value_bytes) = (*client_flags, *max_value_bytes);
        Ok(Self { cluster: cluster.clone(), codec: Some(codec), client_flags, max_value_bytes, clock: clock.clone() })
    }

    fn codec(&self) -> &dyn SessionCodec {
        self.codec.as_deref().unwrap_or(&JsonCodec)
    }

    pub(crate) fn client_flags(&self) -> u32 {
        self.client_flags.unwrap_or_else(|| self.codec().client_flags())
    }

    /// Reads the item under a key.
    pub(crate) async fn look(&self, key: Key<'_>, deadline: Deadline) -> Result<Found, BackendError> {
        let (node, reply) = self.cluster.call(key, Command::Get, deadline).await?;
        Ok(found(node, reply, self.codec().absent_prefix()))
    }

    /// Returns the outcome of a write whose version did not match.
    pub(crate) async fn mismatch<T>(&self, key: Key<'_>, deadline: Deadline) -> Result<WriteOutcome<T>, BackendError> {
        Ok(match self.look(key, deadline).await? {
            Found::Session(bytes, at) => WriteOutcome::Conflict(Some(self.decode(key, &bytes, at)?)),
            Found::Tombstone(marker, _) => WriteOutcome::Gone(Some(marker)),
            Found::Nothing => WriteOutcome::Gone(None),
        })
    }

    /// Removes the session that has this version, and leaves no marker.
    pub(crate) async fn delete(&self, key: Key<'_>, at: NodeVersion, deadline: Deadline) -> Result<(), BackendError> {
        let delete = Command::Delete { version: Some(at.version) };
        self.cluster.call_at(at.node, key, delete, deadline).await.map(drop)
    }

    /// Sets the TTL of a session. Returns `false` if there is none.
    pub(crate) async fn touch(&self, key: Key<'_>, ttl: Duration, deadline: Deadline) -> Result<bool, BackendError> {
        let touch = |ttl| Command::Touch { expiry: expiry(ttl, &*self.clock) };
        let (node, reply) = self.cluster.call(key, touch(ttl), deadline).await?;
        match found(node, reply, self.codec().absent_prefix()) {
            Found::Session(..) => Ok(true),
            Found::Nothing => Ok(false),
            Found::Tombstone(..) => {
                // A tombstone keeps its own lifetime.
                self.cluster.call(key, touch(MARKER_LIFETIME), deadline).await?;
                Ok(false)
            }
        }
    }

    /// Encodes a session. One that is too large is an error, because memcached would drop the stored value.
    pub(crate) fn encode(&self, key: &str, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let value = self.codec().encode_under(key, session, 0)?;
        self.check_size(&value)?;
        Ok(value)
    }

    pub(crate) fn decode(&self, key: Key<'_>, bytes: &Bytes, at: NodeVersion) -> Result<Stored, BackendError> {
        if bytes.flags != self.client_flags() {
            return Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source(OtherFormat));
        }
        self.check_size(&bytes.value)?;
        Ok(Stored::new(self.codec().decode_under(key.as_str(), &bytes.value)?, at.into()))
    }

    /// Returns the value that takes the place of a removed session.
    pub(crate) fn tombstone(&self, marker: &Marker) -> Vec<u8> {
        marker::encode(marker, self.codec().absent_prefix())
    }

    fn check_size(&self, value: &[u8]) -> Result<(), BackendError> {
        let (bytes, limit) = (value.len(), self.max_value_bytes);
        if bytes > limit {
            return Err(
                BackendError::new(BackendErrorKind::TooLarge, Applied::No).with_source(TooLong { bytes, limit })
            );
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the stored value has client flags other than `client_flags`")]
struct OtherFormat;

#[derive(Debug, thiserror::Error)]
#[error("a value of {bytes} bytes exceeds max_value_bytes of {limit}")]
struct TooLong {
    bytes: usize,
    limit: usize,
}

fn found(node: u64, reply: Reply, prefix: &[u8]) -> Found {
    match reply {
        Reply::Found { value, flags, version } => {
            let at = NodeVersion { node, version };
            match marker::decode(&value, prefix) {
                Some(marker) => Found::Tombstone(marker, at),
                None => Found::Session(Bytes { value, flags }, at),
            }
        }
        _ => Found::Nothing,
    }
}
