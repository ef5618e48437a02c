//! The session as handlers use it.

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

/// The loaded session of a request: an ordered map from keys to JSON values, used without `await`.
///
/// Made by [`SessionHandle::load`](crate::SessionHandle::load), or by an adapter's extractor. Clones are one session, and may
/// be used by several tasks at once. Changes are persisted when the response is committed, or by [`save`](Self::save).
///
/// Concurrent requests of one session don't erase each other's keys: the changes of each are replayed on the changes of the
/// others. Use [`update`](Self::update) for values that depend on the current one.
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
    /// Returns the value of a key, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`. [`read_or_remove`](Self::read_or_remove) helps where the type of a value
    /// has changed with a deployment.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.view(key).get(key)?)
    }

    /// Returns the JSON text of a key's value, as it was written.
    #[must_use]
    pub fn raw_json(&self, key: &str) -> Option<String> {
        self.view(key).raw_json(key).map(str::to_owned)
    }

    /// Returns `true` if the key has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.view(key).contains_key(key)
    }

    /// Returns `true` if there is no key.
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

    /// Returns all data as it is now: its keys, their number, its JSON text. The copy is cheap, because it shares the text.
    #[must_use]
    pub fn to_map(&self) -> SessionMap {
        let mut map = self.state().data().clone();
        map.remove(META_KEY);
        map
    }

    /// Returns the id that the store knows the session by.
    ///
    /// `None` if the session lives in the cookie, is not stored yet, or will get a new id because [`renew`](Self::renew) was
    /// called. Call [`save`](Self::save) first to learn the id of a new or renewed session.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        match self.state().phase() {
            Phase::Stored { id, renew: false, .. } => Some(*id),
            _ => None,
        }
    }

    /// Returns the reason why the request brought no session along; `None` if it did.
    ///
    /// For logs and support: "my session is empty" has many causes. At level `debug`, each is logged with the target
    /// `session_core::absence`. Show it to no client: it tells which cookies are nearly right.
    #[must_use]
    pub fn absence(&self) -> Option<Absence> {
        self.shared.absence()
    }

    /// Returns `true` if the request brought no session along.
    #[must_use]
    pub fn is_new(&self) -> bool {
        !self.state().client_has_session()
    }
}

/// Writing.
///
/// Writes that change nothing, such as inserting an equal value, are free. All of these fail with
/// [`SessionError::ReservedKey`] for the library's own key, with [`SessionError::HeadersSent`] if the response head was sent
/// and the change needs a cookie, and with [`SessionError::Gone`] after a [`save`](Session::save) has found the session gone.
impl Session {
    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// [`ValueError::Encode`] or [`ValueError::NotFinite`] if JSON can't carry the value. [`SessionError::TooManyKeys`] if a
    /// new key is one more than the configured limit.
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        self.check_key(key)?;
        let json = encode(key, &value)?;
        self.set(key, &json)
    }

    /// Sets all keys of a map, with the JSON text of their values. Check data from a client with [`SessionMap::validate`] first.
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`] if one of the keys is reserved, and [`SessionError::TooManyKeys`] if the session would
    /// have more keys than the configured limit; no key is set then.
    pub fn extend(&self, map: &SessionMap) -> Result<(), SessionError> {
        map.keys().try_for_each(|key| self.check_key(&key))?;
        let current = self.state().data().clone();
        let added = map.keys().filter(|key| !current.contains_key(key)).count();
        if added > 0 {
            self.shared.context.check_keys(&current, added)?;
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

    /// Removes a key and returns its value, for messages that are shown once. Two concurrent requests may both get it; use
    /// [`take`](Self::take) for a value that only one of them may use.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`, which then stays. [`SessionError::ReservedKey`],
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        let value = self.get(key)?;
        self.remove(key)?;
        Ok(value)
    }

    /// Returns the value of a key, and removes a value that is not a `T`.
    ///
    /// For values whose type has changed with a deployment: a user whose session holds the old type is not locked out.
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

    /// Removes all keys, those too that another request has set by the time of the commit.
    ///
    /// The session's user is removed as well, and the client's cookie. This is no logout all the same, because the id stays
    /// usable for a minute. Use [`sign_out`](Self::sign_out) to log a user out. A login that follows has no tie to the cleared
    /// session, so a late response to a request with the old cookie can replace its cookie.
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
            // The session keeps its own lifetime.
            meta.write(map)?;
            Ok::<_, ValueError>((Change::Clear, effective))
        })?;
        session.mutate(|_| Ok::<_, ValueError>((Change::Record(RecordChange::NoUser), false)))
    }
}

/// The session as a whole.
impl Session {
    /// Gives the session a new id, with the data that it has, when the response is committed. Do this whenever the user gains
    /// rights: the old id, which another person may know, then names no session. At login, use [`sign_in`](Self::sign_in).
    /// The absolute lifetime goes on.
    ///
    /// A session that is not stored yet, and one that lives in the cookie, gets a new cookie anyway. In cookie mode the old
    /// cookie can't be revoked: a copy of it stays valid until it expires.
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

    /// Persists the changes made so far without waiting for the response: for streams and WebSockets, which outlive it. The
    /// commit does not write them a second time, and sends the cookie if one is due.
    ///
    /// Does nothing for sessions that live in the cookie: only the response can carry them.
    ///
    /// # Errors
    ///
    /// - [`SessionError::Gone`] if the session was destroyed or renewed by another request.
    /// - [`SessionError::Taken`] or [`SessionError::Refused`] if a change can't be replayed.
    /// - [`SessionError::Contended`] if other requests wrote the session until the deadline.
    /// - [`SessionError::TooLarge`] if the session is larger than the configured limit.
    /// - [`SessionError::HeadersSent`] if the cookie of a new or renewed session can't be delivered any more.
    /// - [`SessionError::Store`] if the store failed; the changes stay pending and can be saved again.
    pub async fn save(&self) -> Result<(), SessionError> {
        let mut deadline = self.shared.context.deadline(self.shared.context.config.request_deadline);
        let _lock = self.shared.lock_store(&mut deadline).await?;
        self.shared.save(&mut deadline).await
    }

    /// Fetches the session again, so that a WebSocket or a stream sees the changes of other requests. Pending changes of
    /// this request stay on top. Does nothing for sessions that live in the cookie.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the session was destroyed, renewed or has expired. [`SessionError::Store`] if the store
    /// failed. [`SessionError::OutcomeUnknown`] if a `save` that failed may have stored an update or a take after all; the
    /// pending changes are dropped then.
    pub async fn reload(&self) -> Result<(), SessionError> {
        let mut deadline = self.shared.context.deadline(self.shared.context.config.request_deadline);
        self.shared.reload(&mut deadline).await
    }

    /// Extends the stored session's life by its lifetime, for a WebSocket or a stream that is in use. The cookie of the
    /// client keeps its own age. Does nothing for sessions that live in the cookie.
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

    /// Returns the current data, for work that must not hold the lock; no data, if the key is the library's.
    fn view(&self, key: &str) -> SessionMap {
        if self.shared.context.is_reserved(key) { SessionMap::new() } else { self.state().data().clone() }
    }

    fn check_key(&self, key: &str) -> Result<(), SessionError> {
        if self.shared.context.is_reserved(key) {
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

    /// Sets the value of a key that was found at a position, or adds it unless the session has too many.
    fn put(&self, map: &mut SessionMap, found: Option<usize>, key: &str, json: &str) -> Result<bool, SessionError> {
        if found.is_none() {
            self.shared.context.check_keys(map, 1)?;
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
