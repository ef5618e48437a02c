//! The commands that are sent to a node, and its replies.

/// A command on one key.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    /// `mg`: the value with its version.
    Get,
    /// `mg` with a new expiry. It returns the value, because only the value distinguishes a session from a tombstone.
    Touch { expiry: u64 },
    /// `ms`.
    Set { value: &'a [u8], flags: u32, expiry: u64, mode: Mode },
    /// `ma` that adds zero: it returns the number under the key and extends its expiry. A key without an item gets this
    /// number.
    GetOrAdd { number: u64, expiry: u64 },
    /// `md`, at a version or at any.
    Delete { version: Option<u64> },
}

/// The condition under which a value is stored.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// The key has no item.
    Add,
    /// The key has an item of this version.
    At(u64),
}

impl Command<'_> {
    /// Returns the name of the command, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Touch { .. } => "touch",
            Self::Set { .. } => "set",
            Self::GetOrAdd { .. } => "get or add",
            Self::Delete { .. } => "delete",
        }
    }

    /// Returns `true` if the command changes nothing.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Get)
    }

    /// Returns `true` if the command can be sent again after its reply was lost, because sending it twice has the same
    /// effect.
    pub(crate) fn is_idempotent(&self) -> bool {
        !matches!(self, Self::Set { .. } | Self::GetOrAdd { .. })
    }
}

/// A reply that was read completely and belongs to the call.
pub(crate) enum Reply {
    Found {
        value: Vec<u8>,
        flags: u32,
        version: u64,
    },
    Stored {
        version: u64,
    },
    Number(u64),
    Deleted,
    /// The key has no item.
    Absent,
    /// The key has an item already.
    Exists,
    /// The item has another version.
    Changed,
}
