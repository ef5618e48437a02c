//! The operations on sessions, each in as few steps as the topology allows.

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrayvec::ArrayVec;
use fred::bytes::Bytes;
use fred::types::Value;
use session_backend_support::Deadline;
use session_core::{Applied, CodecRefusal, MARKER_LIFETIME, Marker, SessionCodec, Stored, WriteOutcome};

use crate::command::{Command, Word};
use crate::error::CallError;
use crate::expiry::{entry_seconds, seconds};
use crate::format::Format;
use crate::keys::marker_key;
use crate::marker;
use crate::reply::{bytes, first, unexpected};
use crate::script::{
    CREATE, CREATE_OF_USER, REMOVE, REMOVE_OF_USER, REMOVE_UNMARKED, REPLACE, REPLACE_OF_USER, ROTATE, ROTATE_OF_USER,
    TOUCH_OF_USER,
};
use crate::servers::Servers;

/// The number of attempts at a step that must not stay half done, if its reply is lost.
const ATTEMPTS: usize = 4;

pub(crate) struct Store {
    pub(crate) servers: Servers,
    pub(crate) format: Format,
    /// `true` once the server has been asked for its eviction policy.
    pub(crate) eviction_checked: AtomicBool,
}

/// The new value of a session, and the version that the stored one must have.
pub(crate) struct Write {
    /// The version, as scripts compare it.
    pub(crate) version: Bytes,
    pub(crate) value: Bytes,
    pub(crate) ttl: Duration,
}

impl Store {
    pub(crate) fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Self, CodecRefusal> {
        let eviction_checked = self.eviction_checked.load(Ordering::Relaxed).into();
        Ok(Self { servers: self.servers.clone(), format: self.format.with_codec(codec)?, eviction_checked })
    }

    pub(crate) async fn fetch(&self, key: &str, deadline: Deadline) -> Result<Option<Stored>, CallError> {
        let value = self.servers.get(&copy(key), deadline).await?;
        Ok(value.map(|value| self.format.decode_under(key, &value)).transpose()?)
    }

    pub(crate) async fn marker(&self, key: &str, deadline: Deadline) -> Result<Option<Marker>, CallError> {
        Ok(self.servers.get(&marker_key(key).into(), deadline).await?.and_then(|text| marker::read(&text)))
    }

    /// Extends the TTLs of a session and of its entry in the index of a user.
    pub(crate) async fn touch_of_user(&self, key: &Bytes, ttl: Duration, user: &Bytes) -> Result<bool, CallError> {
        if self.servers.is_clustered() {
            self.enter_first(user, key, ttl).await?;
            let found = self.touch(key, ttl).await?;
            if !found {
                // An entry that stays is dead and expires.
                drop(self.leave(user, key).await);
            }
            return Ok(found);
        }
        let arguments = [Word::Number(seconds(ttl)), entry_seconds(ttl)];
        match self.servers.run(&TOUCH_OF_USER, &[key.clone(), user.clone()], &arguments).await? {
            Value::Integer(found) => Ok(found == 1),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn touch(&self, key: &Bytes, ttl: Duration) -> Result<bool, CallError> {
        match self.servers.call(Command::Expire { key, seconds: seconds(ttl) }).await? {
            Value::Integer(found) => Ok(found == 1),
            _ => Err(unexpected()),
        }
    }

    /// [Creates](Self::create) a session and its entry in the index of a user.
    pub(crate) async fn create_of_user(
        &self,
        keys: &[Bytes; 2],
        value: &Bytes,
        ttl: Duration,
        user: &Bytes,
    ) -> Result<WriteOutcome<()>, CallError> {
        if self.servers.is_clustered() {
            self.enter_first(user, &keys[0], ttl).await?;
            return self.create(keys, value, ttl).await;
        }
        let [key, marker_key] = keys.clone();
        let arguments = [Word::Bytes(value), Word::Number(seconds(ttl)), entry_seconds(ttl)];
        self.outcome(self.servers.run(&CREATE_OF_USER, &[key, marker_key, user.clone()], &arguments).await?)
    }

    /// Stores a value under the first key, if that is not in use and the second key holds no marker.
    pub(crate) async fn create(
        &self,
        keys: &[Bytes; 2],
        value: &Bytes,
        ttl: Duration,
    ) -> Result<WriteOutcome<()>, CallError> {
        let arguments = [Word::Bytes(value), Word::Number(seconds(ttl))];
        match self.servers.run(&CREATE, keys, &arguments).await {
            Err(CallError::TryAgain) => Box::pin(self.create_while_moving(keys, value, ttl)).await,
            reply => self.outcome(reply?),
        }
    }

    /// Creates a session while its slot moves from one server to another, when servers refuse commands with two keys.
    ///
    /// The marker is looked up last. A removal writes its marker first, so one of the two sees the write of the other.
    async fn create_while_moving(
        &self,
        [key, marker_key]: &[Bytes; 2],
        value: &Bytes,
        ttl: Duration,
    ) -> Result<WriteOutcome<()>, CallError> {
        if !self.set_new(key, value, ttl).await? {
            return Ok(WriteOutcome::Conflict(None));
        }
        let refused = match self.marker_at(marker_key).await {
            Ok(None) => return Ok(WriteOutcome::Done(())),
            Ok(Some(found)) => Ok(WriteOutcome::Gone(Some(found))),
            Err(error) => Err(error.with_applied(Applied::Maybe)),
        };
        self.take_back(key).await;
        refused
    }

    pub(crate) async fn replace(&self, key: &Bytes, write: &Write) -> Result<WriteOutcome<()>, CallError> {
        let arguments = [Word::Bytes(&write.version), Word::Bytes(&write.value), Word::Number(seconds(write.ttl))];
        self.outcome(self.servers.run(&REPLACE, slice::from_ref(key), &arguments).await?)
    }

    /// [Replaces](Self::replace) a session, and extends its entry in the index of a user.
    pub(crate) async fn replace_of_user(
        &self,
        key: &Bytes,
        write: &Write,
        user: &Bytes,
    ) -> Result<WriteOutcome<()>, CallError> {
        if self.servers.is_clustered() {
            self.enter_first(user, key, write.ttl).await?;
            let outcome = self.replace(key, write).await?;
            if matches!(outcome, WriteOutcome::Gone(_)) {
                drop(self.leave(user, key).await);
            }
            return Ok(outcome);
        }
        let arguments = [
            Word::Bytes(&write.version),
            Word::Bytes(&write.value),
            Word::Number(seconds(write.ttl)),
            entry_seconds(write.ttl),
        ];
        self.outcome(self.servers.run(&REPLACE_OF_USER, &[key.clone(), user.clone()], &arguments).await?)
    }

    /// [Removes](Self::remove) a session and its entry in the index of a user.
    pub(crate) async fn remove_of_user(
        &self,
        key: &str,
        version: &Bytes,
        marker: &Marker,
        user: &Bytes,
    ) -> Result<WriteOutcome<()>, CallError> {
        if self.servers.is_clustered() {
            let outcome = self.remove(key, version, marker).await?;
            if !matches!(outcome, WriteOutcome::Conflict(_)) {
                // An entry that stays is dead and expires.
                drop(self.leave(user, &copy(key)).await);
            }
            return Ok(outcome);
        }
        let keys = [copy(key), marker_key(key).into(), user.clone()];
        let marker = Bytes::from(marker::write(marker));
        let arguments = [Word::Bytes(version), Word::Bytes(&marker), Word::Number(seconds(MARKER_LIFETIME))];
        self.outcome(self.servers.run(&REMOVE_OF_USER, &keys, &arguments).await?)
    }

    /// Removes a session that has this version, and leaves a marker. An empty version stands for any.
    pub(crate) async fn remove(
        &self,
        key: &str,
        version: &Bytes,
        marker: &Marker,
    ) -> Result<WriteOutcome<()>, CallError> {
        let keys = [copy(key), marker_key(key).into()];
        let marker = Bytes::from(marker::write(marker));
        let arguments = [Word::Bytes(version), Word::Bytes(&marker), Word::Number(seconds(MARKER_LIFETIME))];
        match self.servers.run(&REMOVE, &keys, &arguments).await {
            Err(CallError::TryAgain) => Box::pin(self.remove_while_moving(&keys, version, &marker)).await,
            reply => self.outcome(reply?),
        }
    }

    /// Removes a session while its slot moves from one server to another, when servers refuse commands with two keys.
    ///
    /// The marker comes first, so that a request that finds the session gone finds the marker.
    async fn remove_while_moving(
        &self,
        [key, marker_key]: &[Bytes; 2],
        version: &Bytes,
        marker: &Bytes,
    ) -> Result<WriteOutcome<()>, CallError> {
        let marked = self.set_new(marker_key, marker, MARKER_LIFETIME).await?;
        let reply = self.servers.run(&REMOVE_UNMARKED, slice::from_ref(key), &[Word::Bytes(version)]).await?;
        let outcome = self.outcome(reply)?;
        match outcome {
            WriteOutcome::Gone(_) if !marked => Ok(WriteOutcome::Gone(self.marker_at(marker_key).await?)),
            WriteOutcome::Conflict(_) | WriteOutcome::Gone(_) if marked && !version.is_empty() => {
                self.servers.call(Command::Delete(marker_key)).await?;
                Ok(outcome)
            }
            outcome => Ok(outcome),
        }
    }

    /// Rotates a session. Its new entry is in the index of the first user, its old one in that of the second.
    pub(crate) async fn rotate(
        &self,
        old: &str,
        new: &str,
        write: Write,
        [user, old_user]: [Option<Bytes>; 2],
    ) -> Result<WriteOutcome<()>, CallError> {
        let marker = Marker::Renewed { successor: new.into() };
        if self.servers.is_clustered()
            && let Some(user) = user
        {
            self.enter_first(&user, &copy(new), write.ttl).await?;
            let outcome = Box::pin(self.rotate_in_steps(old, new, write, &marker)).await?;
            let (user, dead) = match outcome {
                WriteOutcome::Done(()) => (old_user.unwrap_or(user), old),
                _ => (user, new),
            };
            drop(self.leave(&user, &copy(dead)).await);
            return Ok(outcome);
        }
        if self.servers.is_clustered() {
            return Box::pin(self.rotate_in_steps(old, new, write, &marker)).await;
        }
        let mut keys: ArrayVec<_, 6> =
            [copy(old), copy(new), marker_key(old).into(), marker_key(new).into()].into_iter().collect();
        let marker = Bytes::from(marker::write(&marker));
        let arguments = [
            Word::Bytes(&write.version),
            Word::Bytes(&write.value),
            Word::Number(seconds(write.ttl)),
            Word::Bytes(&marker),
            Word::Number(seconds(MARKER_LIFETIME)),
        ];
        let Some(user) = user else { return self.outcome(self.servers.run(&ROTATE, &keys, &arguments).await?) };
        keys.push(user);
        keys.extend(old_user);
        let mut arguments = arguments.to_vec();
        arguments.push(entry_seconds(write.ttl));
        self.outcome(self.servers.run(&ROTATE_OF_USER, &keys, &arguments).await?)
    }

    /// Rotates a session whose two keys may be on two servers: the new session is created before the old one is
    /// removed. If the old one can't be removed, the new one is removed again.
    async fn rotate_in_steps(
        &self,
        old: &str,
        new: &str,
        write: Write,
        marker: &Marker,
    ) -> Result<WriteOutcome<()>, CallError> {
        let new = [copy(new), marker_key(new).into()];
        match self.create(&new, &write.value, write.ttl).await {
            Ok(WriteOutcome::Done(())) => {}
            Ok(refused) => return Ok(refused),
            Err(error) => {
                // The session is still under its old key, and no client knows the new one.
                if error.may_be_applied() {
                    self.take_back(&new[0]).await;
                }
                return Err(error.with_applied(Applied::No));
            }
        }
        let mut outcome = self.remove(old, &write.version, marker).await;
        // A later failure does not settle an unconfirmed removal, which may still be applied.
        let may_be_gone = outcome.as_ref().is_err_and(CallError::may_be_applied);
        for _ in 1..ATTEMPTS {
            if !may_be_gone || outcome.is_ok() {
                break;
            }
            outcome = match self.remove(old, &write.version, marker).await {
                // An earlier attempt was applied, and its reply was lost.
                Ok(WriteOutcome::Gone(Some(found))) if found == *marker => Ok(WriteOutcome::Done(())),
                outcome => outcome,
            };
        }
        match outcome {
            Ok(WriteOutcome::Done(())) => return Ok(WriteOutcome::Done(())),
            // The new session may be the only one that is left.
            Err(error) if may_be_gone => return Err(error.with_applied(Applied::Maybe)),
            _ => self.take_back(&new[0]).await,
        }
        outcome
    }

    /// Removes a session whose key no client knows. If that fails, the session expires by itself.
    async fn take_back(&self, key: &Bytes) {
        for _ in 0..ATTEMPTS {
            if self.servers.call(Command::Delete(key)).await.is_ok() {
                return;
            }
        }
    }

    /// Sets a key that is not in use. Returns `false` if it is in use.
    async fn set_new(&self, key: &Bytes, value: &Bytes, ttl: Duration) -> Result<bool, CallError> {
        let set = Command::Create { key, value, seconds: seconds(ttl) };
        Ok(bytes(self.servers.call(set).await?)?.is_some())
    }

    async fn marker_at(&self, marker_key: &Bytes) -> Result<Option<Marker>, CallError> {
        let text = bytes(self.servers.call(Command::Get(marker_key)).await?)?;
        Ok(text.and_then(|text| marker::read(&text)))
    }

    /// Reads the reply of a script; see [`crate::script`].
    fn outcome(&self, reply: Value) -> Result<WriteOutcome<()>, CallError> {
        match reply {
            Value::Integer(0) => Ok(WriteOutcome::Conflict(None)),
            Value::Integer(_) => Ok(WriteOutcome::Done(())),
            Value::Array(replies) => {
                Ok(WriteOutcome::Gone(bytes(first(replies))?.and_then(|text| marker::read(&text))))
            }
            reply => {
                let current = bytes(reply)?.ok_or_else(unexpected)?;
                Ok(WriteOutcome::Conflict(Some(self.format.decode(&current)?)))
            }
        }
    }
}

/// Returns a copy that fred can clone without an allocation, unless it is long.
pub(crate) fn copy(key: &str) -> Bytes {
    /// Enough for a key whose prefix is not much longer than the default one.
    const USUAL_LEN: usize = 64;
    match ArrayVec::<u8, USUAL_LEN>::try_from(key.as_bytes()) {
        Ok(key) => Bytes::from_owner(key),
        Err(_) => Bytes::copy_from_slice(key.as_bytes()),
    }
}
