//! The errors of a configuration and of a call.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Applied, BackendError, BackendErrorKind};

/// A reason why a [`MemcacheBackend`](crate::MemcacheBackend) can't be made.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemcacheConfigError {
    /// The list of nodes is empty.
    #[error("no memcached node is given")]
    NoNodes,
    /// An address can't be used.
    #[error("{given:?} is not an address of a memcached node: {problem}")]
    Address {
        /// The address.
        given: String,
        /// The reason.
        problem: String,
    },
    /// Two addresses are the same.
    #[error("the memcached node {given:?} is given twice")]
    DuplicateNode {
        /// The second one, as it was given.
        given: String,
    },
    /// `user_epochs(true)` and `on_node_down(OnNodeDown::NextNode)` were combined. A node that answers again could
    /// still have an epoch that was ended on the next node.
    #[error("user epochs need OnNodeDown::Fail, because the next node does not know which epochs were ended")]
    EpochsOnNextNode,
    /// A limit is zero.
    #[error("{name} must not be zero")]
    Zero {
        /// The name of the setter.
        name: &'static str,
    },
}

/// Prints the sentence, because `fn main() -> Result<(), MemcacheConfigError>` prints `Debug`.
impl fmt::Debug for MemcacheConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The failure of a call. It quotes no keys, no data and no text of a server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("calls fail fast until the node answers; the last failure was: {0}")]
    FailingFast(String),
    #[error("no free connection within {0:?}, the `timeout` of the backend: its `connections_per_node` are all in use")]
    NoFreeConnection(Duration),
    #[error("the name of the host has no IPv4 address, and IPv6 is not supported")]
    NoAddress,
    #[error("the name of the host can't be resolved")]
    NotResolved(#[source] io::Error),
    #[error("can't connect to {0}")]
    NotConnected(String, #[source] io::Error),
    #[error("no connection within {0:?}, the `timeout` of the backend")]
    NoConnection(Duration),
    #[error("no reply within {0:?}, the `timeout` of the backend")]
    NoReply(Duration),
    #[error("the runtime of the call was blocked for longer than {0:?}, the `timeout` of the backend")]
    Blocked(Duration),
    #[error("the node closed the connection")]
    Lost(#[source] io::Error),
    #[error("the node closed a connection that was idle")]
    Stale(#[source] io::Error),
    #[error("the node sent a reply that does not belong to the call")]
    WrongReply,
    #[error("the node requires a password, which is not supported (memcached -Y)")]
    AsksForPassword,
    #[error("the node does not support meta commands or keys in replies: memcached 1.6.18 or later is needed")]
    TooOld,
    #[error("the node does not compare versions (memcached -C)")]
    NoVersions,
    #[error("the node does not accept items of this size (memcached -I), and has dropped the stored one")]
    TooLarge,
    #[error("the stored item is not a number")]
    NotANumber,
    #[error("the node refused the command: it is out of memory, or does not permit it")]
    Refused,
}

impl CallError {
    /// Returns `true` if the node can't be reached, or has closed a connection that was just made.
    ///
    /// A lost connection that was idle in the pool does not count, because the node may have been restarted, or may
    /// close idle connections.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::NoAddress | Self::NotResolved(_) | Self::NotConnected(..) | Self::Lost(_))
    }

    /// Returns `true` if the error tells nothing about the node, or only that it may be slow.
    pub(crate) fn is_undecided(&self) -> bool {
        self.kind() == BackendErrorKind::Timeout || matches!(self, Self::Stale(_))
    }

    /// Returns `true` if the node refused this call, but may accept others.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind() == BackendErrorKind::Refused || matches!(self, Self::TooLarge | Self::NotANumber)
    }

    /// Returns the error in one line, with its cause.
    pub(crate) fn in_full(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    fn kind(&self) -> BackendErrorKind {
        match self {
            Self::NoFreeConnection(_) | Self::NoConnection(_) | Self::NoReply(_) | Self::Blocked(_) => {
                BackendErrorKind::Timeout
            }
            Self::AsksForPassword | Self::TooOld | Self::NoVersions | Self::Refused => BackendErrorKind::Refused,
            Self::TooLarge => BackendErrorKind::TooLarge,
            Self::NotANumber => BackendErrorKind::Corrupt,
            _ => BackendErrorKind::Unavailable,
        }
    }

    /// Returns `true` if a command that was sent may have been applied.
    fn may_have_applied(&self) -> bool {
        matches!(
            self,
            Self::NoReply(_)
                | Self::Blocked(_)
                | Self::Lost(_)
                | Self::Stale(_)
                | Self::WrongReply
                | Self::TooOld
                | Self::NoVersions
        )
    }

    /// Converts into a backend's error. `sent` tells whether a command that writes was sent.
    pub(crate) fn into_error(self, node: &Arc<str>, sent: bool) -> BackendError {
        let applied = if sent && self.may_have_applied() { Applied::Maybe } else { Applied::No };
        BackendError::new(self.kind(), applied).with_source(NodeError { node: node.clone(), error: self })
    }
}

/// The cause of an error, as an operator needs it.
#[derive(Debug)]
struct NodeError {
    node: Arc<str>,
    error: CallError,
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memcached at {}: {}", self.node, self.error)
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Arc<str> {
        "cache-1:11211".into()
    }

    #[test]
    fn only_a_write_without_a_reply_may_have_been_applied() {
        let lost = || CallError::Lost(io::ErrorKind::UnexpectedEof.into());
        let refused = || CallError::NotConnected("1.2.3.4:5".to_owned(), io::ErrorKind::ConnectionRefused.into());
        for (error, sent, applied) in [
            (lost(), true, Applied::Maybe),
            (lost(), false, Applied::No),
            (CallError::Stale(io::ErrorKind::UnexpectedEof.into()), true, Applied::Maybe),
            (CallError::NoReply(Duration::ZERO), true, Applied::Maybe),
            (CallError::NoReply(Duration::ZERO), false, Applied::No),
            (CallError::WrongReply, true, Applied::Maybe),
            (CallError::TooLarge, true, Applied::No),
            (CallError::Refused, true, Applied::No),
            (CallError::FailingFast(String::new()), false, Applied::No),
            (refused(), false, Applied::No),
        ] {
            let text = error.to_string();
            assert_eq!(error.into_error(&node(), sent).applied(), applied, "{text}");
        }
    }

    #[test]
    fn the_source_names_the_node_and_what_the_system_said() {
        let error = CallError::NotConnected("10.0.0.1:11211".to_owned(), io::Error::other("no route"));
        assert_eq!(error.in_full(), "can't connect to 10.0.0.1:11211: no route");
        let error = error.into_error(&node(), false);
        let source = error.source().expect("there is a cause");
        assert_eq!(source.to_string(), "memcached at cache-1:11211: can't connect to 10.0.0.1:11211");
        assert_eq!(source.source().map(ToString::to_string).as_deref(), Some("no route"));
    }
}
