//! Keys that know the type of their value.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::SessionError;

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
    /// The key with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// [`Session::contains_key`].
    #[must_use]
    pub fn is_in(&self, session: &Session) -> bool {
        session.contains_key(self.name)
    }

    /// [`Session::remove`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn remove(&self, session: &Session) -> Result<bool, SessionError> {
        session.remove(self.name)
    }
}

impl<T: Serialize> SessionKey<T> {
    /// [`Session::insert`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn insert(&self, session: &Session, value: &T) -> Result<(), SessionError> {
        session.insert(self.name, value)
    }
}

impl<T: DeserializeOwned> SessionKey<T> {
    /// [`Session::get`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.get(self.name)
    }

    /// [`Session::take`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn take(&self, session: &Session) -> Result<Option<T>, SessionError> {
        session.take(self.name)
    }
}

impl<T: Serialize + DeserializeOwned> SessionKey<T> {
    /// [`Session::update`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn update(
        &self,
        session: &Session,
        compute: impl FnMut(Option<T>) -> T + Send + 'static,
    ) -> Result<T, SessionError> {
        session.update(self.name, compute)
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
