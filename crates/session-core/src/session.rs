//! The session that handlers use.

mod csrf;
mod flash;
mod key;
mod lifetime;
mod update;
mod user;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::absence::Absence;
use crate::changes::Change;
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::{SessionMap, ValueError, encode};
use crate::meta::{META_KEY, Meta, RecordChange};
use crate::request::phase::Phase;
use crate::request::shared::{SessionGuard, SharedSession};
use crate::request::state::RequestSession;

pub use flash::{Flash, FlashLevel};
pub use key::SessionKey;
pub use lifetime::Lifetime;

/// The loaded session of a request: an ordered map from keys to JSON values, which is read and changed without `await`.
///
/// [`SessionHandle::load`](crate::SessionHandle::load) or an adapter's extractor makes one. Clones share the session,
/// and several tasks may use them at once. Changes are persisted when the response is committed, or by
/// [`save`](Self::save).
///
/// In a store, concurrent requests of one session don't erase each other's keys, because the changes of each request
/// are replayed on the current data. Use [`update`](Self::update) for a value that depends on the current one.
///
/// ```
/// # use session_core::{SessionConfigBuilder, SessionError, SessionManager};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let manager = SessionManager::new(SessionConfigBuilder::development("id").build()?);
/// # let handle = manager.open([]);
/// let session = handle.load().await?;
/// session.insert("user", "ann")?;
/// session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
/// assert_eq!(session.get::<u64>("visits")?, Some(1));
/// assert_eq!(session.to_map().as_json(), r#"{"user":"ann","visits":1}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<SharedSession>,
}

/// Reading.
impl Session {
    /// Returns the value of a key, or `None` if the key has none.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`. If a deployment has changed the type of the value, use
    /// [`read_or_remove`](Self::read_or_remove).
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.view(key).get(key)?)
    }

    /// Returns the JSON text of a key's value, exactly as it was written.
    #[must_use]
    pub fn raw_json(&self, key: &str) -> Option<String> {
        self.view(key).raw_json(key).map(str::to_owned)
    }

    /// Returns `true` if the key has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.view(key).contains_key(key)
    }

    /// Returns `true` if no key has a value. A session without keys may still have a user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().data().is_empty_but_for(META_KEY)
    }

    /// Returns `true` if the session has changes that are not persisted yet.
    ///
    /// Writes that change nothing, such as inserting an equal value, don't count.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        self.state().is_changed()
    }

    /// Returns a copy of all current data, for example to list the keys. The copy is cheap, because it shares the JSON
    /// text.
    #[must_use]
    pub fn to_map(&self) -> SessionMap {
        let mut map = self.state().data().clone();
        map.remove(META_KEY);
        map
    }

    /// Returns the id under which the store has the session.
    ///
    /// `None` if the session lives in the cookie, is not stored yet, is destroyed or gone, or will get a new id because
    /// [`renew`](Self::renew) was called. Call [`save`](Self::save) first to learn the id of a new or renewed session.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        match self.state().phase() {
            Phase::Stored { id, renew: false, .. } => Some(*id),
            _ => None,
        }
    }

    /// Returns the reason why the request has no session; `None` if its cookie led to one.
    ///
    /// It is meant for logs and support, because an empty session has many causes. The reason is also logged at level
    /// `debug`, with the target `session_core::absence`. Don't show it to clients: it would help an attacker who forges
    /// cookies.
    #[must_use]
    pub fn absence(&self) -> Option<Absence> {
        self.shared.absence()
    }

    /// Returns `true` if the request's cookie led to no session.
    #[must_use]
    pub fn is_new(&self) -> bool {
        !self.state().client_has_session()
    }
}

/// Writing.
///
/// Writes that change nothing, such as inserting an equal value, cause no store call and no cookie. Each of these
/// methods can fail with
///
/// - [`SessionError::ReservedKey`] for a key that the library reserves (`__session`, and `_cssid` in cookie mode),
/// - [`SessionError::HeadersSent`] if the response head was sent and the change needs a cookie, and
/// - [`SessionError::Gone`] after a [`save`](Session::save), `reload` or `touch` has found the session gone.
impl Session {
    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// - [`ValueError::Encode`], [`ValueError::NotFinite`] or [`ValueError::TooDeep`] if JSON can't represent the
    ///   value.
    /// - [`ValueError::TooLong`] if the session would grow beyond [`SessionMap::MAX_BYTES`].
    /// - [`SessionError::TooManyKeys`] if the key is new and the session already has as many keys as the configuration
    ///   allows.
    /// - [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        self.check_key(key)?;
        let json = encode(key, &value)?;
        self.set(key, &json)
    }

    /// Sets all keys of a map. The JSON text of their values is taken over unchecked. For data from a client,
    /// call [`SessionMap::validate`] first.
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`] if one of the keys is reserved, and [`SessionError::TooManyKeys`] if the session
    /// would have more keys than the configuration allows: no key is set then. [`ValueError::TooLong`] if the session
    /// would grow beyond [`SessionMap::MAX_BYTES`]. [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn extend(&self, map: &SessionMap) -> Result<(), SessionError> {
        map.keys().try_for_each(|key| self.check_key(&key))?;
        let current = self.state().data().clone();
        let added = map.keys().filter(|key| !current.contains_key(key)).count();
        if added > 0 {
            self.shared.context.config.check_keys(&current, added)?;
        }
        drop(current);
        map.iter().try_for_each(|(key, json)| self.set(&key, json))
    }

    /// Removes a key. Returns `true` if it had a value.
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn remove(&self, key: &str) -> Result<bool, SessionError> {
        self.check_key(key)?;
        let mut removed = false;
        self.state().mutate(|map| {
            removed = map.remove(key);
            Ok::<_, ValueError>((Change::Remove(key.into()), removed))
        })?;
        Ok(removed)
    }

    /// Removes a key and returns its value, for example for a message that is shown once. Two concurrent requests may
    /// both get the value. Use [`take`](Self::take) for a value that only one of them may use.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`; the value then stays. [`SessionError::ReservedKey`],
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        let value = self.get(key)?;
        self.remove(key)?;
        Ok(value)
    }

    /// Returns the value of a key. A value that is not a `T` is removed, and `None` is returned.
    ///
    /// Use it if a deployment has changed the type of a value, so that users whose sessions hold the old type are not
    /// locked out. [Change the type of a value](crate::guide::operations#change-the-type-of-a-value) has the other ways.
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn read_or_remove<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        match self.get(key) {
            Err(SessionError::Value(ValueError::Decode { .. })) => self.remove(key).map(|_| None),
            found => found,
        }
    }

    /// Removes all keys, including keys that another request sets before the commit.
    ///
    /// The session's user and the client's cookie are removed as well. This is not a logout, because the id stays
    /// usable for 60 seconds: call [`sign_out`](Self::sign_out) to log a user out. A later login has no connection to
    /// the cleared session, so a late response to a request with the old cookie can replace the login's cookie.
    ///
    /// # Errors
    ///
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn clear(&self) -> Result<(), SessionError> {
        let mut session = self.state();
        let effective = !session.is_empty();
        let meta = Meta { user: None, ..Meta::of(session.data()) };
        session.mutate(|map| {
            map.clear();
            // `clear` keeps the session's own lifetime.
            meta.write(map)?;
            Ok::<_, ValueError>((Change::Clear, effective))
        })?;
        session.mutate(|_| Ok::<_, ValueError>((Change::Record(RecordChange::NoUser), false)))
    }
}

/// The session as a whole.
impl Session {
    /// Gives the session a new id when the response is committed, and keeps its data. Call this whenever the user gains
    /// rights, because an attacker may know the old id. After the commit, the old id names no session. At login, call
    /// [`sign_in`](Self::sign_in) instead. The absolute lifetime is not restarted.
    ///
    /// A session that is not stored yet gets a new id anyway. In cookie mode the client gets a new cookie, but the old
    /// one can't be revoked: a copy of it stays valid until it expires.
    ///
    /// # Errors
    ///
    /// [`SessionError::HeadersSent`] after the response head, and [`SessionError::Gone`] after a [`save`](Self::save) has
    /// found the session gone.
    pub fn renew(&self) -> Result<(), SessionError> {
        self.state().renew()
    }

    /// Destroys the session; see [`SessionHandle::destroy`](crate::SessionHandle::destroy).
    pub fn destroy(&self) {
        self.state().destroy();
    }

    /// Persists the changes made so far, before the response is committed or after its head was sent. Use it in streams
    /// and WebSockets, which outlive the response head. A later commit does not write these changes again, and sends
    /// the cookie if one is due.
    ///
    /// Does nothing for sessions that live in the cookie, because only the response can carry their changes.
    ///
    /// # Errors
    ///
    /// - [`SessionError::Gone`] if another request destroyed or renewed the session, or the store no longer has it.
    /// - [`SessionError::Taken`], [`SessionError::Refused`] or [`SessionError::Value`] if a change can't be replayed on
    ///   the data that another request has written. All pending changes are dropped then.
    /// - [`SessionError::Contended`] if other requests kept writing the session until the deadline.
    /// - [`SessionError::OutcomeUnknown`] if the reply to an earlier write was lost, and its updates and takes can't be
    ///   repeated safely.
    /// - [`SessionError::TooLarge`] or [`SessionError::TooManyKeys`] if the session exceeds a configured limit.
    /// - [`SessionError::TooManySessions`] after a `destroy` of more than 8 sessions, and
    ///   [`SessionError::TooManyUserSessions`] after a `sign_in` beyond the configured limit.
    /// - [`SessionError::NoRandomNumbers`] if the session needs an id and the operating system has no random numbers.
    /// - [`SessionError::HeadersSent`] if the cookie of a new or renewed session can't be delivered any more.
    /// - [`SessionError::Store`] if the store failed. The changes stay pending and can be saved again.
    pub async fn save(&self) -> Result<(), SessionError> {
        let mut deadline = self.shared.context.deadline(self.shared.context.config.request_deadline);
        let _lock = self.shared.lock_store(&mut deadline).await?;
        self.shared.save(&mut deadline).await
    }

    /// Fetches the session again, so that a WebSocket or a stream sees the changes of other requests. Pending changes
    /// of this request are replayed on the fetched data. Does nothing for sessions that live in the cookie or are not
    /// stored yet.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the session was destroyed, renewed or has expired. [`SessionError::Store`] if the
    /// store failed. [`SessionError::OutcomeUnknown`] if the store may already have an update or a take of a failed
    /// `save`; the pending changes are dropped then.
    pub async fn reload(&self) -> Result<(), SessionError> {
        let mut deadline = self.shared.context.deadline(self.shared.context.config.request_deadline);
        self.shared.reload(&mut deadline).await
    }

    /// Restarts the stored session's lifetime, for a WebSocket or a stream in use. The client's cookie is not extended.
    /// Does nothing for sessions that live in the cookie or are not stored yet.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the session was destroyed, renewed or has expired. [`SessionError::Store`] if the store
    /// failed.
    pub async fn touch(&self) -> Result<(), SessionError> {
        let mut deadline = self.shared.context.deadline(self.shared.context.config.request_deadline);
        self.shared.keep_alive(&mut deadline).await
    }
}

impl Session {
    pub(crate) fn new(shared: Arc<SharedSession>) -> Self {
        Self { shared }
    }

    fn state(&self) -> SessionGuard<'_> {
        self.shared.session()
    }

    /// Returns the current data, for work that must not hold the lock. Returns no data if the key is reserved.
    fn view(&self, key: &str) -> SessionMap {
        if self.shared.context.config.is_reserved(key) { SessionMap::new() } else { self.state().data().clone() }
    }

    fn check_key(&self, key: &str) -> Result<(), SessionError> {
        if self.shared.context.config.is_reserved(key) {
            return Err(SessionError::ReservedKey { key: key.into() });
        }
        Ok(())
    }

    fn set(&self, key: &str, json: &str) -> Result<(), SessionError> {
        self.state().mutate(|map| {
            let changed = self.put(map, map.find(key), key, json)?;
            Ok::<_, SessionError>((Change::Set(key.into()), changed))
        })
    }

    /// Sets the value of a key that was found at a position, or adds it unless the session has too many keys.
    fn put(&self, map: &mut SessionMap, found: Option<usize>, key: &str, json: &str) -> Result<bool, SessionError> {
        if found.is_none() {
            self.shared.context.config.check_keys(map, 1)?;
        }
        Ok(map.insert_json_at(found, key, json)?)
    }
}

/// Writes the library's record with a change.
fn set_meta(session: &mut RequestSession, meta: &Meta, change: RecordChange) -> Result<(), SessionError> {
    session.mutate(|map| Ok::<_, ValueError>((Change::Record(change), meta.write(map)?)))
}

/// Prints no data.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.state();
        f.debug_struct("Session").field("id", &session.id()).field("data", session.data()).finish_non_exhaustive()
    }
}
