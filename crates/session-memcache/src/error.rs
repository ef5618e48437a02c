//! What can be wrong with a configuration or a node.

use std::io;

use session_core::{Applied, BackendError, BackendErrorKind};

/// Why a [`MemcacheBackend`](crate::MemcacheBackend) can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemcacheConfigError {
    /// The list of nodes is empty.
    #[error("no memcached node is given")]
    NoNodes,
    /// An address can't be used.
    #[error("{given:?} is no address of a memcached node: {problem}")]
    Address {
        /// The address.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two addresses are the same.
    #[error("the memcached node {given:?} is given twice")]
    DuplicateNode {
        /// The second of them.
        given: String,
    },
    /// A limit is zero.
    #[error("{name} must not be zero")]
    Zero {
        /// The name of the setter.
        name: &'static str,
    },
}

/// Why a call failed. Quotes neither keys nor data, nor anything that a server said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("is down, and is tried again in a moment")]
    Down,
    #[error("has no free connection")]
    Busy,
    #[error("has a name without an IPv4 address")]
    NoAddress,
    #[error("can't be connected to")]
    Connect(#[source] io::Error),
    #[error("did not answer in time")]
    TimedOut,
    #[error("closed the connection")]
    Lost(#[source] io::Error),
    #[error("sent what is no reply to the call")]
    WrongReply,
    #[error("does not understand meta commands, or names no key in its replies: memcached 1.6.18 or later is needed")]
    TooOld,
    #[error("compares no versions (memcached -C)")]
    NoVersions,
    #[error("takes no items of this size (memcached -I), and has dropped the one that was there")]
    TooLarge,
    #[error("refused the command: out of memory, or not permitted")]
    Refused,
}

/// The cause of an error, as operators need it.
#[derive(Debug, thiserror::Error)]
#[error("memcached node {node} {fault}")]
struct NodeError {
    node: String,
    fault: CallError,
    #[source]
    cause: Option<io::Error>,
}

impl CallError {
    /// Whether it speaks for the node being down, rather than for a disagreement with it.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::NoAddress | Self::Connect(_) | Self::Lost(_))
    }

    /// The error of a backend; `sent` says whether a command that writes was on its way.
    pub(crate) fn into_error(self, node: String, sent: bool) -> BackendError {
        let (kind, settled) = match &self {
            Self::Down | Self::NoAddress | Self::Connect(_) => (BackendErrorKind::Unavailable, true),
            Self::Busy => (BackendErrorKind::Timeout, true),
            Self::TimedOut => (BackendErrorKind::Timeout, false),
            Self::Lost(_) | Self::WrongReply => (BackendErrorKind::Unavailable, false),
            Self::TooOld | Self::NoVersions => (BackendErrorKind::Refused, false),
            Self::TooLarge => (BackendErrorKind::TooLarge, true),
            Self::Refused => (BackendErrorKind::Refused, true),
        };
        let applied = if sent && !settled { Applied::Maybe } else { Applied::No };
        let (fault, cause) = match self {
            Self::Connect(cause) => (Self::Connect(cause.kind().into()), Some(cause)),
            Self::Lost(cause) => (Self::Lost(cause.kind().into()), Some(cause)),
            other => (other, None),
        };
        BackendError::new(kind, applied).with_source(NodeError { node, fault, cause })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn only_a_write_without_a_reply_may_have_been_applied() {
        let lost = || CallError::Lost(io::ErrorKind::UnexpectedEof.into());
        let refused = || CallError::Connect(io::ErrorKind::ConnectionRefused.into());
        for (fault, sent, applied) in [
            (lost(), true, Applied::Maybe),
            (lost(), false, Applied::No),
            (CallError::TimedOut, true, Applied::Maybe),
            (CallError::TimedOut, false, Applied::No),
            (CallError::WrongReply, true, Applied::Maybe),
            (CallError::TooLarge, true, Applied::No),
            (CallError::Refused, true, Applied::No),
            (CallError::Down, false, Applied::No),
            (refused(), false, Applied::No),
        ] {
            let text = fault.to_string();
            assert_eq!(fault.into_error("node".to_owned(), sent).applied(), applied, "{text}");
        }
    }

    #[test]
    fn the_source_names_the_node_and_what_the_system_said() {
        let fault = CallError::Connect(io::Error::other("no route"));
        let error = fault.into_error("cache-1:11211".to_owned(), false);
        let source = error.source().expect("there is a cause");
        assert_eq!(source.to_string(), "memcached node cache-1:11211 can't be connected to");
        assert_eq!(source.source().map(ToString::to_string).as_deref(), Some("no route"));
    }
}
