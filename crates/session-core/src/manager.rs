//! The start of every request.

mod scan;
mod users;

pub use scan::ScannedSession;

use std::sync::Arc;

use crate::config::SessionConfig;
use crate::handle::SessionHandle;
use crate::request::context::SessionContext;
use crate::shared_tokens::warn_of_shared_tokens;

/// Opens the session of each request, and commits it when the response is there: all that an adapter needs.
///
/// Cheap to clone; clones share the backend and the locks.
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
/// An adapter brings a session to the handlers of a framework, and decides nothing of its own:
///
/// 1. Make one manager of a configuration, and share it among all threads: with it they share the store and the locks.
/// 2. For each request, [`open`](Self::open) with the values of all its `Cookie` headers, and put the handle where handlers
///    and middleware find it: into the request's extensions. If there is a handle of a layer further out,
///    [`open_within`](Self::open_within) it.
/// 3. Offer extractors for the handle and, by [`SessionHandle::load`], for the session. Load a session only
///    when a handler asks for it.
/// 4. When the handler has answered, and before the head of the response is sent, [`commit`](SessionHandle::commit) with the status:
///    that of the response which an error will make, or 500 where there will be none.
///    [`try_commit`](SessionHandle::try_commit) spares most responses the wait.
/// 5. If [`Commit::error`] is set, answer with a response that reports it, such as [`PlainResponse`], with
///    `Cache-Control: no-store`. Let users replace it, together with those that extractors and handlers make of session
///    errors.
/// 6. Where a response is replaced, keep its headers as [`kept_headers`] tells, because layers further in have set them. In
///    either case [`apply`](crate::adapter::Commit::apply) the commit to the headers.
/// 7. Nothing more for upgrades and streams: their commit is that of the head, and handlers that keep the [`Session`] go on
///    with [`Session::save`]. A request that is dropped or panics commits nothing.
///
/// [`ResponseFuture`] takes the steps 4 to 6, if the framework has futures that a [`Responder`] fits.
///
/// `session_testkit::scenarios` has the tests, and a whole adapter without a framework as its example.
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
    /// A manager with this configuration. All managers of one configuration, or of clones of it, keep the promises
    /// together.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        let context = Arc::new(SessionContext::new(config));
        warn_of_shared_tokens(&context);
        Self { context }
    }

    /// Returns the session of a request, from the values of its `Cookie` headers. Copies them, and does no more.
    #[must_use]
    pub fn open<'a>(&self, cookie_headers: impl IntoIterator<Item = &'a [u8]>) -> SessionHandle {
        SessionHandle::new(self.context.clone(), cookie_headers)
    }

    /// Opens the session of a request that has passed through a layer further out, whose handle is `outer`.
    ///
    /// A layer of the same cookie name further out has opened the session already: this returns a handle of that one, whose
    /// commit does nothing, because the outermost layer commits. If the two layers differ in keys, salt, mode, store or key
    /// prefix, the session fails to load, and the commit reports [`SessionError::LayersDiffer`].
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

    /// Returns the manager that has opened a session, for handlers that list or revoke the sessions of a user.
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
