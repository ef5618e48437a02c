//! The parts that all handles of one request share.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::lock::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

use crate::backend::BackendError;
use crate::backend::deadline::Deadline;
use crate::cookie::RequestCookies;
use crate::request::context::SessionContext;
use crate::request::state::RequestSession;
use crate::sync::lock;

/// One request's cookies and session.
pub(crate) struct SharedSession {
    pub(crate) context: Arc<SessionContext>,
    pub(crate) cookies: RequestCookies,
    state: Mutex<LazySession>,
    /// Held by the task that makes this request's store calls.
    store_lock: AsyncMutex<()>,
}

/// The state of the session, which is made in place on first use. Most requests for a static file never use theirs.
#[derive(Default)]
struct LazySession {
    session: Option<RequestSession>,
    /// The response head was sent before the session was used.
    head_sent: bool,
}

/// The session's state, locked.
pub(crate) struct SessionGuard<'a>(MutexGuard<'a, LazySession>);

impl SharedSession {
    #[inline]
    pub(crate) fn new<'a>(
        context: Arc<SessionContext>,
        cookie_headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Arc<Self> {
        // Filled in place: moving it into the `Arc` would copy it.
        let mut shared = Arc::new_cyclic(|_| Self {
            context,
            cookies: RequestCookies::default(),
            state: Mutex::default(),
            store_lock: AsyncMutex::new(()),
        });
        if let Some(Self { cookies, .. }) = Arc::get_mut(&mut shared) {
            cookie_headers.into_iter().for_each(|header| cookies.add(header));
        }
        shared
    }

    /// Waits for the right to make this request's store calls, up to the deadline.
    #[inline]
    pub(crate) async fn lock_store(&self, deadline: &mut Deadline) -> Result<AsyncGuard<'_, ()>, BackendError> {
        match self.try_lock_store() {
            Some(lock) => Ok(lock),
            None => deadline.wait(self.store_lock.lock()).await,
        }
    }

    /// Takes the right to make store calls, unless another task of the request has it.
    pub(crate) fn try_lock_store(&self) -> Option<AsyncGuard<'_, ()>> {
        self.store_lock.try_lock()
    }

    /// Locks the state, which counts as used from then on.
    #[inline]
    pub(crate) fn session(&self) -> SessionGuard<'_> {
        let mut state = lock(&self.state);
        if state.session.is_none() {
            self.begin(&mut state);
        }
        SessionGuard(state)
    }

    #[inline(never)]
    fn begin(&self, state: &mut LazySession) {
        state.session = Some(RequestSession::new(self.context.config.request_deadline, state.head_sent));
    }

    /// Locks the state, if the session was used.
    pub(crate) fn peek(&self) -> Option<SessionGuard<'_>> {
        let state = lock(&self.state);
        state.session.is_some().then(|| SessionGuard(state))
    }

    /// Locks the state, if the session was used. Otherwise records that the response head is sent without it.
    pub(crate) fn session_if_used(&self) -> Option<SessionGuard<'_>> {
        let mut state = lock(&self.state);
        if state.session.is_some() {
            return Some(SessionGuard(state));
        }
        state.head_sent = true;
        None
    }
}

const USED: &str = "a guard is made of a used session only";

impl Deref for SessionGuard<'_> {
    type Target = RequestSession;

    fn deref(&self) -> &RequestSession {
        self.0.session.as_ref().expect(USED)
    }
}

impl DerefMut for SessionGuard<'_> {
    fn deref_mut(&mut self) -> &mut RequestSession {
        self.0.session.as_mut().expect(USED)
    }
}

/// Reports changes of a stored session that were made after the response head, and were never saved.
impl Drop for SharedSession {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(session) = &state.session
            && session.loses_changes()
        {
            let session = session.id().map(|id| id.fingerprint());
            tracing::warn!(session, "session was changed after the response head and not saved: the changes are lost");
        }
    }
}
