//! The operations on sessions as bytes, each in as few steps as the topology allows.

use std::sync::Arc;
use std::time::Duration;

use fred::bytes::Bytes;
use fred::types::Value;
use session_core::{Applied, BackendErrorKind, MARKER_LIFETIME, Marker};
use tokio::time::{Instant, timeout};

use crate::cluster::Cluster;
use crate::command::Command;
use crate::error::Failure;
use crate::keys::marker_key;
use crate::node::Node;
use crate::reply::{bytes, first, unexpected};
use crate::script::{self, REMOVE, REMOVE_UNMARKED, REPLACE, ROTATE, Script};

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
    /// The version, as hexadecimal digits.
    pub(crate) version: String,
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
    pub(crate) async fn get(&self, key: &str, deadline: Duration) -> Result<Option<Bytes>, Failure> {
        let start = Instant::now();
        match self.ask(key, deadline).await {
            // The server has closed the connection, perhaps long ago. Asking twice does no harm.
            Err(failure) if failure.is_lost_connection() => {
                let left = deadline.saturating_sub(start.elapsed());
                Box::pin(timeout(left, self.ask(key, left))).await.map_err(|_| Failure::unavailable())?
            }
            answer => answer,
        }
    }

    /// What stands under a key, within the deadline. No task is needed for it: nobody misses a question that is sent late.
    async fn ask(&self, key: &str, deadline: Duration) -> Result<Option<Bytes>, Failure> {
        let command = Command::new("GET", vec![key.into()]);
        bytes(match self {
            Self::Node { .. } => self.call(command).await?,
            // It may go to several servers in turn.
            Self::Cluster(_) => {
                Box::pin(timeout(deadline, self.call(command))).await.map_err(|_| Failure::unavailable())??
            }
        })
    }

    /// Stores a value under a key that is not in use. Returns whether that was so.
    pub(crate) async fn create(&self, key: &str, value: Bytes, exp: Duration) -> Result<bool, Failure> {
        let arguments = vec![key.into(), value.into(), "NX".into(), "EX".into(), seconds(exp)];
        Ok(bytes(self.call(Command::new("SET", arguments)).await?)?.is_some())
    }

    pub(crate) async fn touch(&self, key: &str, exp: Duration) -> Result<bool, Failure> {
        match self.call(Command::new("EXPIRE", vec![key.into(), seconds(exp)])).await? {
            Value::Integer(found) => Ok(found == 1),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn replace(&self, key: &str, write: &Write) -> Result<Compared, Failure> {
        let arguments = [write.version.as_str().into(), write.value.clone().into(), seconds(write.exp)];
        compared(self.run(&REPLACE, &[key], &arguments).await?)
    }

    pub(crate) async fn marker(&self, key: &str, deadline: Duration) -> Result<Option<Marker>, Failure> {
        Ok(self.ask(&marker_key(key), deadline).await?.and_then(|text| read(&text)))
    }

    /// Removes a session at a version, or at any if that is empty, and leaves a marker if there is one to leave.
    pub(crate) async fn remove(&self, key: &str, version: &str, marker: Option<&Marker>) -> Result<RemovedAs, Failure> {
        let (marker_key, text) = (marker_key(key), marker.map(write).unwrap_or_default());
        let arguments = [version.into(), text.as_str().into(), seconds(MARKER_LIFETIME)];
        match self.run(&REMOVE, &[key, &marker_key], &arguments).await {
            Err(Failure::TryAgain) => self.remove_while_moving(key, version, &marker_key, text).await,
            reply => removed(reply?),
        }
    }

    /// The same while the slot moves from one server to another and its keys are here and there: nothing that needs two
    /// keys is done then. The marker comes first, so that whoever finds the session gone finds the marker.
    async fn remove_while_moving(
        &self,
        key: &str,
        version: &str,
        marker_key: &str,
        text: String,
    ) -> Result<RemovedAs, Failure> {
        let mut marked = false;
        if !text.is_empty() {
            let arguments = vec![marker_key.into(), text.into(), "NX".into(), "EX".into(), seconds(MARKER_LIFETIME)];
            marked = bytes(self.call(Command::new("SET", arguments)).await?)?.is_some();
        }
        let outcome = removed(self.run(&REMOVE_UNMARKED, &[key], &[version.into()]).await?)?;
        match outcome {
            RemovedAs::Gone(_) if !marked => {
                let marker = bytes(self.call(Command::new("GET", vec![marker_key.into()])).await?)?;
                Ok(RemovedAs::Gone(marker.and_then(|text| read(&text))))
            }
            RemovedAs::Conflict(_) | RemovedAs::Gone(_) if marked => {
                self.call(Command::new("DEL", vec![marker_key.into()])).await?;
                Ok(outcome)
            }
            outcome => Ok(outcome),
        }
    }

    pub(crate) async fn rotate(&self, old: &str, new: &str, write: &Write) -> Result<Compared, Failure> {
        let marker = Marker::Renewed { successor: new.into() };
        if self.is_clustered() {
            return self.rotate_in_steps(old, new, write, &marker).await;
        }
        let arguments = [
            write.version.as_str().into(),
            write.value.clone().into(),
            seconds(write.exp),
            self::write(&marker).into(),
            seconds(MARKER_LIFETIME),
        ];
        compared(self.run(&ROTATE, &[old, new, &marker_key(old)], &arguments).await?)
    }

    /// The same where the two keys may be on two servers: the new one is there before the old one goes, and goes again
    /// if the old one can't.
    async fn rotate_in_steps(&self, old: &str, new: &str, write: &Write, marker: &Marker) -> Result<Compared, Failure> {
        match self.create(new, write.value.clone(), write.exp).await {
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
            if self.call(Command::new("DEL", vec![key.into()])).await.is_ok() {
                return;
            }
        }
    }

    async fn run(&self, script: &Script, keys: &[&str], arguments: &[Value]) -> Result<Value, Failure> {
        let command = |name, text: &str| Command::script(name, script::arguments(text.to_owned(), keys, arguments));
        match self.call(command("EVALSHA", &script.digest)).await {
            Err(Failure::NoScript) => Box::pin(self.call(command("EVAL", script.text))).await,
            reply => reply,
        }
    }

    async fn call(&self, mut command: Command) -> Result<Value, Failure> {
        match self {
            Self::Node { node, clustered } => {
                if *clustered {
                    command.find_slot();
                }
                node.call(command, false).await
            }
            // Boxed, as all that is rare or rather for large installations: who moves the future of a call moves it all.
            Self::Cluster(cluster) => Box::pin(cluster.call(command)).await,
        }
    }

    fn is_clustered(&self) -> bool {
        match self {
            Self::Node { clustered, .. } => *clustered,
            Self::Cluster(_) => true,
        }
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
fn seconds(exp: Duration) -> Value {
    const LONGEST: u64 = 100 * 365 * 24 * 3600;
    Value::Integer(exp.as_secs().clamp(1, LONGEST) as i64)
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
        assert_eq!(seconds(Duration::ZERO), Value::Integer(1));
        assert_eq!(seconds(Duration::from_millis(1999)), Value::Integer(1));
        assert_eq!(seconds(Duration::from_secs(1_209_600)), Value::Integer(1_209_600));
        assert_eq!(seconds(Duration::MAX), Value::Integer(3_153_600_000));
    }
}
