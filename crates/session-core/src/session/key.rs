//! Keys that fix the type of their value.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::SessionError;

/// A key of the session map together with the type of its value, declared once and used everywhere.
///
/// ```
/// use session_core::{Session, SessionError, SessionKey};
///
/// const VISITS: SessionKey<u64> = SessionKey::new("visits");
///
/// fn visit(session: &Session) -> Result<u64, SessionError> {
///     VISITS.update(session, |visits| visits.unwrap_or(0) + 1)
/// }
/// ```
pub struct SessionKey<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> SessionKey<T> {
    /// Makes the key with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// Returns the name of the key.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns `true` if the session has the key; see [`Session::contains_key`].
    #[must_use]
    pub fn is_in(&self, session: &Session) -> bool {
        session.contains_key(self.name)
    }

    /// Removes the key. Returns `true` if it had a value; see [`Session::remove`].
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn remove(&self, session: &Session) -> Result<bool, SessionError> {
        session.remove(self.name)
    }
}

impl<T: Serialize> SessionKey<T> {
    /// Sets the value of the key; see [`Session::insert`].
    ///
    /// # Errors
    ///
    /// [`ValueError::Encode`](crate::ValueError::Encode), [`ValueError::NotFinite`](crate::ValueError::NotFinite) or
    /// [`ValueError::TooDeep`](crate::ValueError::TooDeep) if JSON can't represent the value.
    /// [`ValueError::TooLong`](crate::ValueError::TooLong) if the session would grow beyond
    /// [`SessionMap::MAX_BYTES`](crate::SessionMap::MAX_BYTES). [`SessionError::TooManyKeys`] if the key is new and the
    /// session already has as many keys as the configuration allows. [`SessionError::ReservedKey`],
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn insert(&self, session: &Session, value: &T) -> Result<(), SessionError> {
        session.insert(self.name, value)
    }
}

impl<T: DeserializeOwned> SessionKey<T> {
    /// Returns the value of the key, or `None` if there is none; see [`Session::get`].
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`](crate::ValueError::Decode) if the value is not a `T`.
    pub fn get(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.get(self.name)
    }

    /// Removes the key and returns its value, which no other request can use; see [`Session::take`].
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`](crate::ValueError::Decode) if the value is not a `T`, which then stays.
    /// [`SessionError::UnstableUpdate`] if other tasks of this request keep changing the key.
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn take(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.take(self.name)
    }

    /// Removes the key and returns its value, which a concurrent request may get too; see [`Session::pop`].
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`](crate::ValueError::Decode) if the value is not a `T`, which then stays.
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn pop(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.pop(self.name)
    }

    /// Returns the value of the key, and removes a value that is not a `T`; see [`Session::read_or_remove`].
    ///
    /// # Errors
    ///
    /// [`SessionError::ReservedKey`], [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn read_or_remove(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.read_or_remove(self.name)
    }
}

impl<T: Serialize + DeserializeOwned> SessionKey<T> {
    /// Computes the value of the key from the current one; see [`Session::update`].
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`](crate::ValueError::Decode) if the current value is not a `T`, and
    /// [`ValueError::Encode`](crate::ValueError::Encode), [`ValueError::NotFinite`](crate::ValueError::NotFinite) or
    /// [`ValueError::TooDeep`](crate::ValueError::TooDeep) if JSON can't represent the new one.
    /// [`ValueError::TooLong`](crate::ValueError::TooLong) if the session would grow beyond
    /// [`SessionMap::MAX_BYTES`](crate::SessionMap::MAX_BYTES). [`SessionError::UnstableUpdate`] if the closure or
    /// another task of this request keeps changing the key. [`SessionError::TooManyKeys`] if the key is new and the
    /// session already has as many keys as the configuration allows. [`SessionError::ReservedKey`],
    /// [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn update(
        &self,
        session: &Session,
        compute: impl FnMut(Option<T>) -> T + Send + 'static,
    ) -> Result<T, SessionError> {
        session.update(self.name, compute)
    }

    /// Computes the value of the key from the current one, or refuses. `Ok(None)` removes the key; see
    /// [`Session::try_update`].
    ///
    /// # Errors
    ///
    /// The closure's error, and the errors of [`update`](Self::update), converted.
    pub fn try_update<E: From<SessionError>>(
        &self,
        session: &Session,
        compute: impl FnMut(Option<T>) -> Result<Option<T>, E> + Send + 'static,
    ) -> Result<Option<T>, E> {
        session.try_update(self.name, compute)
    }
}

impl<T> Clone for SessionKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SessionKey<T> {}

impl<T> std::fmt::Debug for SessionKey<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionKey").field(&self.name).finish()
    }
}
