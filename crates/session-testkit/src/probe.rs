//! A backend that is watched and can be made to fail.

use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, Removed, Replaced,
    Rotation, SessionMap, Stored, Version, async_trait,
};

/// What goes wrong with a call.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// It is refused, and not carried out.
    Down,
    /// It is carried out after this time.
    Slow(Duration),
    /// It is not carried out, and the caller is left to guess.
    LostRequest,
    /// It is carried out, and the caller is left to guess.
    LostReply,
    /// It is not carried out, and never returns.
    Hangs,
    /// It is carried out, and never returns.
    NeverReplies,
    /// Every other call is refused, the first one included.
    Flapping,
    /// What is stored can't be read.
    Corrupt,
    /// Somebody else does this just before it is carried out.
    Overtaken(Arc<dyn Fn() + Send + Sync>),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "Down",
            Self::Slow(_) => "Slow",
            Self::LostRequest => "LostRequest",
            Self::LostReply => "LostReply",
            Self::Hangs => "Hangs",
            Self::NeverReplies => "NeverReplies",
            Self::Flapping => "Flapping",
            Self::Corrupt => "Corrupt",
            Self::Overtaken(_) => "Overtaken",
        })
    }
}

/// A backend around another one, that writes down the name of each call and fails as the test likes. Clones share all.
///
/// Calls are named as the methods of [`ISessionBackend`] and [`AtomicBackend`].
///
/// ```
/// use session_core::{ISessionBackend, MemoryBackend};
/// use session_testkit::{Fault, Probe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let probe = Probe::new(MemoryBackend::new());
/// assert!(probe.get("key").await.is_ok());
/// assert_eq!(probe.calls(), ["get"]);
/// probe.fail("get", Fault::Down);
/// assert!(probe.get("key").await.is_err());
/// # }
/// ```
pub struct Probe<B> {
    backend: Arc<B>,
    atomic: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    faults: Vec<(&'static str, Fault)>,
    flaps: usize,
}

impl<B: ISessionBackend> Probe<B> {
    /// Watches a backend.
    pub fn new(backend: B) -> Self {
        Self { backend: Arc::new(backend), atomic: true, state: Arc::default() }
    }

    /// Watches a backend, and hides that it can compare and set.
    pub fn plain(backend: B) -> Self {
        Self { atomic: false, ..Self::new(backend) }
    }

    /// The backend itself, for looking at it unseen.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.backend
    }

    /// The names of the calls since this was last asked.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    /// From now on, calls of this name fail so; all calls, if it is `"*"`.
    pub fn fail(&self, call: &'static str, fault: Fault) {
        self.state().faults.push((call, fault));
    }

    /// All is well again.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a call down and finds out what is to go wrong with it.
    fn fault(&self, name: &'static str) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(name);
        let fault = state.faults.iter().find(|(call, _)| [name, "*"].contains(call)).map(|(_, fault)| fault.clone())?;
        if matches!(fault, Fault::Flapping) {
            state.flaps += 1;
            return (state.flaps % 2 == 1).then_some(Fault::Down);
        }
        Some(fault)
    }

    async fn call<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let unavailable = |applied| Err(BackendError::new(BackendErrorKind::Unavailable, applied));
        match self.fault(name) {
            None | Some(Fault::Flapping) => {}
            Some(Fault::Down) => return unavailable(Applied::No),
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::LostRequest) => return unavailable(Applied::Unknown),
            Some(Fault::LostReply) => return operation.await.and_then(|_| unavailable(Applied::Unknown)),
            Some(Fault::Hangs) => return pending().await,
            Some(Fault::NeverReplies) => {
                operation.await?;
                return pending().await;
            }
            Some(Fault::Corrupt) => return Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No)),
            Some(Fault::Overtaken(by)) => by(),
        }
        operation.await
    }

    /// The operations of the backend, which are asked for only where it has them.
    fn operations(&self) -> Result<&dyn AtomicBackend, BackendError> {
        self.backend.atomic().ok_or_else(|| BackendError::new(BackendErrorKind::Other, Applied::No))
    }
}

impl<B> Clone for Probe<B> {
    fn clone(&self) -> Self {
        Self { backend: self.backend.clone(), atomic: self.atomic, state: self.state.clone() }
    }
}

impl<B> fmt::Debug for Probe<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("atomic", &self.atomic).finish_non_exhaustive()
    }
}

#[async_trait]
impl<B: ISessionBackend> ISessionBackend for Probe<B> {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        self.call("get", self.backend.get(key)).await
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        self.call("set", self.backend.set(key, value, exp)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call("delete", self.backend.delete(key)).await
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        self.backend.atomic().filter(|_| self.atomic).map(|_| self as _)
    }
}

#[async_trait]
impl<B: ISessionBackend> AtomicBackend for Probe<B> {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.call("fetch", self.operations()?.fetch(key)).await
    }

    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        self.call("create", self.operations()?.create(key, value, exp)).await
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        self.call("replace", self.operations()?.replace(key, value, exp, version)).await
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        self.call("remove", self.operations()?.remove(key, version)).await
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        self.call("touch", self.operations()?.touch(key, exp)).await
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        self.call("rotate", self.operations()?.rotate(rotation)).await
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        self.call("marker", self.operations()?.marker(key)).await
    }
}
