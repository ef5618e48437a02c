//! The trait of a store with compare-and-set.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Create, Remove, Replace, Rotate, Touch};
use super::reply::{Marker, StoreFuture, Stored, WriteOutcome};
use super::session_scan::SessionScan;
use super::user_epochs::UserEpochs;
use super::user_index::UserIndex;
use crate::codec::{CodecRefusal, SessionCodec};

/// A session store with compare-and-set: each call compares and acts in one atomic step.
///
/// Concurrent requests of one session, in all processes that use the store, then lose no update, and none of them brings
/// back a session that was destroyed.
///
/// # The calls of a request
///
/// | the request | calls |
/// |---|---|
/// | never asks for its session, or has no valid cookie | none |
/// | reads | [`fetch`](Self::fetch) |
/// | reads, and its cookie is due for a refresh | `fetch`, [`touch`](Self::touch) |
/// | begins a session | [`create`](Self::create) |
/// | changes the session | `fetch`, [`replace`](Self::replace) |
/// | changes it after another request did | `fetch`, `replace` (a conflict, which returns the current session), and `replace` again at that session's version |
/// | empties it | `fetch`, `replace` by the empty session, which expires after a minute |
/// | gives it a new id (`renew`, `sign_in`) | `fetch`, [`rotate`](Self::rotate) |
/// | signs a user in, in a store with [epochs](UserEpochs) | also [`join`](UserEpochs::join), just before the write |
/// | destroys it without reading it | [`remove`](Self::remove) for each verified cookie of the session's name, at most 8 |
/// | changes a session that the store does not know | `fetch`, [`marker`](Self::marker), `create` |
///
/// # Rules for authors
///
/// The [rules of `ISessionBackend`](crate::ISessionBackend#rules-for-authors) apply here too. In addition:
///
/// - Of several calls at one version, at most one succeeds.
/// - Every write that changes the data changes the version, even a write by another program. `touch` keeps the version.
///   See [`Version`](crate::Version).
/// - `replace`, `touch` and `rotate` never bring back a session that is gone.
/// - A [`Marker`] is kept beside the session's key for [`MARKER_LIFETIME`](crate::MARKER_LIFETIME). `fetch` never
///   returns it. `create` and `rotate` refuse a new key that has one.
/// - If the store may have applied a call whose reply was lost, the error must say
///   [`Applied::Maybe`](crate::Applied::Maybe). The manager then reads the stored session and its marker to find out if
///   the call was applied.
/// - A call may be cancelled, and a call that compares may take effect later: its comparison then fails.
///
/// Users pass a backend to [`SessionConfigBuilder::backend`](crate::SessionConfigBuilder::backend) wrapped in
/// [`Backend::atomic`](crate::Backend::atomic), or directly if it implements `Into<Backend>`.
pub trait AtomicBackend: Send + Sync + 'static {
    /// Returns the session that is stored under `key` and has not expired, with its version.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`](crate::BackendErrorKind::Corrupt) if the stored value is not a session, another kind if
    /// the store can't answer.
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>>;

    /// Stores a session under a key that is not in use and has no marker.
    ///
    /// Returns [`Conflict(None)`](WriteOutcome::Conflict) if the key is in use, and [`Gone`](WriteOutcome::Gone) with
    /// the marker if the key has one.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::TooLarge`](crate::BackendErrorKind::TooLarge) if the store does not take sessions of this size,
    /// another kind if the store can't answer.
    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome>;

    /// Replaces the session if it still has the version, and sets its TTL.
    ///
    /// Returns [`Conflict`](WriteOutcome::Conflict) with the stored session if its version differs, and
    /// [`Gone`](WriteOutcome::Gone) if no session is stored.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::TooLarge`](crate::BackendErrorKind::TooLarge) if the store does not take sessions of this size,
    /// another kind if the store can't answer.
    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome>;

    /// Removes the session and leaves a marker.
    ///
    /// Without a version it removes any stored value, even an unreadable one. If nothing is stored, it still leaves the
    /// marker, so that a concurrent `create` of the key fails, and returns [`Gone(None)`](WriteOutcome::Gone). If
    /// nothing is stored and the key already has a marker, that marker stays and is returned in
    /// [`Gone`](WriteOutcome::Gone).
    ///
    /// At a version it returns [`Conflict`](WriteOutcome::Conflict) if the stored session has another version, and
    /// [`Gone`](WriteOutcome::Gone) if no session is stored. In both cases it leaves no marker.
    ///
    /// # Errors
    ///
    /// If the store can't answer.
    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>>;

    /// Sets the TTL of a session. Returns `false` if no session is stored under the key.
    ///
    /// # Errors
    ///
    /// If the store can't answer.
    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool>;

    /// Moves a session to a new key with new data if it still has the version, and leaves [`Marker::Renewed`] beside the
    /// old key.
    ///
    /// The new session exists before the old one is gone, so that a failure loses neither. The outcomes are those of
    /// [`replace`](Self::replace). In addition, it returns [`Conflict(None)`](WriteOutcome::Conflict) if the new key is
    /// in use, and [`Gone`](WriteOutcome::Gone) with the marker if the new key has one.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::TooLarge`](crate::BackendErrorKind::TooLarge) if the store does not take sessions of this size,
    /// another kind if the store can't answer.
    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome>;

    /// Returns the marker beside a key, if the session was removed within the last minute.
    ///
    /// # Errors
    ///
    /// If the store can't answer.
    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>>;

    /// Returns the kind of the store as logs and metrics name it, such as `redis`; by default `custom`.
    fn name(&self) -> &'static str {
        "custom"
    }

    /// Returns the longest time that a call can take, if the store enforces one itself; by default `None`.
    ///
    /// The manager then sets no timer of its own for a call that ends in time by itself. A tenth of the remaining time
    /// after the request's deadline still counts as in time.
    fn call_timeout(&self) -> Option<Duration> {
        None
    }

    /// Tells the store the request deadline of a manager that uses it. A store whose application has set no timeout
    /// should use the deadline as the timeout of its calls. By default does nothing.
    ///
    /// Each manager calls it once, before its first request.
    fn follow_deadline(&self, _deadline: Duration) {}

    /// Returns this store with the codec of a [`Format`](crate::format::Format), on the same connections. By default
    /// refuses, which is right for a backend that keeps sessions in its own form.
    ///
    /// # Errors
    ///
    /// [`CodecRefusal::OwnForm`] if the backend takes no codec, and [`CodecRefusal::AlreadySet`] if the application has
    /// already set one.
    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Arc<dyn AtomicBackend>, CodecRefusal> {
        let _ = codec;
        Err(CodecRefusal::OwnForm)
    }

    /// Returns `true` if every call returns [`StoreFuture::ready`], as a store in memory can; by default `false`.
    ///
    /// The manager then commits without allocating a future.
    fn answers_at_once(&self) -> bool {
        false
    }

    /// Returns the index of sessions by user; by default `None`.
    fn user_index(&self) -> Option<&dyn UserIndex> {
        None
    }

    /// Returns the epochs of users, if the backend keeps them instead of an index; by default `None`.
    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        None
    }

    /// Returns the scan over all sessions, for tools; by default `None`.
    fn session_scan(&self) -> Option<&dyn SessionScan> {
        None
    }
}

/// An `Arc` of a backend is a backend.
impl<B: AtomicBackend + ?Sized> AtomicBackend for Arc<B> {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        (**self).fetch(key)
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        (**self).create(create)
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        (**self).replace(replace)
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        (**self).remove(remove)
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        (**self).touch(touch)
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        (**self).rotate(rotate)
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        (**self).marker(key)
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn call_timeout(&self) -> Option<Duration> {
        (**self).call_timeout()
    }

    fn follow_deadline(&self, deadline: Duration) {
        (**self).follow_deadline(deadline);
    }

    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Arc<dyn AtomicBackend>, CodecRefusal> {
        (**self).with_codec(codec)
    }

    fn answers_at_once(&self) -> bool {
        (**self).answers_at_once()
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        (**self).user_index()
    }

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        (**self).user_epochs()
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        (**self).session_scan()
    }
}
