//! The contract between the session manager and a session store.
//!
//! Three methods make a working store: [`ISessionBackend`]. A store that can compare and set implements
//! [`AtomicBackend`] instead. Two promises then hold for all processes that use the store: no update is lost, and a
//! logout is final. With an [`ISessionBackend`] the manager keeps them only within its own process.

mod atomic;
mod call;
pub(crate) mod deadline;
mod error;
mod memory;
#[cfg(feature = "metrics")]
mod metered;
mod reply;
mod session_scan;
mod simple;
mod single_process;
mod store;
mod user_epochs;
mod user_index;
mod version;

pub use atomic::AtomicBackend;
pub use call::{Create, Remove, Replace, Rotate, Touch};
pub(crate) use error::write_with_causes;
pub use error::{Applied, BackendError, BackendErrorKind};
pub use memory::{MemoryBackend, MemoryBackendBuilder};
pub use reply::{MARKER_LIFETIME, Marker, StoreFuture, Stored, WriteOutcome};
pub use session_scan::{ScanCursor, ScanPage, SessionScan};
pub use simple::ISessionBackend;
pub use store::Backend;
pub use user_epochs::UserEpochs;
pub use user_index::{IndexedSession, UserIndex};
pub use version::Version;

#[cfg(feature = "metrics")]
pub(crate) use metered::metered;
pub(crate) use store::Store;
