//! The store of a configuration.

use std::sync::Arc;

use super::{AtomicBackend, ISessionBackend, SingleProcess};
use crate::Clock;

/// A backend by its atomic operations: its own, or those that are made of its three methods.
///
/// Clones share the locks of the latter: all managers of one configuration keep the promises together.
#[derive(Clone)]
pub(crate) enum Store {
    Atomic(Arc<dyn ISessionBackend>),
    SingleProcess(Arc<SingleProcess>),
}

impl Store {
    /// Warns in the log if the backend is not atomic.
    pub(crate) fn new(backend: Arc<dyn ISessionBackend>, clock: Arc<dyn Clock>) -> Self {
        if backend.atomic().is_some() {
            return Self::Atomic(backend);
        }
        tracing::warn!("session backend is not atomic: updates and logouts are safe within this process only");
        Self::SingleProcess(Arc::new(SingleProcess::new(backend, clock)))
    }

    /// None only if a backend has changed its mind.
    pub(crate) fn operations(&self) -> Option<&dyn AtomicBackend> {
        match self {
            Self::Atomic(backend) => backend.atomic(),
            Self::SingleProcess(backend) => Some(&**backend),
        }
    }
}
