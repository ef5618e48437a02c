//! The calls of a store.

/// A call of a store, named after its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`AtomicBackend::fetch`](session_core::AtomicBackend::fetch).
    Fetch,
    /// [`AtomicBackend::create`](session_core::AtomicBackend::create).
    Create,
    /// [`AtomicBackend::replace`](session_core::AtomicBackend::replace).
    Replace,
    /// [`AtomicBackend::remove`](session_core::AtomicBackend::remove).
    Remove,
    /// [`AtomicBackend::touch`](session_core::AtomicBackend::touch).
    Touch,
    /// [`AtomicBackend::rotate`](session_core::AtomicBackend::rotate).
    Rotate,
    /// [`AtomicBackend::marker`](session_core::AtomicBackend::marker).
    Marker,
    /// [`UserIndex::sessions`](session_core::UserIndex::sessions).
    Sessions,
    /// [`UserIndex::count`](session_core::UserIndex::count).
    Count,
    /// A call of [`UserEpochs`](session_core::UserEpochs).
    Epoch,
    /// [`SessionScan::page`](session_core::SessionScan::page).
    Scan,
    /// [`ISessionBackend::get`](session_core::ISessionBackend::get).
    Get,
    /// [`ISessionBackend::set`](session_core::ISessionBackend::set).
    Set,
    /// [`ISessionBackend::delete`](session_core::ISessionBackend::delete).
    Delete,
    /// Every call, for [`Probe::fail`](crate::Probe::fail).
    All,
}

impl Operation {
    /// Returns `true` if a fault of this operation applies to the call.
    pub(super) fn includes(self, call: Self) -> bool {
        self == Self::All || self == call
    }
}
