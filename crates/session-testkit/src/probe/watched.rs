//! The backends that a probe watches.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, Backend, BackendError, BackendErrorKind, CodecRefusal, Create, ISessionBackend,
    IndexedSession, Marker, Remove, Replace, Rotate, ScanCursor, ScanPage, SessionCodec, SessionMap, SessionScan,
    StoreFuture, Stored, Touch, UserEpochs, UserIndex, WriteOutcome, async_trait,
};

use super::{Fault, Operation, Probe};

/// A backend that a [`Probe`] watches.
#[derive(Clone)]
pub struct Watched<B> {
    backend: B,
    probe: Probe,
}

/// A backend with three methods that a [`Probe`] watches.
#[derive(Clone)]
pub struct WatchedSimple<B> {
    backend: B,
    probe: Probe,
}

impl<B: AtomicBackend> Watched<B> {
    pub(super) fn new(backend: B, probe: Probe) -> Self {
        Self { backend, probe }
    }

    /// Returns the probe.
    #[must_use]
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Returns the backend itself, whose calls are not recorded.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.backend
    }

    /// Makes a call. Without faults, a backend that answers at once still does so.
    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        call: impl FnOnce(&'a B) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        if self.answers_at_once() {
            self.probe.record(operation);
            return call(&self.backend);
        }
        StoreFuture::pending(self.probe.call(operation, async { call(&self.backend).await }))
    }
}

impl<B: AtomicBackend> AtomicBackend for Watched<B> {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        self.call(Operation::Fetch, move |backend| backend.fetch(key))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.probe.has_fault(Operation::Create, |fault| matches!(fault, Fault::KeyInUse)) {
            return self.call(Operation::Create, |_| StoreFuture::ready(Ok(WriteOutcome::Conflict(None))));
        }
        self.call(Operation::Create, move |backend| backend.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.call(Operation::Replace, move |backend| backend.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        self.call(Operation::Remove, move |backend| backend.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        self.call(Operation::Touch, move |backend| backend.touch(touch))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        if self.probe.has_fault(Operation::Rotate, |fault| matches!(fault, Fault::HalfWay)) {
            return self.call(Operation::Rotate, move |backend| StoreFuture::pending(half_way(backend, rotate)));
        }
        self.call(Operation::Rotate, move |backend| backend.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.call(Operation::Marker, move |backend| backend.marker(key))
    }

    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.backend.follow_deadline(deadline);
    }

    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Arc<dyn AtomicBackend>, CodecRefusal> {
        let backend = self.backend.with_codec(codec)?;
        Ok(Arc::new(Watched { backend, probe: self.probe.clone() }))
    }

    fn call_timeout(&self) -> Option<Duration> {
        self.backend.call_timeout().filter(|_| !self.probe.waits())
    }

    fn answers_at_once(&self) -> bool {
        self.backend.answers_at_once() && self.probe.is_healthy()
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        self.backend.user_index().is_some().then_some(self as _)
    }

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        self.backend.user_epochs().is_some().then_some(self as _)
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        self.backend.session_scan().is_some().then_some(self as _)
    }
}

/// The scan of a backend that has one.
impl<B: AtomicBackend> SessionScan for Watched<B> {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        self.call(Operation::Scan, move |backend| match backend.session_scan() {
            Some(scan) => scan.page(key_prefix, after),
            None => StoreFuture::ready(Ok(ScanPage::new(Vec::new(), None))),
        })
    }
}

/// The index of a backend that has one.
impl<B: AtomicBackend> UserIndex for Watched<B> {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        self.call(Operation::Sessions, move |backend| match backend.user_index() {
            Some(index) => index.sessions(user),
            None => StoreFuture::ready(Ok(Vec::new())),
        })
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        self.call(Operation::Count, move |backend| match backend.user_index() {
            Some(index) => index.count(key_prefix),
            None => StoreFuture::ready(Ok(0)),
        })
    }
}

/// The epochs of a backend that has some.
impl<B: AtomicBackend> UserEpochs for Watched<B> {
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64> {
        self.call(Operation::Epoch, move |backend| match backend.user_epochs() {
            Some(epochs) => epochs.join(user, candidate, ttl),
            None => StoreFuture::ready(Ok(candidate)),
        })
    }

    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>> {
        self.call(Operation::Epoch, move |backend| match backend.user_epochs() {
            Some(epochs) => epochs.current(user, ttl),
            None => StoreFuture::ready(Ok(None)),
        })
    }

    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()> {
        self.call(Operation::Epoch, move |backend| match backend.user_epochs() {
            Some(epochs) => epochs.end(user),
            None => StoreFuture::ready(Ok(())),
        })
    }
}

/// Stores the session under its new key only.
async fn half_way(backend: &impl AtomicBackend, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
    backend.create(Create::new(rotate.new, rotate.session, rotate.ttl).of_user(rotate.user)).await?;
    Err(BackendError::new(BackendErrorKind::Timeout, Applied::Maybe))
}

impl<B: AtomicBackend> From<Watched<B>> for Backend {
    fn from(watched: Watched<B>) -> Self {
        Self::atomic(watched)
    }
}

impl<B: ISessionBackend> WatchedSimple<B> {
    pub(super) fn new(backend: B, probe: Probe) -> Self {
        Self { backend, probe }
    }

    /// Returns the probe.
    #[must_use]
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Returns the backend itself, whose calls are not recorded.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.backend
    }
}

#[async_trait]
impl<B: ISessionBackend> ISessionBackend for WatchedSimple<B> {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        self.probe.call(Operation::Get, self.backend.get(key)).await
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        self.probe.call(Operation::Set, self.backend.set(key, session, ttl)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.probe.call(Operation::Delete, self.backend.delete(key)).await
    }
}

impl<B> fmt::Debug for Watched<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for WatchedSimple<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSimple").finish_non_exhaustive()
    }
}
