//! A store that is watched and can be made to fail.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, MemoryBackend, Removed,
    Replaced, Rotation, SessionMap, Stored, Version, async_trait,
};
use tokio::time::sleep;

/// What goes wrong with a call.
#[derive(Clone)]
pub(crate) enum Fault {
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
    /// What is stored can't be read.
    Corrupt,
    /// Of creations: the key is in use, whichever it is.
    KeyInUse,
    /// Of rotations, by a store that takes two steps: only the first is carried out, and the caller is left to guess.
    HalfWay,
    /// Somebody else does this just before it is carried out.
    Overtaken(Arc<dyn Fn() + Send + Sync>),
}

/// A [`MemoryBackend`] that writes down the name of each call, and fails as the test likes. Clones are the same store.
#[derive(Clone)]
pub(crate) struct Probe {
    /// The store itself, for looking at it unseen.
    pub(crate) memory: MemoryBackend,
    atomic: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    faults: Vec<(&'static str, Fault)>,
}

impl Probe {
    pub(crate) fn new(memory: MemoryBackend) -> Self {
        Self { memory, atomic: true, state: Arc::default() }
    }

    /// The same, with no more than the three methods.
    pub(crate) fn plain(memory: MemoryBackend) -> Self {
        Self { atomic: false, ..Self::new(memory) }
    }

    /// The calls since this was last asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    /// From now on, calls of this name fail so; of all calls, if it is `"*"`.
    pub(crate) fn fail(&self, call: &'static str, fault: Fault) {
        self.state().faults.push((call, fault));
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Writes down a call that is answered at once.
    fn if_all_is_well(&self, name: &'static str) -> Option<&Self> {
        let well = self.faults(name).is_empty();
        well.then(|| {
            self.state().calls.push(name);
            self
        })
    }

    fn faults(&self, name: &str) -> Vec<Fault> {
        let state = self.state();
        let hit = state.faults.iter().filter(|(call, _)| [name, "*"].contains(call));
        hit.map(|(_, fault)| fault.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics in here")
    }

    async fn call<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        self.state().calls.push(name);
        assert!(self.state().calls.len() < 10_000, "the store is asked without end");
        let unavailable = |applied| Err(BackendError::new(BackendErrorKind::Unavailable, applied));
        for fault in self.faults(name) {
            match fault {
                Fault::Down => return unavailable(Applied::No),
                Fault::Slow(time) => sleep(time).await,
                Fault::LostRequest => return unavailable(Applied::Unknown),
                Fault::LostReply => return operation.await.and_then(|_| unavailable(Applied::Unknown)),
                Fault::Hangs => pending().await,
                Fault::NeverReplies => {
                    operation.await?;
                    return pending().await;
                }
                Fault::Corrupt => return Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No)),
                Fault::Overtaken(by) => by(),
                Fault::KeyInUse | Fault::HalfWay => {}
            }
        }
        operation.await
    }
}

#[async_trait]
impl ISessionBackend for Probe {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        self.call("get", self.memory.get(key)).await
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        self.call("set", self.memory.set(key, value, exp)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call("delete", self.memory.delete(key)).await
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        self.atomic.then_some(self)
    }
}

#[async_trait]
impl AtomicBackend for Probe {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.call("fetch", self.memory.fetch(key)).await
    }

    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        if let [Fault::KeyInUse] = self.faults("create")[..] {
            return self.call("create", async { Ok(Created::Exists) }).await;
        }
        self.call("create", self.memory.create(key, value, exp)).await
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        self.call("replace", self.memory.replace(key, value, exp, version)).await
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        self.call("remove", self.memory.remove(key, version)).await
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        self.call("touch", self.memory.touch(key, exp)).await
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        if let [Fault::HalfWay] = self.faults("rotate")[..] {
            let step = self.memory.set(rotation.new, rotation.value, rotation.exp);
            let lost = BackendError::new(BackendErrorKind::Timeout, Applied::Unknown);
            return self.call("rotate", async { step.await.and(Err(lost)) }).await;
        }
        self.call("rotate", self.memory.rotate(rotation)).await
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        self.call("marker", self.memory.marker(key)).await
    }

    fn fetch_now(&self, key: &str) -> Option<Option<Stored>> {
        self.if_all_is_well("fetch")?.memory.fetch_now(key)
    }

    fn replace_now(&self, key: &str, value: &SessionMap, exp: Duration, version: &Version) -> Option<Replaced> {
        self.if_all_is_well("replace")?.memory.replace_now(key, value, exp, version)
    }

    fn longest_wait(&self) -> Option<Duration> {
        let waits = |fault: &Fault| matches!(fault, Fault::Slow(_) | Fault::Hangs | Fault::NeverReplies);
        let waiting = self.state().faults.iter().any(|(_, fault)| waits(fault));
        (!waiting).then_some(Duration::ZERO)
    }
}
