//! The store of a configuration.

use std::fmt;
use std::sync::Arc;

use super::atomic::AtomicBackend;
use super::memory::MemoryBackend;
use super::simple::ISessionBackend;
use super::single_process::SingleProcess;
use crate::clock::Clock;
use crate::codec::{CodecRefusal, SessionCodec};

/// A backend of either kind, as [`SessionConfigBuilder::backend`](crate::SessionConfigBuilder::backend) takes it.
///
/// Every [`ISessionBackend`] converts into it, and so do the atomic backends of this project. Clones share the backend.
///
/// ```
/// use session_core::{Backend, MemoryBackend};
///
/// // A backend that is chosen at run time.
/// let in_memory = true;
/// let backend: Option<Backend> = in_memory.then(|| MemoryBackend::new().into());
/// ```
#[derive(Clone)]
pub struct Backend(Kind);

#[derive(Clone)]
enum Kind {
    Simple(Arc<dyn ISessionBackend>),
    Atomic(Arc<dyn AtomicBackend>),
}

impl Backend {
    /// Wraps a store that can get, set and delete.
    #[must_use]
    pub fn simple(backend: impl ISessionBackend) -> Self {
        Self(Kind::Simple(Arc::new(backend)))
    }

    /// Wraps a store with compare-and-set.
    #[must_use]
    pub fn atomic(backend: impl AtomicBackend) -> Self {
        Self(Kind::Atomic(Arc::new(backend)))
    }

    /// Returns `true` if the backend was made by [`atomic`](Self::atomic).
    #[must_use]
    pub fn is_atomic(&self) -> bool {
        matches!(self.0, Kind::Atomic(_))
    }
}

impl<B: ISessionBackend> From<B> for Backend {
    fn from(backend: B) -> Self {
        Self::simple(backend)
    }
}

impl From<MemoryBackend> for Backend {
    fn from(backend: MemoryBackend) -> Self {
        Self::atomic(backend)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_atomic() { "Backend::atomic(..)" } else { "Backend::simple(..)" })
    }
}

/// The atomic calls of a backend: its own, or those that [`SingleProcess`] builds from the three methods.
///
/// Clones share the locks of `SingleProcess`, so that the promises hold between all managers of one configuration.
pub(crate) type Store = Arc<dyn AtomicBackend>;

impl Backend {
    /// Returns the backend with the codec of a format.
    pub(crate) fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Self, CodecRefusal> {
        match &self.0 {
            Kind::Atomic(backend) => backend.with_codec(codec).map(|backend| Self(Kind::Atomic(backend))),
            Kind::Simple(_) => Err(CodecRefusal::OwnForm),
        }
    }

    /// Returns the atomic calls of the backend. Warns in the log if it has none of its own.
    pub(crate) fn into_store(self, clock: Arc<dyn Clock>) -> Store {
        match self.0 {
            Kind::Atomic(backend) => backend,
            Kind::Simple(backend) => {
                tracing::warn!("session backend is not atomic: updates and logouts are safe within this process only");
                Arc::new(SingleProcess::new(backend, clock))
            }
        }
    }
}
