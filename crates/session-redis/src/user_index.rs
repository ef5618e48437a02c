//! The index of sessions by user: one sorted set for each user, which holds the keys of the user's sessions.
//!
//! On one server a script writes a session and its entry in one step. In a Cluster the entry is added or extended before
//! the session is written, and removed after the session is gone. An entry whose session is gone is removed when the index
//! is read. In a Cluster the session of a young entry may be about to be written, so only older entries are removed.

use std::collections::HashMap;
use std::time::Duration;

use fred::bytes::Bytes;
use fred::types::Value;
use session_core::{Applied, IndexedSession, MARKER_LIFETIME, Stored};

use crate::command::Word;
use crate::error::CallError;
use crate::expiry::{entry_seconds, seconds};
use crate::reply::{bytes, unexpected};
use crate::script::{ENTER, FIND_AND_HEAL, HEAL, LEAVE, MEMBERS};
use crate::store::Store;

/// The number of sessions that are read at a time.
const AT_A_TIME: usize = 500;

/// The number of times that an index is read again because sessions were renewed.
const MAX_READS: usize = 8;

/// A session as it was found, with its remaining TTL.
pub(crate) type Found = (Option<Stored>, Duration);

impl Store {
    /// Returns the entries of a user with their sessions.
    ///
    /// If a session is renewed after the index was read and before the session is fetched, the second reading finds it.
    pub(crate) async fn sessions_of(&self, user: &Bytes) -> Result<Vec<IndexedSession>, CallError> {
        let mut found: HashMap<Bytes, Found> = HashMap::new();
        for _ in 0..MAX_READS {
            let mut new = self.members(user).await?;
            new.retain(|key| !found.contains_key(key));
            let mut is_complete = true;
            for keys in new.chunks(AT_A_TIME) {
                let sessions = self.find(user, keys).await?;
                is_complete &= sessions.iter().all(|(stored, _)| stored.is_some());
                found.extend(keys.iter().cloned().zip(sessions));
            }
            if is_complete {
                break;
            }
        }
        if self.servers.is_clustered() {
            self.heal(user, &found).await;
        }
        let entries = found.into_iter().filter_map(|(key, (stored, rest))| {
            let is_live = stored.is_some();
            let entry = IndexedSession::new(std::str::from_utf8(&key).ok()?, stored);
            Some(if is_live { entry.expiring_in(rest) } else { entry })
        });
        Ok(entries.collect())
    }

    /// Adds an entry to the index or extends it. It comes before the write of its session and outlives the session, so that
    /// the index never misses one.
    ///
    /// # Errors
    ///
    /// If the entry may be missing. The session must not be written then.
    pub(crate) async fn enter_first(&self, user: &Bytes, key: &Bytes, ttl: Duration) -> Result<(), CallError> {
        let arguments = [Word::Bytes(key), entry_seconds(ttl)];
        let entered = self.servers.run(&ENTER, std::slice::from_ref(user), &arguments).await;
        entered.map(drop).map_err(|error| error.with_applied(Applied::No))
    }

    /// Removes an entry from the index.
    pub(crate) async fn leave(&self, user: &Bytes, key: &Bytes) -> Result<(), CallError> {
        self.servers.run(&LEAVE, std::slice::from_ref(user), &[Word::Bytes(key)]).await.map(drop)
    }

    async fn members(&self, user: &Bytes) -> Result<Vec<Bytes>, CallError> {
        match self.servers.run(&MEMBERS, std::slice::from_ref(user), &[]).await? {
            Value::Array(keys) => keys.into_iter().map(|key| bytes(key)?.ok_or_else(unexpected)).collect(),
            _ => Err(unexpected()),
        }
    }

    /// Removes the entries of a Cluster whose sessions are gone, except entries that a sign-in may have just added.
    async fn heal(&self, user: &Bytes, found: &HashMap<Bytes, Found>) {
        // An unreadable session has a remaining TTL.
        let is_gone = |(stored, rest): &Found| stored.is_none() && rest.is_zero();
        let dead: Vec<_> = found.iter().filter(|(_, found)| is_gone(found)).map(|(key, _)| key).collect();
        for keys in dead.chunks(AT_A_TIME) {
            let mut arguments = vec![Word::Number(seconds(MARKER_LIFETIME))];
            arguments.extend(keys.iter().map(|key| Word::Bytes(key)));
            // The next listing tries again.
            drop(self.servers.run(&HEAL, std::slice::from_ref(user), &arguments).await);
        }
    }

    async fn find(&self, user: &Bytes, keys: &[Bytes]) -> Result<Vec<Found>, CallError> {
        if self.servers.is_clustered() {
            return self.read(keys).await;
        }
        let mut keys = keys.to_vec();
        keys.push(user.clone());
        self.found(self.servers.run(&FIND_AND_HEAL, &keys, &[]).await?)
    }

    pub(crate) fn found(&self, reply: Value) -> Result<Vec<Found>, CallError> {
        let Value::Array(replies) = reply else { return Err(unexpected()) };
        let mut replies = replies.into_iter();
        let mut found = Vec::new();
        while let (Some(value), Some(rest)) = (replies.next(), replies.next()) {
            // An unreadable session has no data to list.
            let stored = bytes(value)?.and_then(|value| self.format.decode(&value).ok());
            let rest = rest.as_i64().and_then(|millis| u64::try_from(millis).ok()).unwrap_or_default();
            found.push((stored, Duration::from_millis(rest)));
        }
        Ok(found)
    }
}
