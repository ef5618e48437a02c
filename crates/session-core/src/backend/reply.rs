//! The replies of a store.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::error::BackendError;
use super::version::Version;
use crate::map::SessionMap;

/// The reply of a store, ready or pending.
///
/// A ready reply needs no allocation. A pending call must send nothing before the future is first polled.
#[must_use = "the store is asked when this is polled"]
pub struct StoreFuture<'a, T>(Reply<'a, T>);

enum Reply<'a, T> {
    /// `None` once it has been taken.
    Ready(Option<Result<T, BackendError>>),
    Pending(Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>),
}

impl<'a, T> StoreFuture<'a, T> {
    /// Makes a reply that is ready.
    pub fn ready(reply: Result<T, BackendError>) -> Self {
        Self(Reply::Ready(Some(reply)))
    }

    /// Makes a reply that has to be awaited, and boxes its future.
    pub fn pending(reply: impl Future<Output = Result<T, BackendError>> + Send + 'a) -> Self {
        Self(Reply::Pending(Box::pin(reply)))
    }

    /// Returns the reply if it is ready; otherwise the future itself, as the error.
    pub(crate) fn into_ready(self) -> Result<Result<T, BackendError>, Self> {
        match self.0 {
            Reply::Ready(Some(reply)) => Ok(reply),
            other => Err(Self(other)),
        }
    }
}

/// Makes a pending reply from a boxed future.
///
/// A large future should be boxed where it is made, because [`StoreFuture::pending`] has to move it into its box.
impl<'a, T, F> From<Pin<Box<F>>> for StoreFuture<'a, T>
where
    F: Future<Output = Result<T, BackendError>> + Send + 'a,
{
    fn from(reply: Pin<Box<F>>) -> Self {
        Self(Reply::Pending(reply))
    }
}

/// No reply is pinned in place: a pending one is in its box.
impl<T> Unpin for StoreFuture<'_, T> {}

impl<T> Future for StoreFuture<'_, T> {
    type Output = Result<T, BackendError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Reply::Ready(reply) => Poll::Ready(reply.take().expect("a future is not polled after it was ready")),
            Reply::Pending(reply) => reply.as_mut().poll(context),
        }
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Reply::Ready(_) => "StoreFuture::Ready(..)",
            Reply::Pending(_) => "StoreFuture::Pending(..)",
        })
    }
}

/// A session as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The session's data.
    pub session: SessionMap,
    /// The version, which changes with every write of other data.
    pub version: Version,
}

impl Stored {
    /// Makes a stored session of its data and its version.
    #[must_use]
    pub fn new(session: SessionMap, version: Version) -> Self {
        Self { session, version }
    }
}

/// The outcome of a write that compares first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome<T = Version> {
    /// The write was applied. Holds the new version, or nothing if the session was removed.
    Done(T),
    /// Nothing was written, because the key holds a session other than the expected one. Holds that session, unless the
    /// store does not return it.
    Conflict(Option<Stored>),
    /// Nothing was written, because the session no longer exists, or because the new key has a marker. `None` if the
    /// store found no marker or did not look for one.
    Gone(Option<Marker>),
}

impl<T> WriteOutcome<T> {
    /// Converts the content of [`Done`](Self::Done).
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> WriteOutcome<U> {
        match self {
            Self::Done(done) => WriteOutcome::Done(convert(done)),
            Self::Conflict(current) => WriteOutcome::Conflict(current),
            Self::Gone(marker) => WriteOutcome::Gone(marker),
        }
    }
}

/// The shortest time for which a store keeps a [`Marker`]: 60 seconds, longer than a request in flight takes to finish.
pub const MARKER_LIFETIME: Duration = Duration::from_secs(60);

/// The note that a removed session leaves beside its key for [`MARKER_LIFETIME`].
///
/// It tells requests in flight why the session is gone. It is never followed to read a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Marker {
    /// The session was destroyed.
    Destroyed,
    /// The session moved to another key.
    Renewed {
        /// The new key. Followed only by `destroy`, so that a logout also ends the renewed session.
        successor: Box<str>,
    },
}

/// Prints no key: a key is as good as the session's cookie.
impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destroyed => f.write_str("Destroyed"),
            Self::Renewed { .. } => f.debug_struct("Renewed").finish_non_exhaustive(),
        }
    }
}
