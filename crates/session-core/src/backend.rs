//! What a session store has to do.
//!
//! Three methods make a working store: [`ISessionBackend`]. A store that can compare and set implements [`AtomicBackend`]
//! too, and with it keeps two promises among all processes that use it: no update is lost, and a logout is final. For a
//! store that can't, the manager keeps them within its own process.

mod error;
mod memory;
mod single_process;
mod store;
mod version;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::SessionMap;

pub use error::{Applied, BackendError, BackendErrorKind};
pub use memory::{MemoryBackend, MemoryBackendBuilder};
pub use version::Version;

pub(crate) use store::Store;

use single_process::SingleProcess;

/// A session store.
///
/// Keys are what the configuration's prefix and a session id make: 1 to 250 visible ASCII characters, no spaces.
/// A backend knows nothing of cookies or HTTP.
///
/// # What an author promises
///
/// - What was set comes back byte for byte: values that nobody touches stay what another language wrote.
/// - What was answered is done, for all processes that use the store: a replica that lags must not be asked.
/// - A session that has expired is absent. A second or two late does no harm, since cookies carry their own time.
/// - What the store can't keep is an error, [`BackendErrorKind::TooLarge`] for one, and never silence.
/// - Errors say whether the operation may have been carried out. [`Applied::No`] is certain: changes are made again
///   after it. They quote neither keys nor data.
/// - Every call is bounded by the request's deadline: the manager drops the future when time is up. What it was doing is
///   then done at once or never, since what is carried out later may undo what others have written meanwhile; only for
///   the operations that compare first, late is as good as never.
///
/// `session_testkit::conformance` checks a backend against these. `examples/custom-backend` is a whole one, to copy from.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use session_core::{BackendError, ISessionBackend, SessionMap, async_trait};
///
/// /// Keeps sessions forever: good enough for an example only.
/// #[derive(Default)]
/// struct Forever(Mutex<HashMap<String, SessionMap>>);
///
/// #[async_trait]
/// impl ISessionBackend for Forever {
///     async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
///         Ok(self.0.lock().unwrap().get(key).cloned())
///     }
///
///     async fn set(&self, key: &str, value: &SessionMap, _exp: Duration) -> Result<(), BackendError> {
///         self.0.lock().unwrap().insert(key.to_owned(), value.clone());
///         Ok(())
///     }
///
///     async fn delete(&self, key: &str) -> Result<(), BackendError> {
///         self.0.lock().unwrap().remove(key);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait ISessionBackend: Send + Sync + 'static {
    /// The session that is stored under `key` and has not expired.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`] if what is stored is not a session, another kind if the store can't be asked.
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError>;

    /// Stores the session under `key`, in place of any other, to expire after `exp` (whole seconds, at least one).
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::TooLarge`] if the store does not take values of this size, another kind if it can't be asked.
    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError>;

    /// Removes the session that is stored under `key`, if any.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    async fn delete(&self, key: &str) -> Result<(), BackendError>;

    /// The operations that compare and set, if the store has them.
    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        None
    }
}

/// The operations by which sessions survive concurrent requests: each one compares and acts in one step.
///
/// Whole or not at all, so that nobody can implement half of it.
///
/// # What a request asks
///
/// | what becomes of the session | calls |
/// |---|---|
/// | untouched, or without a valid cookie | none |
/// | read | [`fetch`](Self::fetch) |
/// | read, its cookie due for a refresh | `fetch`, [`touch`](Self::touch) |
/// | begun | [`create`](Self::create) |
/// | changed | `fetch`, [`replace`](Self::replace) |
/// | changed, but somebody was faster | `fetch`, `replace`, and `replace` again on what the first one answered |
/// | emptied | `fetch`, [`remove`](Self::remove) at its version |
/// | renewed | `fetch`, [`rotate`](Self::rotate) |
/// | destroyed without being read | `remove`, whatever it is |
/// | gone, and written to | `fetch`, [`marker`](Self::marker), `create` |
///
/// # What an author promises
///
/// Beside what [`ISessionBackend`] asks for:
///
/// - Of several calls with one version, at most one succeeds. A conflict answers with what is there.
/// - Every write of other data changes the version, [`set`](ISessionBackend::set) and writers in other languages included;
///   touching does not. See [`Version`].
/// - What is gone stays gone: `replace`, `touch` and `rotate` bring nothing back.
/// - A [`Marker`] is kept beside the session's key for [`MARKER_LIFETIME`], and is never found by reading.
/// - When a reply gets lost, the error says [`Applied::Unknown`]. The manager then reads what is there, and the marker, to
///   find out what was carried out.
#[async_trait]
pub trait AtomicBackend: Send + Sync {
    /// The session that is stored under `key`, with its version.
    ///
    /// # Errors
    ///
    /// As [`ISessionBackend::get`].
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError>;

    /// Stores a session under a key that is not in use.
    ///
    /// # Errors
    ///
    /// As [`ISessionBackend::set`].
    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError>;

    /// Replaces the session if it still has this version, and renews its expiry.
    ///
    /// # Errors
    ///
    /// As [`ISessionBackend::set`].
    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError>;

    /// Removes the session: at a version, because it was emptied; or whatever it is, because it was destroyed, which
    /// leaves [`Marker::Destroyed`].
    ///
    /// Without a version it removes what can't be read, too.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError>;

    /// Renews the expiry of a session. Answers whether there is one.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError>;

    /// Moves a session to a new key with a new value, if it still has this version, and leaves [`Marker::Renewed`] at the
    /// old one. The new one is there before the old one is gone; a failure loses neither.
    ///
    /// # Errors
    ///
    /// As [`ISessionBackend::set`].
    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError>;

    /// What became of a session that was removed within the last minute.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError>;

    /// How long each of these takes at most, if the store sees to that itself; by default `None`.
    ///
    /// The manager sets no timer of its own for a call that is sure to end in time. Zero says that all are done when they
    /// are first polled, as in a map in memory: then adapters allocate no future for a commit, and one that waits all the
    /// same is dropped and begun again.
    fn longest_wait(&self) -> Option<Duration> {
        None
    }

    /// What [`fetch`](Self::fetch) would answer, without a future, if the store can tell at once. If it can't, which is the
    /// default, or if something is wrong, `None`: then it is asked to `fetch`.
    fn fetch_now(&self, key: &str) -> Option<Option<Stored>> {
        let _ = key;
        None
    }

    /// What [`replace`](Self::replace) would do and answer, without a future, if the store can do it at once. If it can't,
    /// which is the default, or if something is wrong, it does nothing and answers `None`: then it is asked to `replace`.
    ///
    /// Only stores whose [longest wait](Self::longest_wait) is zero are asked.
    fn replace_now(&self, key: &str, value: &SessionMap, exp: Duration, version: &Version) -> Option<Replaced> {
        let _ = (key, value, exp, version);
        None
    }
}

/// How long a [`Marker`] is kept, at least: longer than any request that was under way takes to finish.
pub const MARKER_LIFETIME: Duration = Duration::from_secs(60);

/// A session as a store holds it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its data.
    pub map: SessionMap,
    /// What changes with every write of other data.
    pub version: Version,
}

/// What [`AtomicBackend::rotate`] is to do.
#[derive(Clone, Copy)]
pub struct Rotation<'a> {
    /// Where the session is.
    pub old: &'a str,
    /// Where it goes.
    pub new: &'a str,
    /// What it holds then.
    pub value: &'a SessionMap,
    /// When it expires.
    pub exp: Duration,
    /// The version that it must still have.
    pub version: &'a Version,
}

/// The answer of [`AtomicBackend::create`].
#[derive(Clone, Debug)]
pub enum Created {
    /// It is stored, with this version.
    Created(Version),
    /// The key is in use.
    Exists,
}

/// The answer of [`AtomicBackend::replace`] and [`AtomicBackend::rotate`].
#[derive(Clone, Debug)]
pub enum Replaced {
    /// It is stored, with this version.
    Replaced(Version),
    /// Nothing was changed: somebody wrote meanwhile, and this is what is there now.
    Conflict(Stored),
    /// Nothing was changed: there is no such session any more.
    Gone,
}

/// The answer of [`AtomicBackend::remove`].
#[derive(Clone, Debug)]
pub enum Removed {
    /// It was there and is gone.
    Removed,
    /// Nothing was changed: somebody wrote meanwhile, and this is what is there now.
    Conflict(Stored),
    /// There was no such session any more; what became of it, where that is known.
    Gone(Option<Marker>),
}

/// What a removed session leaves behind for a minute.
///
/// It tells a request that was under way meanwhile what happened. It is never followed to read a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Marker {
    /// The session was destroyed.
    Destroyed,
    /// The session lives on under another key.
    Renewed {
        /// That key. Only destroying a session follows it: logging out is meant for the person, not for the id.
        successor: Box<str>,
    },
}

/// Prints no key: whoever knows one has the session.
impl fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("value", self.value).field("exp", &self.exp).finish_non_exhaustive()
    }
}

/// Prints no key: whoever knows one has the session.
impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destroyed => f.write_str("Destroyed"),
            Self::Renewed { .. } => f.debug_struct("Renewed").finish_non_exhaustive(),
        }
    }
}

/// A backend that several owners share is a backend.
#[async_trait]
impl<B: ISessionBackend + ?Sized> ISessionBackend for Arc<B> {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        (**self).get(key).await
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        (**self).set(key, value, exp).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        (**self).delete(key).await
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        (**self).atomic()
    }
}
