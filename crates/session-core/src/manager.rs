//! The manager, which opens the session of each request.

mod scan;
mod users;

pub use scan::ScannedSession;

use std::sync::Arc;

use crate::config::SessionConfig;
use crate::handle::SessionHandle;
use crate::request::context::SessionContext;
use crate::shared_tokens::warn_of_shared_tokens;

/// Opens the session of each request. An adapter needs one manager for each configuration.
///
/// Clones are cheap, and share the backend and the locks.
///
/// ```
/// use session_core::{SessionConfigBuilder, SessionManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = SessionManager::new(SessionConfigBuilder::development("id").build()?);
///
/// // A first request, without a cookie.
/// let handle = manager.open([]);
/// let session = handle.load().await?;
/// session.insert("user", "ann")?;
/// let commit = handle.commit(200).await;
/// let set_cookie = commit.set_cookie.expect("a new session has a cookie");
///
/// // The next one brings it back.
/// let cookie = set_cookie.as_str().split(';').next().unwrap_or_default();
/// let handle = manager.open([cookie.as_bytes()]);
/// assert_eq!(handle.load().await?.get::<String>("user")?.as_deref(), Some("ann"));
/// assert_eq!(handle.commit(200).await.set_cookie, None);
/// # Ok(())
/// # }
/// ```
///
/// # Writing an adapter
///
/// An adapter brings a session to the handlers of a framework. It makes no decisions about sessions:
///
/// 1. Make one manager for each configuration, and share it between all threads, so that they share the store and the
///    locks.
/// 2. For each request, call [`open`](Self::open) with the values of all its `Cookie` headers, and put the handle into
///    the request's extensions, where handlers and middleware find it. If an outer layer has left a handle there, call
///    [`open_within`](Self::open_within) instead.
/// 3. Offer an extractor for the handle, and one for the session, which calls [`SessionHandle::load`]. Load a session
///    only when a handler asks for it.
/// 4. After the handler has returned, and before the response head is sent, call [`commit`](SessionHandle::commit) with
///    the response's status. If the handler returned an error, pass the status of the response that the error becomes,
///    or 500 if it becomes no response. With [`try_commit`](SessionHandle::try_commit), most responses need not wait.
/// 5. If [`Commit::error`] is set, send a response that reports it instead, such as [`PlainResponse`], with
///    `Cache-Control: no-store`. Let users customise this response, and the responses to session errors of extractors
///    and handlers.
/// 6. Where a response is replaced, the new one must take over the headers that [`kept_headers`] returns, because inner
///    layers have set them. In either case [`apply`](crate::adapter::Commit::apply) the commit to the headers.
/// 7. Upgrades and streams need nothing more: their session is committed with the response head. Handlers that keep the
///    [`Session`] call [`Session::save`]. A request that is dropped or panics commits nothing.
///
/// [`ResponseFuture`] implements steps 4 to 6 for a framework whose responses implement [`Responder`].
///
/// `session_testkit::scenarios` has the tests for adapters. Its example is a complete adapter without a framework.
///
/// [`Commit::error`]: crate::adapter::Commit::error
/// [`PlainResponse`]: crate::adapter::PlainResponse
/// [`kept_headers`]: crate::adapter::kept_headers
/// [`ResponseFuture`]: crate::adapter::ResponseFuture
/// [`Responder`]: crate::adapter::Responder
/// [`Session`]: crate::Session
/// [`Session::save`]: crate::Session::save
#[derive(Clone)]
pub struct SessionManager {
    context: Arc<SessionContext>,
}

impl SessionManager {
    /// Makes a manager. The promises also hold between several managers of one configuration, or of clones of it,
    /// because they share the store.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        let context = Arc::new(SessionContext::new(config));
        warn_of_shared_tokens(&context);
        Self { context }
    }

    /// Opens the session of a request, given the values of its `Cookie` headers. It only copies them, and neither
    /// verifies them nor calls the store.
    #[must_use]
    pub fn open<'a>(&self, cookie_headers: impl IntoIterator<Item = &'a [u8]>) -> SessionHandle {
        SessionHandle::new(self.context.clone(), cookie_headers)
    }

    /// Opens the session of a request that has passed through an outer layer, whose handle is `outer`.
    ///
    /// If an outer layer has the same cookie name, it has opened the session already. This method then returns a handle
    /// to that session. Committing this handle does nothing, because the outermost layer commits. If the two layers
    /// differ in keys, salt, mode, store or key prefix, the session fails to load, and the commit reports
    /// [`SessionError::LayersDiffer`].
    ///
    /// [`SessionError::LayersDiffer`]: crate::SessionError::LayersDiffer
    #[must_use]
    pub fn open_within<'a>(
        &self,
        outer: SessionHandle,
        cookie_headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> SessionHandle {
        SessionHandle::within(self.context.clone(), outer, cookie_headers)
    }

    /// Returns the manager that opened a session. Handlers use it to list or revoke the sessions of a user.
    #[must_use]
    pub fn of(handle: &SessionHandle) -> Self {
        Self { context: handle.context().clone() }
    }

    /// Returns the name of the session's cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.context.config.cookie_name()
    }
}

impl std::fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionManager").field("config", &self.context.config).finish_non_exhaustive()
    }
}
