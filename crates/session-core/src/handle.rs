//! A request's session before it is loaded, and its commit.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::SessionError;
use crate::request::context::SessionContext;
use crate::request::outcome::Commit;
use crate::request::phase::Phase;
use crate::request::shared::SharedSession;
use crate::session::Session;

/// A handle to one request's session. Loads it on first use, and commits it at the end.
///
/// Made by [`SessionManager::open`](crate::SessionManager::open). Clones are handles of one session.
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

/// The part of a layer in a session that it may share with layers further out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Commits,
    /// A layer further out commits.
    Borrows,
    /// A layer of the same cookie name further out has another configuration.
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
            Some(same) if Arc::ptr_eq(&same.shared.context, &context) || same.shares_sessions_with(&context) => {
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

    fn shares_sessions_with(&self, context: &SessionContext) -> bool {
        self.shared.context.shares_sessions_with(context)
    }

    /// Loads the session: verifies the cookie and fetches the stored session on first use. Later calls return at once.
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't answer, or if the stored session is unreadable and the configuration says
    /// so. [`SessionError::LayersDiffer`] if two layers of one cookie name have different configurations. The session then
    /// fails to load for the rest of the request.
    pub async fn load(&self) -> Result<Session, SessionError> {
        if self.role() == Role::Differs {
            return Err(self.layers_differ());
        }
        self.shared.load().await?;
        Ok(Session::new(self.shared.clone()))
    }

    /// Destroys the session when the response is committed, without loading it.
    ///
    /// A destroyed session is final: no request that is under way can bring it back. Every session is destroyed that a
    /// cookie of the request names, even an expired one, at most 8; with more, the commit reports
    /// [`SessionError::TooManySessions`](crate::SessionError::TooManySessions). The client's cookie is removed once the store
    /// has confirmed it. Data that is inserted afterwards makes a new session.
    ///
    /// The removal can wipe out the cookie of a login that began without the destroyed session's cookie, if the client
    /// receives the removal after it.
    ///
    /// In cookie mode there is no store that could revoke a cookie: the client is told to forget its own, and a copy of it
    /// stays valid until it expires.
    ///
    /// After the response head, only a [`save`](Session::save) carries it out; without one the log warns.
    pub fn destroy(&self) {
        self.shared.session().destroy();
    }

    /// Signs the user out, without loading the session: [destroys](Self::destroy) it.
    pub fn sign_out(&self) {
        self.destroy();
    }

    /// Ends the request: persists its changes, and returns the headers that the response must carry.
    ///
    /// Changes are dropped with a 5xx `status` (unless configured), which is also the status to pass if the handler failed
    /// without a response. A `destroy` is carried out whatever the status. If [`Commit::error`] is set, the response is to
    /// be replaced by one that reports it.
    pub async fn commit(&self, status: u16) -> Commit {
        match self.try_commit(status) {
            CommitState::Ready(commit) => commit,
            CommitState::Pending(pending) => pending.finish().await,
        }
    }

    /// Commits at once, if no store has to be asked or if the store answers at once. Otherwise returns the pending commit.
    ///
    /// For adapters, which can pass on most responses without a future.
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

    /// Returns the handle of the session whose cookie has this name: this one, or that of a layer further out.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if no layer that has seen the request has this cookie name.
    pub fn named(&self, cookie_name: &str) -> Result<&Self, SessionError> {
        self.find(cookie_name).ok_or_else(|| SessionError::UnknownCookieName { cookie_name: cookie_name.into() })
    }

    fn find(&self, cookie_name: &str) -> Option<&Self> {
        std::iter::successors(Some(self), |handle| handle.outer.as_ref().map(|outer| &outer.handle))
            .find(|handle| handle.cookie_name() == cookie_name)
    }

    /// Returns the error of a load that failed.
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

    /// Logs a session error that the response of a handler reports. For adapters; the errors of a load and of a commit are
    /// logged already.
    ///
    /// An error that a client can cause is logged as a warning or as information.
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
    /// The store has to be asked.
    Pending(PendingCommit),
}

/// A commit for which the store has to be asked.
#[must_use = "the session is not committed before it is finished"]
pub struct PendingCommit {
    shared: Arc<SharedSession>,
    status: u16,
}

impl PendingCommit {
    /// Commits, see [`SessionHandle::commit`]. In a box, since the future takes a kilobyte, and adapters keep it beside the
    /// response.
    pub fn finish(self) -> Pin<Box<dyn Future<Output = Commit> + Send>> {
        // `Box::pin` would make it elsewhere, ask for memory, and move it.
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
