//! Changes that depend on the current value.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::changes::{Change, ReplayError, UpdateAll, UpdateAllFn, UpdateFn};
use crate::error::SessionError;
use crate::map::{SessionMap, ValueError, decode, encode};
use crate::meta::META_KEY;

/// The number of attempts while other tasks of one request write the same key.
const ATTEMPTS: usize = 64;

impl Session {
    /// Removes a key and returns its value, for a value that may be used only once.
    ///
    /// If two concurrent requests take one value, the commit of one of them fails with [`SessionError::Taken`]. The
    /// commit also fails in this way if another request has changed the value.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not a `T`; the value then stays. [`SessionError::UnstableUpdate`] if
    /// other tasks of this request keep changing the key. [`SessionError::ReservedKey`], [`SessionError::HeadersSent`]
    /// and [`SessionError::Gone`].
    pub fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        self.check_key(key)?;
        for _ in 0..ATTEMPTS {
            let view = self.view(key);
            let Some(observed) = view.raw_json(key) else { return Ok(None) };
            let value = decode(key, observed)?;
            let observed: Box<str> = observed.into();
            // A write copies the map unless it is the only reference, so this one is dropped first.
            drop(view);
            let mut session = self.state();
            if session.data().raw_json(key) == Some(&*observed) {
                session.mutate(|map| {
                    map.remove(key);
                    Ok::<_, ValueError>((Change::Take(key.into(), observed), true))
                })?;
                return Ok(Some(value));
            }
        }
        Err(SessionError::UnstableUpdate { key: Some(key.into()) })
    }

    /// Computes a key's value from the current one. The result is exact, even if many requests do so at once.
    ///
    /// The closure runs now, and again at the commit if another request was faster, so it must be pure. It must own the
    /// values that it needs. Do not capture a `Session` or `SessionHandle`: the session stores the closure until it is
    /// committed, so this creates a reference cycle. The closure runs without a lock, and a panic in it affects no
    /// other request.
    ///
    /// Returns the value that was computed now. The stored value may differ if another request was faster. If the value
    /// must be unique, such as a ticket number, call [`save`](Self::save) and then read it with [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// - [`ValueError::Decode`] if the current value is not a `T`.
    /// - [`ValueError::Encode`], [`ValueError::NotFinite`] or [`ValueError::TooDeep`] if JSON can't represent the new
    ///   one, and [`ValueError::TooLong`] if the session would grow beyond [`SessionMap::MAX_BYTES`].
    /// - [`SessionError::UnstableUpdate`] if the closure or another task of this request keeps changing the key.
    /// - [`SessionError::TooManyKeys`] if the key is new and the session already has as many keys as the configuration
    ///   allows.
    /// - [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
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
            let mut session = self.state();
            if !session.data().is_clone_of(&view) {
                found = session.data().find(key);
                if found.map(|at| session.data().raw_at(at)) != before {
                    continue;
                }
            }
            // A write copies the map unless it is the only reference, so this one is dropped first.
            drop(view);
            session.mutate(|map| {
                let changed = self.put(map, found, key, &json)?;
                Ok::<_, SessionError>((Change::Update(key.into(), on_raw(compute)), changed))
            })?;
            return Ok(value);
        }
        Err(SessionError::UnstableUpdate { key: Some(key.into()) })
    }

    /// Computes a key's value from the current one, or refuses. `Ok(None)` removes the key.
    ///
    /// The closure must follow the rules of [`update`](Self::update). It refuses by returning an error. If it refuses
    /// now, its error is returned and nothing changes. If it refuses a value that another request writes before the
    /// commit, the commit fails with [`SessionError::Refused`].
    ///
    /// ```
    /// # use session_core::{Session, SessionError};
    /// #[derive(Debug)]
    /// enum Payment { Insufficient, Session(SessionError) }
    ///
    /// impl From<SessionError> for Payment {
    ///     fn from(error: SessionError) -> Self { Payment::Session(error) }
    /// }
    ///
    /// fn pay(session: &Session, price: u64) -> Result<Option<u64>, Payment> {
    ///     session.try_update("credit", move |credit: Option<u64>| {
    ///         credit.unwrap_or(0).checked_sub(price).map(Some).ok_or(Payment::Insufficient)
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The closure's error, and the errors of [`update`](Self::update), converted.
    pub fn try_update<T, E, F>(&self, key: &str, mut compute: F) -> Result<Option<T>, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<SessionError>,
        F: FnMut(Option<T>) -> Result<Option<T>, E> + Send + 'static,
    {
        self.check_key(key)?;
        for _ in 0..ATTEMPTS {
            let view = self.view(key);
            let before = view.raw_json(key);
            let current = before.map(|raw| decode(key, raw)).transpose().map_err(SessionError::from)?;
            let value = compute(current)?;
            let json = value.as_ref().map(|value| encode(key, value)).transpose().map_err(SessionError::from)?;
            let mut session = self.state();
            if session.data().raw_json(key) != before {
                continue;
            }
            let changed = |map: &mut SessionMap| match &json {
                Some(json) => self.put(map, map.find(key), key, json),
                None => Ok(map.remove(key)),
            };
            session.mutate(|map| {
                let changed = changed(map)?;
                let update: UpdateFn = Box::new(move |key, raw| {
                    let current = raw.map(|raw| decode(key, raw)).transpose().map_err(ReplayError::Value)?;
                    let value = compute(current).map_err(|_| ReplayError::Refused(key.into()))?;
                    value.map(|value| encode(key, &value)).transpose().map_err(ReplayError::Value)
                });
                Ok::<_, SessionError>((Change::Update(key.into(), update), changed))
            })?;
            return Ok(value);
        }
        Err(SessionError::UnstableUpdate { key: Some(key.into()) }.into())
    }

    /// Computes the whole data from the current data, for changes that involve several keys.
    ///
    /// The closure must follow the rules of [`update`](Self::update). It can see and change every key except the
    /// library's own. Returns the closure's result from this call; the closure may run again at the commit.
    ///
    /// # Errors
    ///
    /// - The error of the closure.
    /// - [`SessionError::ReservedKey`] if the closure sets `_cssid` in cookie mode.
    /// - [`SessionError::TooManyKeys`] if the closure adds keys beyond the configured limit.
    /// - [`SessionError::UnstableUpdate`] if other tasks of this request keep changing the session.
    /// - [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn update_all<T, F>(&self, mut compute: F) -> Result<T, SessionError>
    where
        F: FnMut(&mut SessionMap) -> Result<T, ValueError> + Send + 'static,
    {
        for _ in 0..ATTEMPTS {
            let before = self.state().data().clone();
            let mut after = before.clone();
            let outcome = without_reserved(&mut after, &mut compute)?;
            if after.keys().any(|key| key != META_KEY && self.shared.context.config.is_reserved(&key)) {
                return Err(SessionError::ReservedKey { key: crate::token::ID_KEY.into() });
            }
            if after.len() > before.len() {
                self.shared.context.config.check_keys(&after, 0)?;
            }
            let mut session = self.state();
            if !session.data().is_clone_of(&before) {
                continue;
            }
            let changed = after.as_json() != before.as_json();
            session.mutate(|map| {
                *map = after;
                let update: UpdateAllFn =
                    Box::new(move |map| without_reserved(map, &mut compute).map(drop).map_err(ReplayError::Value));
                Ok::<_, ValueError>((Change::UpdateAll(Box::new(UpdateAll { before, update })), changed))
            })?;
            return Ok(outcome);
        }
        Err(SessionError::UnstableUpdate { key: None })
    }
}

/// Runs a closure on a map without the library's record, which is put back.
fn without_reserved<T>(
    map: &mut SessionMap,
    compute: &mut impl FnMut(&mut SessionMap) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    let record = map.raw_json(META_KEY).map(str::to_owned);
    map.remove(META_KEY);
    let outcome = compute(map)?;
    match record {
        Some(record) => drop(map.insert_json(META_KEY, &record)?),
        None => drop(map.remove(META_KEY)),
    }
    Ok(outcome)
}

/// Converts the closure of an update into one on JSON text.
fn on_raw<T, F>(mut compute: F) -> UpdateFn
where
    T: Serialize + DeserializeOwned,
    F: FnMut(Option<T>) -> T + Send + 'static,
{
    Box::new(move |key, raw| {
        let current = raw.map(|raw| decode(key, raw)).transpose().map_err(ReplayError::Value)?;
        encode(key, &compute(current)).map(Some).map_err(ReplayError::Value)
    })
}
