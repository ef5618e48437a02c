//! A request's session before it is loaded, and its commit.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::adapter::commit::Commit;
use crate::error::SessionError;
use crate::request::context::SessionContext;
use crate::request::phase::Phase;
use crate::request::shared::SharedSession;
use crate::session::Session;

/// A handle to one request's session, which is loaded on first use and committed at the end.
///
/// [`SessionManager::open`](crate::SessionManager::open) makes one. Clones are handles to the same session.
#[derive(Clone)]
pub struct SessionHandle {
    shared: Arc<SharedSession>,
    /// The next layer outwards, if the request has passed through several.
    outer: Option<Arc<Outer>>,
}

/// The next layer outwards.
struct Outer {
    handle: SessionHandle,
    role: Role,
}

/// The role of a layer for a session that it may share with outer layers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Commits,
    /// An outer layer commits.
    Borrows,
    /// An outer layer of the same cookie name has another configuration.
    Differs,
}

impl SessionHandle {
    #[inline]
    pub(crate) fn new<'a>(context: Arc<SessionContext>, cookie_headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { shared: SharedSession::new(context, cookie_headers), outer: None }
    }

    pub(crate) fn within<'a>(
        context: Arc<SessionContext>,
        outer: Self,
        cookie_headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let (shared, role) = match outer.find(context.config.cookie_name()) {
            None => (SharedSession::new(context, cookie_headers), Role::Commits),
            Some(same)
                if Arc::ptr_eq(&same.shared.context, &context)
                    || same.context().config.shares_sessions_with(&context.config) =>
            {
                (same.shared.clone(), Role::Borrows)
            }
            Some(_) => {
                if !context.difference_reported.swap(true, Ordering::Relaxed) {
                    let name = context.config.cookie_name();
                    tracing::error!(
                        cookie = name,
                        "two session layers of one cookie name differ in keys, salt, mode or store"
                    );
                }
                (SharedSession::new(context, []), Role::Differs)
            }
        };
        Self { shared, outer: Some(Arc::new(Outer { handle: outer, role })) }
    }

    fn role(&self) -> Role {
        self.outer.as_ref().map_or(Role::Commits, |outer| outer.role)
    }

    /// Loads the session: verifies the cookie and fetches the stored session on first use. Later calls return at once.
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't answer, or if the stored session is unreadable and
    /// [`OnCorrupt::Fail`](crate::OnCorrupt::Fail) is configured. [`SessionError::LayersDiffer`] if two layers of one
    /// cookie name have different configurations. [`SessionError::NoRandomNumbers`] if a session of another format has
    /// to be taken over and there are no random numbers for its id. After an error, every load in the same request
    /// returns that error.
    pub async fn load(&self) -> Result<Session, SessionError> {
        if self.role() == Role::Differs {
            return Err(self.layers_differ());
        }
        self.shared.load().await?;
        Ok(Session::new(self.shared.clone()))
    }

    /// Destroys the session when the response is committed, without loading it.
    ///
    /// A destroyed session is final: no request in flight can bring it back. If the request has several cookies of the
    /// session's name, the sessions of all of them are destroyed, even of expired ones. The limit is 8; if there are
    /// more, the commit reports [`SessionError::TooManySessions`](crate::SessionError::TooManySessions). The client's
    /// cookie is removed once the store has confirmed the removal. Data that is inserted after `destroy` begins a new
    /// session.
    ///
    /// The removal can wipe out the cookie of a login that began without the destroyed session's cookie, if the client
    /// receives the login's cookie first.
    ///
    /// In cookie mode the client is told to delete its cookie. No store can revoke a copy of the cookie, which stays
    /// valid until it expires.
    ///
    /// After the response head was sent, call [`save`](Session::save) to destroy the session. Otherwise it is not
    /// destroyed, and the log warns.
    pub fn destroy(&self) {
        self.shared.session().destroy();
    }

    /// Signs the user out without loading the session: [destroys](Self::destroy) the session.
    pub fn sign_out(&self) {
        self.destroy();
    }

    /// Ends the request: persists its changes, and returns the headers that the response must have.
    ///
    /// A 5xx `status` drops the changes, unless
    /// [`commit_on_server_error`](crate::SessionConfigBuilder::commit_on_server_error) is set. If the handler failed
    /// without a response, pass 500. A `destroy` is carried out with any status. If [`Commit::error`] is set, the
    /// caller must replace the response by one that reports the error.
    pub async fn commit(&self, status: u16) -> Commit {
        match self.try_commit(status) {
            CommitState::Ready(commit) => commit,
            CommitState::Pending(pending) => pending.finish().await,
        }
    }

    /// Commits without waiting, if no store has to be asked or the store answers at once. Otherwise returns the pending
    /// commit.
    ///
    /// It is meant for adapters, which can then pass on most responses without a future.
    pub fn try_commit(&self, status: u16) -> CommitState {
        match self.role() {
            Role::Borrows => return CommitState::Ready(Commit::default()),
            Role::Differs => {
                return CommitState::Ready(Commit { error: Some(self.layers_differ()), ..Commit::default() });
            }
            Role::Commits => {}
        }
        match self.shared.try_commit(status) {
            Some(commit) => CommitState::Ready(commit),
            None => CommitState::Pending(PendingCommit { shared: self.shared.clone(), status }),
        }
    }

    pub(crate) fn context(&self) -> &Arc<SessionContext> {
        &self.shared.context
    }

    /// Returns the name of the session's cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.shared.context.config.cookie_name()
    }

    /// Returns the handle of the session whose cookie has this name: this handle, or the handle of an outer layer.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if no session layer around the request's handler has this cookie name.
    pub fn named(&self, cookie_name: &str) -> Result<&Self, SessionError> {
        self.find(cookie_name).ok_or_else(|| SessionError::UnknownCookieName { cookie_name: cookie_name.into() })
    }

    fn find(&self, cookie_name: &str) -> Option<&Self> {
        std::iter::successors(Some(self), |handle| handle.outer.as_ref().map(|outer| &outer.handle))
            .find(|handle| handle.cookie_name() == cookie_name)
    }

    /// Returns the error of the load, if it failed.
    #[must_use]
    pub fn load_error(&self) -> Option<SessionError> {
        if self.role() == Role::Differs {
            return Some(self.layers_differ());
        }
        match self.shared.peek()?.phase() {
            Phase::LoadFailed(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Logs a session error that a handler returned as its response. It is meant for adapters. Errors of a load or a
    /// commit are logged without it.
    ///
    /// An error that a client can cause is logged at level `warn` or `info`, all others at level `error`.
    pub fn report_error(&self, error: &SessionError) {
        if self.load_error().is_none() {
            self.shared.report_passed_on(error);
        }
    }

    fn layers_differ(&self) -> SessionError {
        SessionError::LayersDiffer { cookie_name: self.cookie_name().into() }
    }
}

/// Prints no data.
impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle").field("used", &self.shared.peek().is_some()).finish_non_exhaustive()
    }
}

/// The result of [`SessionHandle::try_commit`].
#[derive(Debug)]
#[must_use = "the response has to carry the commit"]
pub enum CommitState {
    /// The session is committed.
    Ready(Commit),
    /// The commit has to wait for the store.
    Pending(PendingCommit),
}

/// A commit that has to wait for the store.
#[must_use = "the session is not committed before it is finished"]
pub struct PendingCommit {
    shared: Arc<SharedSession>,
    status: u16,
}

impl PendingCommit {
    /// Commits; see [`SessionHandle::commit`]. The future takes about a kilobyte, so it is boxed.
    pub fn finish(self) -> Pin<Box<dyn Future<Output = Commit> + Send>> {
        // `Box::pin` would build the future on the stack and then copy it.
        let place = Box::new_uninit();
        let commit: Pin<Box<_>> = Box::write(place, self.shared.commit(self.status)).into();
        commit
    }
}

impl fmt::Debug for PendingCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCommit").field("status", &self.status).finish_non_exhaustive()
    }
}
