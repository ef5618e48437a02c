//! The trait of a store with three methods.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::error::BackendError;
use crate::map::SessionMap;

/// A session store with three methods: get, set and delete.
///
/// A store key is the configuration's prefix followed by a session id: 1 to 250 visible ASCII characters without spaces.
/// A backend knows nothing of cookies or HTTP.
///
/// # Rules for authors
///
/// - [`get`](Self::get) returns the text of each value as it was set, byte for byte. Values that no request changes stay as
///   another language wrote them.
/// - A call that was answered has taken effect for all processes that use the store. Never read from a replica that may
///   lag.
/// - A session that has expired is absent. A delay of a second or two is harmless, because cookies carry their own time.
/// - If the store can't keep a session, `set` returns an error, such as one of the kind [`BackendErrorKind::TooLarge`].
/// - An error tells whether the call may have been applied. After [`Applied::No`] a later `save` sends the changes
///   again. Errors quote neither keys nor data.
/// - Calls may be cancelled at the request's deadline, because the manager then drops the future. A `set` or `delete` must
///   not take effect after that, because it could overwrite newer data.
///
/// `session_testkit::conformance` tests a backend against these rules. `examples/custom-backend` is a complete one.
///
/// [`BackendErrorKind::TooLarge`]: crate::BackendErrorKind::TooLarge
/// [`Applied::No`]: crate::Applied::No
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
///     async fn set(&self, key: &str, session: &SessionMap, _ttl: Duration) -> Result<(), BackendError> {
///         self.0.lock().unwrap().insert(key.to_owned(), session.clone());
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
    /// Returns the session that is stored under `key` and has not expired.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Corrupt`](crate::BackendErrorKind::Corrupt) if the stored value is not a session, another kind if
    /// the store can't answer.
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError>;

    /// Stores the session under `key`, in place of any other, to expire after `ttl` (whole seconds, at least one).
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::TooLarge`](crate::BackendErrorKind::TooLarge) if the store does not take sessions of this size,
    /// another kind if the store can't answer.
    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError>;

    /// Removes the session that is stored under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// If the store can't answer.
    async fn delete(&self, key: &str) -> Result<(), BackendError>;
}

/// An `Arc` of a backend is a backend.
#[async_trait]
impl<B: ISessionBackend + ?Sized> ISessionBackend for Arc<B> {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        (**self).get(key).await
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        (**self).set(key, session, ttl).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        (**self).delete(key).await
    }
}
