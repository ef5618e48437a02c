//! The operations on sessions as bytes, each in as few steps as the topology allows.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use fred::bytes::Bytes;
use fred::types::Value;
use session_core::{Applied, BackendErrorKind, MARKER_LIFETIME, Marker};
use tokio::time::timeout_at;

use crate::cluster::Cluster;
use crate::command::{Command, Word};
use crate::error::Failure;
use crate::keys::{self, marker_key};
use crate::node::{Node, TimeLimit};
use crate::reply::{bytes, first, unexpected};
use crate::script::{REMOVE, REMOVE_UNMARKED, REPLACE, ROTATE, Script};

/// How often a step is repeated whose reply was lost and that must not be left half done.
const ATTEMPTS: usize = 4;

pub(crate) enum Store {
    Node {
        node: Arc<Node>,
        /// It is a Cluster, in which the application's client finds its way.
        clustered: bool,
    },
    Cluster(Arc<Cluster>),
}

/// What is to be written, and what must be there before.
pub(crate) struct Write {
    /// The version, as scripts compare it.
    pub(crate) version: Bytes,
    pub(crate) value: Bytes,
    pub(crate) exp: Duration,
}

/// What came of a comparison.
pub(crate) enum Compared {
    Done,
    Conflict(Bytes),
    Gone,
}

/// What came of a removal.
pub(crate) enum RemovedAs {
    Removed,
    Conflict(Bytes),
    Gone(Option<Marker>),
}

impl Store {
    pub(crate) async fn get(&self, key: &str, limit: TimeLimit) -> Result<Option<Bytes>, Failure> {
        match self.ask(key, limit).await {
            // The server has closed the connection, perhaps long ago. Asking twice does no harm.
            Err(failure) if failure.is_lost_connection() => Box::pin(self.ask(key, limit.rest())).await,
            answer => answer,
        }
    }

    /// What stands under a key. Nobody misses a question that is left behind and sent late.
    async fn ask(&self, key: &str, limit: TimeLimit) -> Result<Option<Bytes>, Failure> {
        let key = copy(key);
        let command = Command::Get(&key);
        bytes(match self {
            Self::Node { node, .. } => node.call(command, limit, false).await?,
            // It may go to several servers in turn.
            Self::Cluster(cluster) => {
                Box::pin(timeout_at(limit.until, cluster.call(command))).await.map_err(|_| Failure::unavailable())??
            }
        })
    }

    /// Stores a value under a key that is not in use. Returns whether that was so.
    pub(crate) async fn create(&self, key: &Bytes, value: &Bytes, exp: Duration) -> Result<bool, Failure> {
        Ok(bytes(self.call(Command::Create { key, value, seconds: seconds(exp) }).await?)?.is_some())
    }

    pub(crate) async fn touch(&self, key: &Bytes, exp: Duration) -> Result<bool, Failure> {
        match self.call(Command::Expire { key, seconds: seconds(exp) }).await? {
            Value::Integer(found) => Ok(found == 1),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn replace(&self, key: &Bytes, write: &Write) -> Result<Compared, Failure> {
        let arguments = [Word::Bytes(&write.version), Word::Bytes(&write.value), Word::Number(seconds(write.exp))];
        compared(self.run(&REPLACE, slice::from_ref(key), &arguments).await?)
    }

    pub(crate) async fn marker(&self, key: &str, limit: TimeLimit) -> Result<Option<Marker>, Failure> {
        Ok(self.ask(&marker_key(key), limit).await?.and_then(|text| read(&text)))
    }

    /// Removes a session at a version, or at any if that is empty, and leaves a marker if there is one to leave.
    pub(crate) async fn remove(
        &self,
        key: &str,
        version: &Bytes,
        marker: Option<&Marker>,
    ) -> Result<RemovedAs, Failure> {
        let keys = [copy(key), marker_key(key).into()];
        let marker = Bytes::from(marker.map(write).unwrap_or_default());
        let arguments = [Word::Bytes(version), Word::Bytes(&marker), Word::Number(seconds(MARKER_LIFETIME))];
        match self.run(&REMOVE, &keys, &arguments).await {
            Err(Failure::TryAgain) => Box::pin(self.remove_while_moving(&keys, version, &marker)).await,
            reply => removed(reply?),
        }
    }

    /// The same while the slot moves from one server to another and its keys are here and there: nothing that needs two
    /// keys is done then. The marker comes first, so that whoever finds the session gone finds the marker.
    async fn remove_while_moving(
        &self,
        [key, marker_key]: &[Bytes; 2],
        version: &Bytes,
        marker: &Bytes,
    ) -> Result<RemovedAs, Failure> {
        let marked = !marker.is_empty() && self.create(marker_key, marker, MARKER_LIFETIME).await?;
        let outcome = removed(self.run(&REMOVE_UNMARKED, slice::from_ref(key), &[Word::Bytes(version)]).await?)?;
        match outcome {
            RemovedAs::Gone(_) if !marked => {
                let marker = bytes(self.call(Command::Get(marker_key)).await?)?;
                Ok(RemovedAs::Gone(marker.and_then(|text| read(&text))))
            }
            RemovedAs::Conflict(_) | RemovedAs::Gone(_) if marked => {
                self.call(Command::Delete(marker_key)).await?;
                Ok(outcome)
            }
            outcome => Ok(outcome),
        }
    }

    pub(crate) async fn rotate(&self, old: &str, new: &str, write: Write) -> Result<Compared, Failure> {
        let marker = Marker::Renewed { successor: new.into() };
        if self.is_clustered() {
            return Box::pin(self.rotate_in_steps(old, new, write, &marker)).await;
        }
        let keys = [copy(old), copy(new), marker_key(old).into()];
        let marker = Bytes::from(self::write(&marker));
        let arguments = [
            Word::Bytes(&write.version),
            Word::Bytes(&write.value),
            Word::Number(seconds(write.exp)),
            Word::Bytes(&marker),
            Word::Number(seconds(MARKER_LIFETIME)),
        ];
        compared(self.run(&ROTATE, &keys, &arguments).await?)
    }

    /// The same where the two keys may be on two servers: the new one is there before the old one goes, and goes again
    /// if the old one can't.
    async fn rotate_in_steps(&self, old: &str, new: &str, write: Write, marker: &Marker) -> Result<Compared, Failure> {
        match self.create(&copy(new), &write.value, write.exp).await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::new(BackendErrorKind::Other, Applied::No)),
            Err(failure) => {
                // The session is still where it was, and nobody will ever hear of the new key.
                if failure.may_be_applied() {
                    self.take_back(new).await;
                }
                return Err(Failure::new(failure.kind(), Applied::No));
            }
        }
        let mut outcome = self.remove(old, &write.version, Some(marker)).await;
        // Once it is not known any more, a later failure does not tell either: the first may be carried out even then.
        let may_be_gone = outcome.as_ref().is_err_and(Failure::may_be_applied);
        for _ in 1..ATTEMPTS {
            if !may_be_gone || outcome.is_ok() {
                break;
            }
            outcome = match self.remove(old, &write.version, Some(marker)).await {
                // It was carried out before, and only its reply was lost.
                Ok(RemovedAs::Gone(Some(found))) if found == *marker => Ok(RemovedAs::Removed),
                outcome => outcome,
            };
        }
        let outcome = match outcome {
            Ok(RemovedAs::Removed) => return Ok(Compared::Done),
            Ok(RemovedAs::Conflict(current)) => Ok(Compared::Conflict(current)),
            Ok(RemovedAs::Gone(_)) => Ok(Compared::Gone),
            // The new session may be all that is left.
            Err(failure) if may_be_gone => return Err(Failure::new(failure.kind(), Applied::Unknown)),
            Err(failure) => Err(failure),
        };
        self.take_back(new).await;
        outcome
    }

    /// Removes what nobody knows of. If that fails, it expires.
    async fn take_back(&self, key: &str) {
        for _ in 0..ATTEMPTS {
            if self.call(Command::Delete(&copy(key))).await.is_ok() {
                return;
            }
        }
    }

    async fn run(&self, script: &Script, keys: &[Bytes], arguments: &[Word<'_>]) -> Result<Value, Failure> {
        let slot = if self.is_clustered() { keys.first().map_or(0, |key| keys::slot(key)) } else { 0 };
        let by_digest = Command::Script { name: "EVALSHA", script: &script.digest, keys, arguments, slot };
        let by_text = Command::Script { name: "EVAL", script: &script.text, keys, arguments, slot };
        match self {
            Self::Node { node, .. } => {
                // Both steps have one time limit.
                let limit = node.time_limit();
                match node.boxed_call(by_digest, limit).await {
                    Err(Failure::NoScript) => node.boxed_call(by_text, limit.rest()).await,
                    reply => reply,
                }
            }
            Self::Cluster(cluster) => match Box::pin(cluster.call(by_digest)).await {
                Err(Failure::NoScript) => Box::pin(cluster.call(by_text)).await,
                reply => reply,
            },
        }
    }

    async fn call(&self, command: Command<'_>) -> Result<Value, Failure> {
        match self {
            Self::Node { node, .. } => node.boxed_call(command, node.time_limit()).await,
            Self::Cluster(cluster) => Box::pin(cluster.call(command)).await,
        }
    }

    /// Whether some operations take several steps.
    pub(crate) fn is_clustered(&self) -> bool {
        match self {
            Self::Node { clustered, .. } => *clustered,
            Self::Cluster(_) => true,
        }
    }
}

/// A copy that fred can clone without an allocation, unless it is long.
pub(crate) fn copy(key: &str) -> Bytes {
    /// Of a session with a prefix that is not much longer than the default one.
    const USUAL_LEN: usize = 64;
    match ArrayVec::<u8, USUAL_LEN>::try_from(key.as_bytes()) {
        Ok(key) => Bytes::from_owner(key),
        Err(_) => Bytes::copy_from_slice(key.as_bytes()),
    }
}

fn compared(reply: Value) -> Result<Compared, Failure> {
    match reply {
        Value::Integer(_) => Ok(Compared::Done),
        reply => Ok(bytes(reply)?.map_or(Compared::Gone, Compared::Conflict)),
    }
}

fn removed(reply: Value) -> Result<RemovedAs, Failure> {
    match reply {
        Value::Integer(_) => Ok(RemovedAs::Removed),
        Value::Array(replies) => Ok(RemovedAs::Gone(bytes(first(replies))?.and_then(|text| read(&text)))),
        reply => bytes(reply)?.map(RemovedAs::Conflict).ok_or_else(unexpected),
    }
}

const DESTROYED: &str = "destroyed";
const RENEWED: &str = "renewed ";

fn write(marker: &Marker) -> String {
    match marker {
        Marker::Destroyed => DESTROYED.to_owned(),
        Marker::Renewed { successor } => [RENEWED, successor].concat(),
    }
}

fn read(text: &[u8]) -> Option<Marker> {
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix(RENEWED) {
        Some(successor) => Some(Marker::Renewed { successor: successor.into() }),
        None => (text == DESTROYED).then_some(Marker::Destroyed),
    }
}

/// Whole seconds, at least one; what is beyond 100 years is forever.
fn seconds(exp: Duration) -> i64 {
    const LONGEST: u64 = 100 * 365 * 24 * 3600;
    exp.as_secs().clamp(1, LONGEST) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_they_were_written() {
        for marker in [Marker::Destroyed, Marker::Renewed { successor: "session:b c".into() }] {
            assert_eq!(read(write(&marker).as_bytes()), Some(marker));
        }
        for other in [&b""[..], b"gone", b"destroyed ", b"\xff"] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn expiries_are_whole_seconds_that_redis_takes() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1999)), 1);
        assert_eq!(seconds(Duration::from_secs(1_209_600)), 1_209_600);
        assert_eq!(seconds(Duration::MAX), 3_153_600_000);
    }
}
