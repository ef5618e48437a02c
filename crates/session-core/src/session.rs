//! The session as handlers use it.

mod key;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::{Change, UpdateFn};
use crate::commit::decide;
use crate::handle::CellGuard;
use crate::map::{ValueError, decode, encode};
use crate::meta::{META_KEY, Meta};
use crate::persist::Persisted;
use crate::state::{Cell, State};
use crate::{SessionError, SessionHandle, SessionId, SessionMap};

pub use key::SessionKey;

/// How often an update or a take is tried while other tasks of the same request write the same key.
const ATTEMPTS: usize = 64;

/// The session of a request, loaded: an ordered map from keys to JSON values, used without waiting.
///
/// Made by [`SessionHandle::load`], or by an adapter's extractor. Clones are the same session, and may be used by several
/// tasks at once. What is changed is persisted when the response is committed, or by [`save`](Self::save).
///
/// Requests of one session that run at the same time don't erase each other's keys: the changes of each are made again on
/// what the others have written. See [`update`](Self::update) for values that depend on what was there.
///
/// ```
/// # use session_core::{SessionConfig, SessionError, SessionManager};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let manager = SessionManager::new(SessionConfig::builder("at least 32 bytes from a secret store", "id").build()?);
/// # let handle = manager.open([]);
/// let session = handle.load().await?;
/// session.insert("user", "ann")?;
/// session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
/// assert_eq!(session.get::<u64>("visits")?, Some(1));
/// assert_eq!(session.keys(), ["user", "visits"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    handle: SessionHandle,
}

/// Reading.
impl Session {
    /// The value of a key, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        Ok(self.view(key).get(key)?)
    }

    /// The JSON text of a key's value, as it came.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<String> {
        self.view(key).raw(key).map(str::to_owned)
    }

    /// Whether the key is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.view(key).contains_key(key)
    }

    /// The keys, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.to_map().keys().map(Into::into).collect()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.to_map().len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cell().is_empty()
    }

    /// All data. The copy is cheap: it shares the session's text.
    #[must_use]
    pub fn to_map(&self) -> SessionMap {
        let mut map = self.cell().map.clone();
        map.remove(META_KEY);
        map
    }

    /// The JSON text of all data, values as they came.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_map().to_json()
    }

    /// The id that the store knows the session by: none for a session that is not stored yet or lives in the cookie.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.cell().id().copied()
    }

    /// Whether the request brought no session along.
    #[must_use]
    pub fn is_new(&self) -> bool {
        !self.cell().client_has_session
    }
}

/// Writing.
///
/// A change that is none, such as inserting the value that is there, costs nothing. All of these fail with
/// [`SessionError::ReservedKey`] for the library's own key, with [`SessionError::HeadersSent`] when the response head was
/// sent and the change needs a cookie, and with [`SessionError::Gone`] after a [`save`](Session::save) has found the
/// session gone.
impl Session {
    /// Sets a key.
    ///
    /// # Errors
    ///
    /// [`ValueError::Encode`] or [`ValueError::NotFinite`] if JSON can't carry the value.
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        self.check_key(key)?;
        let json = encode(key, &value)?;
        self.set(key, &json)
    }

    /// Sets all keys of a map, values as they are. Check what comes from a stranger with [`SessionMap::validate`] first.
    ///
    /// # Errors
    ///
    /// As all writing; nothing is set if one of the keys is reserved.
    pub fn merge(&self, map: &SessionMap) -> Result<(), SessionError> {
        map.keys().try_for_each(|key| self.check_key(&key))?;
        map.iter().try_for_each(|(key, json)| self.set(&key, json))
    }

    /// Removes a key. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// As all writing.
    pub fn remove(&self, key: &str) -> Result<bool, SessionError> {
        self.check_key(key)?;
        let mut removed = false;
        self.cell().mutate(|map| {
            removed = map.remove(key);
            Ok::<_, ValueError>(removed.then(|| Change::Remove(key.into())))
        })?;
        Ok(removed)
    }

    /// Removes a key and returns its value, for values that may be used once only.
    ///
    /// If another request has taken or changed it meanwhile, the commit fails with [`SessionError::Taken`]: of two
    /// concurrent takes of one value, one succeeds.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`; it then stays where it is.
    pub fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        self.check_key(key)?;
        for _ in 0..ATTEMPTS {
            let view = self.view(key);
            let Some(observed) = view.raw(key) else { return Ok(None) };
            let value = decode(key, observed)?;
            let mut cell = self.cell();
            if cell.map.raw(key) == Some(observed) {
                cell.mutate(|map| {
                    map.remove(key);
                    Ok::<_, ValueError>(Some(Change::Take(key.into(), observed.into())))
                })?;
                return Ok(Some(value));
            }
        }
        Err(SessionError::UnstableUpdate { key: key.into() })
    }

    /// Computes a key's value from the one that is there: exact, however many requests do so at once.
    ///
    /// The closure runs now, and again whenever another request was faster. So it should do nothing but compute; what it
    /// needs, it owns, and a handle of the session is nothing that it needs: it would keep the session in memory for as
    /// long as the session keeps the closure. It runs without a lock, and a panic in it harms nobody else.
    ///
    /// Returns what was computed now. What is stored in the end may differ, if others were faster: a number that is to be
    /// unique, such as that of a ticket, is read after a [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value that is there is not a `T`, and the errors of [`insert`](Self::insert).
    /// [`SessionError::UnstableUpdate`] if the closure itself keeps changing the key.
    pub fn update<T, F>(&self, key: &str, mut compute: F) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        self.check_key(key)?;
        for _ in 0..ATTEMPTS {
            let view = self.view(key);
            let mut found = view.find(key);
            let before = found.map(|at| view.raw_at(at));
            let value = compute(before.map(|raw| decode(key, raw)).transpose()?);
            let json = encode(key, &value)?;
            let mut cell = self.cell();
            if !cell.map.is_clone_of(&view) {
                found = cell.map.find(key);
                if found.map(|at| cell.map.raw_at(at)) != before {
                    continue;
                }
            }
            // The map is copied when it is written to, unless this is the only one.
            drop(view);
            cell.mutate(|map| {
                let changed = map.insert_json_at(found, key, &json)?;
                Ok::<_, ValueError>(changed.then(|| Change::Update(key.into(), on_raw(compute))))
            })?;
            return Ok(value);
        }
        Err(SessionError::UnstableUpdate { key: key.into() })
    }

    /// Removes all keys, and those too that another request has set by the time of the commit. An emptied session is deleted.
    ///
    /// To log somebody out, use [`destroy`](Self::destroy).
    ///
    /// # Errors
    ///
    /// As all writing.
    pub fn clear(&self) -> Result<(), SessionError> {
        let mut cell = self.cell();
        if cell.is_empty() {
            return Ok(());
        }
        let meta = Meta::of(&cell.map);
        cell.mutate(|map| {
            map.clear();
            Ok::<_, ValueError>(Some(Change::Clear))
        })?;
        // Its lifetime is not the request's to forget.
        if meta == Meta::default() { Ok(()) } else { set_meta(&mut cell, meta) }
    }
}

/// The session as a whole.
impl Session {
    /// Gives the session a new id, with the data that it has. Do this when somebody logs in or gains rights: whoever knew
    /// the old id is left without a session. The absolute lifetime starts anew.
    ///
    /// A session that is not stored yet, and one that lives in the cookie, gets a new cookie anyway.
    ///
    /// # Errors
    ///
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`], as all writing.
    pub fn renew(&self) -> Result<(), SessionError> {
        self.cell().renew()
    }

    /// Destroys the session; see [`SessionHandle::destroy`].
    pub fn destroy(&self) {
        self.handle.destroy();
    }

    /// Gives this session a lifetime of its own, such as a longer one for "remember me": how long it lasts without use, in
    /// seconds, rounded up.
    ///
    /// # Errors
    ///
    /// [`SessionError::Lifetime`] if it is shorter than a second or longer than the configuration's
    /// [`longest_max_age`](crate::SessionConfigBuilder::longest_max_age), [`SessionError::HeadersSent`] if the cookie
    /// can't be given the new lifetime any more, and as all writing.
    pub fn set_max_age(&self, max_age: std::time::Duration) -> Result<(), SessionError> {
        let longest = std::time::Duration::from_secs(self.handle.shared().core().config.lifetimes.longest);
        if max_age < std::time::Duration::from_secs(1) || max_age > longest {
            return Err(SessionError::Lifetime { given: max_age, longest });
        }
        let mut cell = self.cell();
        if cell.headers_sent {
            return Err(SessionError::HeadersSent);
        }
        let seconds = max_age.as_secs() + u64::from(max_age.subsec_nanos() > 0);
        let meta = Meta { max_age: Some(seconds), ..Meta::of(&cell.map) };
        set_meta(&mut cell, meta)?;
        cell.reissue = true;
        Ok(())
    }

    /// Persists what has changed until now, without waiting for the response: for streams and WebSockets, which outlive
    /// it. The commit does not write it a second time, and sends the cookie if one is due.
    ///
    /// Does nothing for sessions that live in the cookie: only the response can carry them.
    ///
    /// # Errors
    ///
    /// [`SessionError::Gone`] if the session was destroyed or renewed meanwhile, [`SessionError::Taken`],
    /// [`SessionError::Contended`], [`SessionError::TooLarge`], [`SessionError::HeadersSent`] if the session is a new or
    /// renewed one whose cookie can't be delivered any more, [`SessionError::Store`]. After an error of the store the
    /// changes stay pending and can be saved again.
    pub async fn save(&self) -> Result<(), SessionError> {
        let shared = self.handle.shared();
        let mut budget = shared.core().budget(shared.core().config.request_deadline);
        let _flight = budget.wait(shared.flight.lock()).await?;
        if matches!(shared.cell().state, State::Gone { .. }) {
            return Err(SessionError::Gone);
        }
        let mut action = decide(shared.core(), &shared.cell());
        match shared.persist(&mut action, &mut budget).await? {
            Persisted::Done => Ok(()),
            Persisted::Destroyed | Persisted::Gone => Err(SessionError::Gone),
        }
    }
}

impl Session {
    pub(crate) fn new(handle: SessionHandle) -> Self {
        Self { handle }
    }

    fn cell(&self) -> CellGuard<'_> {
        self.handle.shared().cell()
    }

    /// The data as it is now, for work that must not hold the lock; nothing, if the key is the library's.
    fn view(&self, key: &str) -> SessionMap {
        if self.handle.shared().core().is_reserved(key) { SessionMap::new() } else { self.cell().map.clone() }
    }

    fn check_key(&self, key: &str) -> Result<(), SessionError> {
        if self.handle.shared().core().is_reserved(key) {
            return Err(SessionError::ReservedKey { key: key.into() });
        }
        Ok(())
    }

    fn set(&self, key: &str, json: &str) -> Result<(), SessionError> {
        self.cell().mutate(|map| Ok::<_, ValueError>(map.insert_json(key, json)?.then(|| Change::Set(key.into()))))
    }
}

/// The closure of an update, on JSON text.
fn on_raw<T, F>(mut compute: F) -> UpdateFn
where
    T: Serialize + DeserializeOwned,
    F: FnMut(Option<T>) -> T + Send + 'static,
{
    Box::new(move |key, raw| {
        let value = compute(raw.map(|raw| decode(key, raw)).transpose()?);
        encode(key, &value)
    })
}

fn set_meta(cell: &mut Cell, meta: Meta) -> Result<(), SessionError> {
    cell.mutate(|map| Ok::<_, ValueError>(meta.write(map)?.then(|| Change::Set(META_KEY.into()))))
}

/// Prints no data.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cell = self.cell();
        f.debug_struct("Session").field("id", &cell.id()).field("data", &cell.map).finish_non_exhaustive()
    }
}
