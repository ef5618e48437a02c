//! The index of sessions by their users.

use std::fmt;
use std::time::Duration;

use super::reply::{StoreFuture, Stored};

/// An index from users to their sessions, which an [`AtomicBackend`](crate::AtomicBackend) may offer.
///
/// The manager uses it to list and revoke a user's sessions. A backend without an index can still serve sessions.
///
/// # Rules for authors
///
/// - The arguments of [`create`](crate::AtomicBackend::create), [`replace`](crate::AtomicBackend::replace),
///   [`touch`](crate::AtomicBackend::touch) and [`rotate`](crate::AtomicBackend::rotate) carry a `user`. If it is
///   `Some`, the index must have an entry of that user for the key (of `rotate`, for the new key) for as long as the
///   session lives. `None` leaves the index as it is.
/// - A `user` is an opaque text of 6 to 388 bytes, which begins with the configuration's key prefix and `user:`. It is never
///   the key of a session. Compare it byte by byte.
/// - An entry is added before the session can be read under its key, and removed after the session is gone. A store that
///   does both in one transaction keeps this by itself, and so does a store that keeps the user in the session's own row.
/// - A write that is refused, or fails with [`Applied::No`](crate::Applied::No), leaves every live session in the index.
/// - `remove`, expiry and eviction make an entry dead. `Remove::user` and `Rotate::old_user` name the entry's user if the
///   manager knows it. A dead entry may stay until the index is read, or until the session would have expired.
/// - A store that adds the entry in a separate step may list an entry whose session is not created yet, with no stored
///   session. It removes an entry without a session only if the entry is older than
///   [`MARKER_LIFETIME`](crate::MARKER_LIFETIME).
pub trait UserIndex: Send + Sync {
    /// Returns the entries of a user, in any order, with the sessions that they name.
    ///
    /// Every session that lives during the whole call must be among them. A session that moves to another key during
    /// the call must be among them under one of the two keys at least. The list may contain sessions that no longer
    /// belong to the user, because the manager checks the data of each.
    ///
    /// # Errors
    ///
    /// If the store can't answer. An unreadable session is no error: its entry has no stored session.
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>>;

    /// Returns the number of sessions whose key begins with this prefix, with and without a user. It is meant for
    /// tools, because it may take time proportional to the number of all keys in the store.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Other`](crate::BackendErrorKind::Other) if the store can't count, another kind if it can't answer.
    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64>;
}

/// An entry of a [`UserIndex`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexedSession {
    /// The session's key.
    pub key: Box<str>,
    /// The stored session; `None` if there is none under the key, or if it is unreadable.
    pub stored: Option<Stored>,
    /// The time after which the session expires, if the store knows it.
    pub expires_in: Option<Duration>,
}

impl IndexedSession {
    /// Makes an entry from a key and the session that is stored under it.
    #[must_use]
    pub fn new(key: impl Into<Box<str>>, stored: Option<Stored>) -> Self {
        Self { key: key.into(), stored, expires_in: None }
    }

    /// Adds the time after which the session expires.
    #[must_use]
    pub fn expiring_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }
}

/// Prints no key: a key is as good as the session's cookie.
impl fmt::Debug for IndexedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexedSession")
            .field("stored", &self.stored)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
