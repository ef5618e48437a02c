//! The session of a request before it is loaded.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::cookie::Candidates;
use crate::manager::Core;
use crate::state::{Cell, State};
use crate::sync::lock;
use crate::{Session, SessionError};

/// The session of one request, which nobody may have asked for yet.
///
/// Made by [`SessionManager::open`](crate::SessionManager::open); clones are the same session.
#[derive(Clone)]
pub struct SessionHandle {
    shared: Arc<Shared>,
    /// That of the next layer outwards, if the request has passed through several.
    outer: Option<Arc<SessionHandle>>,
}

/// What all handles of one request share.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    pub(crate) candidates: Candidates,
    cell: Mutex<Cell>,
    /// Held by whoever talks to the store on behalf of this request.
    pub(crate) flight: tokio::sync::Mutex<()>,
}

impl SessionHandle {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), outer: None }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The session, verified and fetched when first asked for; from then on without waiting.
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't be asked or holds something unreadable (unless configured otherwise).
    /// Asking again in the same request gives the same answer.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.shared.load().await?;
        Ok(Session::new(self.clone()))
    }

    /// Destroys the session when the response is committed, without loading it.
    ///
    /// Final: no request that is under way can bring it back. The client's cookie is removed once the store has confirmed
    /// it. Data that is inserted afterwards makes a new session.
    pub fn destroy(&self) {
        let mut cell = self.shared.cell();
        cell.used = true;
        cell.destroy();
    }

    /// The name of the session's cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.shared.core.config.cookie_name()
    }

    /// The handle of the session whose cookie has this name: this one, or that of a layer further out.
    #[must_use]
    pub fn named(&self, cookie_name: &str) -> Option<&Self> {
        std::iter::successors(Some(self), |handle| handle.outer.as_deref())
            .find(|handle| handle.cookie_name() == cookie_name)
    }

    /// Lets [`named`](Self::named) find the sessions of the layers further out, too. For adapters.
    pub fn nest_in(&mut self, outer: Self) {
        self.outer = Some(Arc::new(outer));
    }

    /// Why the session could not be loaded, if that was tried and failed.
    #[must_use]
    pub fn load_error(&self) -> Option<SessionError> {
        match &self.shared.cell().state {
            State::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }
}

/// Prints no data.
impl std::fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionHandle").field("used", &self.shared.cell().used).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(core: Arc<Core>, candidates: Candidates) -> Self {
        let cell = Mutex::new(Cell::new(core.config.request_deadline));
        Self { core, candidates, cell, flight: tokio::sync::Mutex::new(()) }
    }

    pub(crate) fn cell(&self) -> MutexGuard<'_, Cell> {
        lock(&self.cell)
    }
}
