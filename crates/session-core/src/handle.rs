//! The session of a request before it is loaded.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::lock::Mutex as AsyncMutex;

use crate::cookie::RequestCookies;
use crate::manager::{Commit, CommitState, Core, PendingCommit};
use crate::state::{Cell, State};
use crate::sync::lock;
use crate::{Session, SessionError, SessionManager};

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
    manager: SessionManager,
    pub(crate) cookies: RequestCookies,
    slot: Mutex<Slot>,
    /// Held by whoever talks to the store on behalf of this request.
    pub(crate) flight: AsyncMutex<()>,
}

/// The place of the session's state.
#[derive(Default)]
struct Slot {
    /// Made when somebody asks for the session first.
    cell: Option<Cell>,
    /// The response went on its way before anybody did.
    passed_on: bool,
}

/// The session's state, locked.
pub(crate) struct CellGuard<'a>(MutexGuard<'a, Slot>);

impl SessionHandle {
    #[inline]
    pub(crate) fn new<'a>(manager: SessionManager, cookie_headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // Made where it stays, and filled there: it is large for something that is moved.
        let mut shared = Arc::new_cyclic(|_| Shared {
            manager,
            cookies: RequestCookies::default(),
            slot: Mutex::default(),
            flight: AsyncMutex::new(()),
        });
        if let Some(Shared { cookies, .. }) = Arc::get_mut(&mut shared) {
            cookie_headers.into_iter().for_each(|header| cookies.add(header));
        }
        Self { shared, outer: None }
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

    /// Ends the request: persists its changes, and returns what the response must carry.
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
        match self.shared.commit_now(status) {
            Some(commit) => CommitState::Ready(commit),
            None => CommitState::Pending(PendingCommit { shared: self.shared.clone(), status }),
        }
    }

    /// The manager that has opened it. For adapters.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.shared.manager
    }

    /// The name of the session's cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.manager().cookie_name()
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
    pub(crate) fn core(&self) -> &Core {
        &self.manager.core
    }

    pub(crate) fn cell(&self) -> CellGuard<'_> {
        let mut slot = lock(&self.slot);
        if slot.cell.is_none() {
            slot.cell = Some(Cell::new(self.core().config.request_deadline, slot.passed_on));
        }
        CellGuard(slot)
    }

    /// The state, if somebody has asked for the session; else the response goes on its way without it.
    pub(crate) fn cell_if_used(&self) -> Option<CellGuard<'_>> {
        let mut slot = lock(&self.slot);
        match &mut slot.cell {
            Some(cell) if cell.used => return Some(CellGuard(slot)),
            Some(cell) => cell.headers_sent = true,
            None => slot.passed_on = true,
        }
        None
    }
}

const MADE: &str = "the cell is made before its guard";

impl Deref for CellGuard<'_> {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        self.0.cell.as_ref().expect(MADE)
    }
}

impl DerefMut for CellGuard<'_> {
    fn deref_mut(&mut self) -> &mut Cell {
        self.0.cell.as_mut().expect(MADE)
    }
}
