//! Faults of a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A fault of a call.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The call fails as if the store were down, and is not applied.
    Down,
    /// The call is applied after this time.
    Slow(Duration),
    /// The call is not applied, and the error says that it may have been.
    LostRequest,
    /// The call is applied, and the error says that it may have been.
    LostReply,
    /// The call is not applied, and never returns.
    Hangs,
    /// The call is applied, and never returns.
    NeverReplies,
    /// Every other call fails like [`Down`](Self::Down), beginning with the first.
    Flapping,
    /// The stored value is unreadable.
    Corrupt,
    /// A `create` returns that its key is in use. Other calls are applied.
    KeyInUse,
    /// A `rotate` stores the session under its new key and does not remove the old one. The error says that it may have
    /// been applied. Other calls are applied.
    HalfWay,
    /// Another writer runs this function just before the call is applied.
    Overtaken(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// Returns `true` if the caller waits.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::Hangs | Self::NeverReplies)
    }
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
            Self::KeyInUse => "KeyInUse",
            Self::HalfWay => "HalfWay",
            Self::Overtaken(_) => "Overtaken",
        })
    }
}
