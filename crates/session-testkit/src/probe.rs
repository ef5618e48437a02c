//! Call recording and fault injection.

mod fault;
mod operation;
mod watched;

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::{Applied, AtomicBackend, BackendError, BackendErrorKind, ISessionBackend};

pub use fault::Fault;
pub use operation::Operation;
pub use watched::{Watched, WatchedSimple};

/// Records the calls of the backends that it watches, and injects faults into them. Clones share the probe.
///
/// A call panics if 100,000 calls were recorded since the last [`calls`](Self::calls), so that the test of a manager
/// that calls its store endlessly fails.
///
/// ```
/// use session_core::{AtomicBackend, MemoryBackend};
/// use session_testkit::{Fault, Operation, Probe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let probe = Probe::new();
/// let backend = probe.watch(MemoryBackend::new());
/// assert!(backend.fetch("key").await.is_ok());
/// assert_eq!(probe.calls(), [Operation::Fetch]);
/// probe.fail(Operation::Fetch, Fault::Down);
/// assert!(backend.fetch("key").await.is_err());
/// # }
/// ```
///
/// A watched backend can be passed to a configuration directly:
///
/// ```
/// use session_core::{MemoryBackend, SessionConfigBuilder};
/// use session_testkit::Probe;
///
/// let (probe, memory) = (Probe::new(), MemoryBackend::new());
/// let config = SessionConfigBuilder::development("session").backend(probe.watch(memory));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probe {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Operation>,
    faults: Vec<(Operation, Fault)>,
    flaps: usize,
}

impl Probe {
    /// Makes a probe without recorded calls and without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a backend with compare-and-set.
    pub fn watch<B: AtomicBackend>(&self, backend: B) -> Watched<B> {
        Watched::new(backend, self.clone())
    }

    /// Watches a backend with three methods.
    pub fn watch_simple<B: ISessionBackend>(&self, backend: B) -> WatchedSimple<B> {
        WatchedSimple::new(backend, self.clone())
    }

    /// Returns the calls since the last call of this method.
    pub fn calls(&self) -> Vec<Operation> {
        std::mem::take(&mut self.state().calls)
    }

    /// Injects a fault into all later calls of this operation, until [`heal`](Self::heal).
    ///
    /// If several faults apply to a call, they act in order, up to the first one that ends the call.
    pub fn fail(&self, operation: Operation, fault: Fault) {
        self.state().faults.push((operation, fault));
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call.
    fn record(&self, call: Operation) {
        let mut state = self.state();
        state.calls.push(call);
        let count = state.calls.len();
        drop(state);
        assert!(count < 100_000, "the store is called without end");
    }

    /// Returns `true` if there are no faults.
    fn is_healthy(&self) -> bool {
        self.state().faults.is_empty()
    }

    /// Returns `true` if calls of this operation have such a fault.
    fn has_fault(&self, call: Operation, is_such: fn(&Fault) -> bool) -> bool {
        self.state().faults.iter().any(|(operation, fault)| operation.includes(call) && is_such(fault))
    }

    /// Returns `true` if a fault lets its caller wait.
    fn waits(&self) -> bool {
        self.state().faults.iter().any(|(_, fault)| fault.waits())
    }

    /// Returns the faults of a call, in order.
    fn faults(&self, call: Operation) -> Vec<Fault> {
        let mut state = self.state();
        let hit = state.faults.iter().filter(|(operation, _)| operation.includes(call));
        let mut faults: Vec<_> = hit.map(|(_, fault)| fault.clone()).collect();
        if faults.iter().any(|fault| matches!(fault, Fault::Flapping)) {
            state.flaps += 1;
            if state.flaps.is_multiple_of(2) {
                faults.retain(|fault| !matches!(fault, Fault::Flapping));
            }
        }
        faults
    }

    /// Records a call and makes it, with its faults.
    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        self.record(operation);
        let unavailable = |applied| Err(BackendError::new(BackendErrorKind::Unavailable, applied));
        for fault in self.faults(operation) {
            match fault {
                Fault::Down | Fault::Flapping => return unavailable(Applied::No),
                Fault::Slow(time) => tokio::time::sleep(time).await,
                Fault::LostRequest => return unavailable(Applied::Maybe),
                Fault::LostReply => return call.await.and_then(|_| unavailable(Applied::Maybe)),
                Fault::Hangs => return pending().await,
                Fault::NeverReplies => {
                    call.await?;
                    return pending().await;
                }
                Fault::Corrupt => return Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No)),
                Fault::Overtaken(by) => by(),
                Fault::KeyInUse | Fault::HalfWay => {}
            }
        }
        call.await
    }
}
