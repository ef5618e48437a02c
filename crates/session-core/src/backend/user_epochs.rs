//! The epochs of users, for stores that can't list a user's sessions.

use std::time::Duration;

use super::reply::StoreFuture;

/// A store of one number for each user, the user's epoch, which an [`AtomicBackend`](crate::AtomicBackend) may offer
/// instead of a [`UserIndex`](crate::UserIndex).
///
/// A sign-in joins the user's epoch, and the session records it. A session is live only while its user is in the recorded
/// epoch, so that [`revoke_all`](crate::SessionManager::revoke_all) ends all sessions of a user by ending the epoch. The
/// manager asks for the epoch each time it loads the session of a user, which is one more call. A session without a user
/// needs no call.
///
/// The join is the last call before the session of the sign-in is written, and [`current`](Self::current) is the first one
/// after it. A revocation before the join leaves the session alive. If one comes between the two calls, the manager
/// removes the session, and the sign-in fails with [`SessionError::Gone`](crate::SessionError::Gone).
///
/// # Rules for authors
///
/// - A `user` is an opaque text as in [`UserIndex`](crate::UserIndex#rules-for-authors).
/// - All processes that use the store see the same epochs. Of concurrent calls of [`join`](Self::join), one begins the
///   epoch and the others return it.
/// - If `join` is repeated because its reply was lost, the repeated call takes another candidate. Otherwise the first
///   call, if the store applies it late, could bring back an epoch that has ended since.
/// - An epoch may be lost by an eviction or a restart. All sessions of its user then end.
/// - An epoch that was ended or lost never comes back.
pub trait UserEpochs: Send + Sync {
    /// Returns the epoch of a user. If the user has none, begins the epoch `candidate`. The epoch lasts for `ttl` from now.
    ///
    /// The `candidate` is a random number below 2⁵³. The `ttl` is longer than a session lasts without use.
    ///
    /// # Errors
    ///
    /// If the store can't answer. The call may have begun the epoch, which does no harm.
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64>;

    /// Returns the epoch of a user, if the user has one, and extends it to last for `ttl` from now.
    ///
    /// # Errors
    ///
    /// If the store can't answer.
    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>>;

    /// Ends the epoch of a user.
    ///
    /// # Errors
    ///
    /// If the store can't answer. The call may have ended the epoch then.
    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()>;
}
