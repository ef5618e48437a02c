//! The errors of a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::error::{Error as FredError, ErrorKind};
use session_core::{Applied, BackendError, BackendErrorKind};

use crate::address::Address;
use crate::cause::{self, Cause, Meaning};

/// The reason why a call has no result: a failure for the caller, or a hint to the right server.
#[derive(Debug)]
pub(crate) enum CallError {
    /// Another server of the Cluster owns the slot.
    Moved(Address),
    /// Another server of the Cluster is taking the slot over, and may already have the key.
    Ask(Address),
    /// The keys of the call are on two servers, because their slot is moving.
    TryAgain,
    /// The server does not know the script.
    NoScript,
    Failed(Box<Failure>),
    /// The stored value is not a session.
    Unreadable(BackendError),
}

/// A failure of a server, or of the connection to it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: BackendErrorKind,
    applied: Applied,
    cause: Cause,
    wrong_server: bool,
    server: Option<Arc<str>>,
}

impl CallError {
    pub(crate) fn new(kind: BackendErrorKind, applied: Applied, cause: impl Into<Cause>) -> Self {
        Failure { kind, applied, ..Failure::unavailable(cause) }.into()
    }

    /// Makes the error of a call that was not sent.
    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Failure::unavailable(cause).into()
    }

    /// Adds the server that failed, and the timeout if it has passed.
    pub(crate) fn at(self, server: &Arc<str>, timeout: Duration) -> Self {
        let Self::Failed(mut failure) = self else { return self };
        failure.server = Some(server.clone());
        if failure.kind == BackendErrorKind::Timeout {
            failure.cause = no_reply_within(timeout).into();
        }
        Self::Failed(failure)
    }

    /// Replaces the effect that the call may have had, because the error belongs to one of its steps.
    pub(crate) fn with_applied(self, applied: Applied) -> Self {
        match self {
            Self::Failed(failure) => Failure { applied, ..*failure }.into(),
            other => Self::new(other.kind(), applied, other.to_string()),
        }
    }

    /// Returns the failure of the server, if it is one.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns `true` if the server did not answer, or answered that it can't serve now.
    pub(crate) fn is_outage(&self) -> bool {
        self.failure().is_some_and(Failure::is_outage)
    }

    pub(crate) fn kind(&self) -> BackendErrorKind {
        match self {
            Self::Failed(failure) => failure.kind,
            Self::Unreadable(error) => error.kind(),
            _ => BackendErrorKind::Unavailable,
        }
    }

    /// Returns `true` if the connection ended before the answer came.
    pub(crate) fn is_lost_connection(&self) -> bool {
        self.kind() == BackendErrorKind::Unavailable && self.may_be_applied()
    }

    /// Returns `true` if the server may have applied the call.
    pub(crate) fn may_be_applied(&self) -> bool {
        self.failure().is_some_and(|failure| failure.applied == Applied::Maybe)
    }

    /// Returns `true` if another server has to be asked.
    pub(crate) fn is_wrong_server(&self) -> bool {
        self.failure().is_some_and(|failure| failure.wrong_server)
    }

    fn of_client(error: &FredError, applied: Applied) -> Self {
        use BackendErrorKind::{Other, Timeout, Unavailable};

        let details = error.details();
        // An error that a server answered with has one of these kinds, and the server's own text.
        let may_be_reply = matches!(
            error.kind(),
            ErrorKind::Unknown
                | ErrorKind::Auth
                | ErrorKind::Cluster
                | ErrorKind::Config
                | ErrorKind::InvalidArgument
                | ErrorKind::Sentinel
        );
        if let Some(code) = cause::code(details).filter(|_| may_be_reply) {
            return Self::of_reply(code, details);
        }
        let (kind, applied) = match error.kind() {
            ErrorKind::Timeout => (Timeout, applied),
            ErrorKind::Backpressure => return Self::unavailable("too many calls wait for the connection"),
            // The client took the command back from its queue.
            ErrorKind::Canceled if details == "Canceled." => (Unavailable, Applied::No),
            ErrorKind::Protocol | ErrorKind::Parse | ErrorKind::NotFound => (Other, applied),
            ErrorKind::Config | ErrorKind::Url | ErrorKind::InvalidCommand | ErrorKind::InvalidArgument => {
                (Other, applied)
            }
            _ => (Unavailable, applied),
        };
        let cause = cause::of_connection(details).unwrap_or_else(|| error.kind().to_str().to_ascii_lowercase().into());
        Self::new(kind, applied, cause)
    }

    /// Reads an error reply of a server. The server has not applied the call, because our scripts fail only before
    /// their first write.
    fn of_reply(code: &str, text: &str) -> Self {
        let redirection = || text.split(' ').nth(2).and_then(Address::parse);
        match code {
            "NOSCRIPT" => return Self::NoScript,
            "TRYAGAIN" => return Self::TryAgain,
            "MOVED" | "ASK" => match redirection() {
                Some(to) if code == "ASK" => return Self::Ask(to),
                Some(to) => return Self::Moved(to),
                None => {}
            },
            _ => {}
        }
        let Meaning { kind, cause, wrong_server } = cause::of_reply(code, text);
        Failure { kind, wrong_server, ..Failure::unavailable(cause) }.into()
    }
}

impl Failure {
    /// Makes the failure of a server that can't be reached.
    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        let (kind, applied) = (BackendErrorKind::Unavailable, Applied::No);
        Self { kind, applied, cause: cause.into(), wrong_server: false, server: None }
    }

    /// Makes the failure of a connection that could not be made.
    pub(crate) fn of_connecting(error: &FredError, timeout: Duration) -> Self {
        match CallError::of_client(error, Applied::No) {
            CallError::Failed(failure) if failure.kind != BackendErrorKind::Timeout => Self::unavailable(failure.cause),
            _ => Self::unavailable(no_connection_within(timeout)),
        }
    }

    pub(crate) fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }

    pub(crate) fn is_outage(&self) -> bool {
        matches!(self.kind, BackendErrorKind::Unavailable | BackendErrorKind::Timeout)
    }
}

pub(crate) fn no_reply_within(timeout: Duration) -> String {
    format!("no reply within {timeout:?}, the `timeout` of the backend")
}

pub(crate) fn no_connection_within(timeout: Duration) -> String {
    format!("no connection within {timeout:?}, the `timeout` of the backend")
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<FredError> for CallError {
    fn from(error: FredError) -> Self {
        Self::of_client(&error, Applied::Maybe)
    }
}

impl From<BackendError> for CallError {
    fn from(error: BackendError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<CallError> for BackendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreadable(error) => error,
            CallError::Failed(failure) => Self::new(failure.kind, failure.applied).with_source(failure),
            hint => Self::new(hint.kind(), Applied::No).with_source(hint.to_string()),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
            Self::Moved(_) | Self::Ask(_) => {
                f.write_str("redis: the server belongs to a Cluster, use a redis-cluster url (MOVED)")
            }
            Self::TryAgain => f.write_str("redis: the keys are moving to another server of the Cluster (TRYAGAIN)"),
            Self::NoScript => f.write_str("redis: the server forgot a script while it was called (NOSCRIPT)"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "redis at {server}: {}", self.cause),
            None => write!(f, "redis: {}", self.cause),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind, details: &str) -> (BackendErrorKind, Applied) {
        match CallError::from(FredError::new(kind, details.to_owned())) {
            CallError::Failed(failure) => (failure.kind, failure.applied),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_of_a_server_are_not_applied_and_lost_replies_may_be() {
        use BackendErrorKind::{Corrupt, Other, Refused, Timeout, Unavailable};
        let server = |text: &str| of(ErrorKind::Unknown, text);
        assert_eq!(server("OOM command not allowed when used memory > 'maxmemory'."), (Refused, Applied::No));
        assert_eq!(server("READONLY You can't write against a read only replica."), (Refused, Applied::No));
        let in_script = "ERR Error running script (call to f_0): @user_script:4: @user_script: 4: ";
        for refusal in [
            "-OOM command not allowed when used memory > 'maxmemory'.",
            "-READONLY You can't write against a read only replica.",
            "-MISCONF Redis is configured to save RDB snapshots",
        ] {
            assert_eq!(server(&[in_script, refusal].concat()), (Refused, Applied::No), "{refusal}");
        }
        assert_eq!(server("LOADING Redis is loading the dataset in memory"), (Unavailable, Applied::No));
        assert_eq!(server("ERR unknown command"), (Other, Applied::No));
        assert_eq!(of(ErrorKind::InvalidArgument, "WRONGTYPE Operation against a key"), (Corrupt, Applied::No));
        assert_eq!(of(ErrorKind::Auth, "NOAUTH Authentication required."), (Unavailable, Applied::No));
        assert_eq!(of(ErrorKind::Timeout, "Request timed out."), (Timeout, Applied::Maybe));
        assert_eq!(of(ErrorKind::IO, "Connection closed"), (Unavailable, Applied::Maybe));
        assert_eq!(of(ErrorKind::Canceled, "Canceled."), (Unavailable, Applied::No));
        assert_eq!(of(ErrorKind::Canceled, "oneshot canceled"), (Unavailable, Applied::Maybe));
        assert_eq!(of(ErrorKind::Unknown, "Failed to route command."), (Unavailable, Applied::Maybe));
    }

    #[test]
    fn a_failure_is_the_source_of_the_error_with_the_name_of_the_server() {
        let error = CallError::unavailable("connection refused").at(&"host:6379".into(), Duration::ZERO);
        let source = std::error::Error::source(&BackendError::from(error)).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("redis at host:6379: connection refused"));
    }

    #[test]
    fn redirections_name_the_server_to_ask() {
        let moved = CallError::from(FredError::new(ErrorKind::Cluster, "MOVED 3999 127.0.0.1:6381"));
        assert!(matches!(moved, CallError::Moved(to) if to == Address::new("127.0.0.1", 6381)));
        let ask = CallError::from(FredError::new(ErrorKind::Cluster, "ASK 3999 ::1:6381"));
        assert!(matches!(ask, CallError::Ask(to) if to == Address::new("::1", 6381)));
    }
}
