//! What is asked of a node, and what it answers.

/// A command on one key.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    /// `mg`: the value with its version.
    Get,
    /// `mg` with a new expiry. The value comes along, since only it tells a session from a tombstone.
    Touch { expiry: u64 },
    /// `ms`.
    Set { value: &'a [u8], flags: u32, expiry: u64, mode: Mode },
    /// `md`, at a version.
    Delete { version: u64 },
}

/// When to store a value.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// If there is none.
    Add,
    /// If there is one of this version.
    At(u64),
}

impl Command<'_> {
    /// Whether it leaves everything as it is, so that it may be sent again.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Get)
    }
}

/// An answer that was read completely and belongs to the call.
pub(crate) enum Reply {
    Found {
        value: Vec<u8>,
        flags: u32,
        version: u64,
    },
    Stored {
        version: u64,
    },
    Deleted,
    /// There is no such item.
    Absent,
    /// There is an item already.
    Exists,
    /// The item has another version.
    Changed,
}
