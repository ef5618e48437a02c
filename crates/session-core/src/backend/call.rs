//! The arguments of a store's calls. Later versions may add fields, which older stores ignore.

use std::fmt;
use std::time::Duration;

use super::reply::Marker;
use super::version::Version;
use crate::map::SessionMap;

/// The arguments of [`AtomicBackend::create`](crate::AtomicBackend::create).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Create<'a> {
    /// The key of the new session.
    pub key: &'a str,
    /// The session's data.
    pub session: &'a SessionMap,
    /// The time after which the session expires: whole seconds, at least one.
    pub ttl: Duration,
    /// The user whose session it is, if the index must have an entry; see [`UserIndex`](crate::UserIndex).
    pub user: Option<&'a str>,
}

/// The arguments of [`AtomicBackend::replace`](crate::AtomicBackend::replace).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Replace<'a> {
    /// The key of the session.
    pub key: &'a str,
    /// The new data.
    pub session: &'a SessionMap,
    /// The time after which the session expires: whole seconds, at least one.
    pub ttl: Duration,
    /// The version that the stored session must have.
    pub version: &'a Version,
    /// The user whose session it is, if the index must have an entry; see [`UserIndex`](crate::UserIndex).
    pub user: Option<&'a str>,
}

/// The arguments of [`AtomicBackend::remove`](crate::AtomicBackend::remove).
#[derive(Clone)]
#[non_exhaustive]
pub struct Remove<'a> {
    /// The key of the session.
    pub key: &'a str,
    /// The version that the stored session must have; `None` removes any.
    pub version: Option<&'a Version>,
    /// The marker to leave.
    pub marker: Marker,
    /// The user whose entry the key has, if the manager knows it.
    pub user: Option<&'a str>,
}

/// The arguments of [`AtomicBackend::touch`](crate::AtomicBackend::touch).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Touch<'a> {
    /// The key of the session.
    pub key: &'a str,
    /// The time after which the session expires: whole seconds, at least one.
    pub ttl: Duration,
    /// The user whose session it is, if the index must have an entry; see [`UserIndex`](crate::UserIndex).
    pub user: Option<&'a str>,
}

/// The arguments of [`AtomicBackend::rotate`](crate::AtomicBackend::rotate).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rotate<'a> {
    /// The key of the session.
    pub old: &'a str,
    /// The key that it moves to.
    pub new: &'a str,
    /// The new data.
    pub session: &'a SessionMap,
    /// The time after which the session expires: whole seconds, at least one.
    pub ttl: Duration,
    /// The version that the stored session must have.
    pub version: &'a Version,
    /// The user whose session it is, if the index must have an entry; see [`UserIndex`](crate::UserIndex).
    pub user: Option<&'a str>,
    /// The user whose entry the old key has, if the manager knows it.
    pub old_user: Option<&'a str>,
}

impl<'a> Create<'a> {
    /// Describes a call that stores `session` under `key`, without a user.
    #[must_use]
    pub fn new(key: &'a str, session: &'a SessionMap, ttl: Duration) -> Self {
        Self { key, session, ttl, user: None }
    }

    /// Binds the session to this user. `None` leaves the index as it is.
    #[must_use]
    pub fn of_user(mut self, user: Option<&'a str>) -> Self {
        self.user = user;
        self
    }
}

impl<'a> Replace<'a> {
    /// Describes a call that replaces the session under `key`, if it has this version, with `session`.
    #[must_use]
    pub fn new(key: &'a str, session: &'a SessionMap, ttl: Duration, version: &'a Version) -> Self {
        Self { key, session, ttl, version, user: None }
    }

    /// Binds the session to this user. `None` leaves the index as it is.
    #[must_use]
    pub fn of_user(mut self, user: Option<&'a str>) -> Self {
        self.user = user;
        self
    }
}

impl<'a> Remove<'a> {
    /// Describes a call that removes the session under `key`, whatever its version, and leaves [`Marker::Destroyed`].
    #[must_use]
    pub fn new(key: &'a str) -> Self {
        Self { key, version: None, marker: Marker::Destroyed, user: None }
    }

    /// Restricts the call to a session that has this version.
    #[must_use]
    pub fn at(mut self, version: &'a Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets the marker to leave.
    #[must_use]
    pub fn leaving(mut self, marker: Marker) -> Self {
        self.marker = marker;
        self
    }

    /// Names the user whose entry in the index the key has, if the caller knows it.
    #[must_use]
    pub fn of_user(mut self, user: Option<&'a str>) -> Self {
        self.user = user;
        self
    }
}

impl<'a> Touch<'a> {
    /// Describes a call that sets the TTL of the session under `key`.
    #[must_use]
    pub fn new(key: &'a str, ttl: Duration) -> Self {
        Self { key, ttl, user: None }
    }

    /// Names the user whose entry in the index must live as long as the session, if the session has a user.
    #[must_use]
    pub fn of_user(mut self, user: Option<&'a str>) -> Self {
        self.user = user;
        self
    }
}

impl<'a> Rotate<'a> {
    /// Describes a call that moves the session under `old`, if it has this version, to `new`, with the data of
    /// `session`.
    #[must_use]
    pub fn new(old: &'a str, new: &'a str, session: &'a SessionMap, ttl: Duration, version: &'a Version) -> Self {
        Self { old, new, session, ttl, version, user: None, old_user: None }
    }

    /// Binds the session to this user. `None` leaves the index as it is.
    #[must_use]
    pub fn of_user(mut self, user: Option<&'a str>) -> Self {
        self.user = user;
        self
    }

    /// Names the user whose entry in the index the old key has, if the caller knows it.
    #[must_use]
    pub fn old_user(mut self, old_user: Option<&'a str>) -> Self {
        self.old_user = old_user;
        self
    }
}

/// Implements `Debug` without the keys: a key is as good as the session's cookie.
macro_rules! debug_without_keys {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_keys! {
    Create { session, ttl }
    Replace { session, ttl, version }
    Remove { version, marker }
    Touch { ttl }
    Rotate { session, ttl, version }
}
