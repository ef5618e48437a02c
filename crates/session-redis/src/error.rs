//! What can be wrong with a configuration or a server.

use std::fmt;

use fred::error::{Error as FredError, ErrorKind};
use session_core::{Applied, BackendError, BackendErrorKind};

use crate::address::Address;

/// Why a [`RedisBackend`](crate::RedisBackend) can't be made. Quotes nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// The URL is malformed, or its scheme is none that is known.
    #[error("the url of redis is malformed, or its scheme is unknown")]
    Url,
    /// The URL asks for TLS, and this crate was compiled without it.
    #[error("the url of redis asks for tls: enable the feature `tls` of session-redis")]
    TlsNotCompiled,
    /// The URL asks for TLS, and there is no root certificate to trust.
    #[error("no usable root certificates for tls")]
    Certificates,
}

/// Why a call has no result: what the backend's user gets to see, or what concerns only the way to the right server.
#[derive(Debug)]
pub(crate) enum CallError {
    /// Another server of the Cluster owns the slot.
    Moved(Address),
    /// Another server of the Cluster is just taking the slot over, and may have the key already.
    Ask(Address),
    /// The keys of the call are on two servers, since their slot is just moving.
    TryAgain,
    /// The server does not know the script.
    NoScript,
    Backend(BackendError),
}

impl CallError {
    pub(crate) fn new(kind: BackendErrorKind, applied: Applied) -> Self {
        Self::Backend(BackendError::new(kind, applied))
    }

    /// The server could not be asked.
    pub(crate) fn unavailable() -> Self {
        Self::new(BackendErrorKind::Unavailable, Applied::No)
    }

    /// Whether the server gave no answer, or one that says that it can't serve now.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Backend(error) => {
                matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout)
            }
            _ => false,
        }
    }

    /// What the backend's user gets to see of it.
    pub(crate) fn kind(&self) -> BackendErrorKind {
        match self {
            Self::Backend(error) => error.kind(),
            _ => BackendErrorKind::Unavailable,
        }
    }

    /// Whether the connection ended before the answer came.
    pub(crate) fn is_lost_connection(&self) -> bool {
        self.kind() == BackendErrorKind::Unavailable && self.may_be_applied()
    }

    /// Whether the call may have been carried out.
    pub(crate) fn may_be_applied(&self) -> bool {
        matches!(self, Self::Backend(error) if error.applied() == Applied::Maybe)
    }
}

impl From<BackendError> for CallError {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

/// The redirections of a Cluster end here: whoever could follow them has done so.
impl From<CallError> for BackendError {
    fn from(failure: CallError) -> Self {
        match failure {
            CallError::Backend(error) => error,
            CallError::Moved(_) | CallError::Ask(_) | CallError::TryAgain => {
                Self::new(BackendErrorKind::Unavailable, Applied::No).with_source(Cause::new("a moving cluster slot"))
            }
            CallError::NoScript => Self::new(BackendErrorKind::Other, Applied::No).with_source(Cause::new("NOSCRIPT")),
        }
    }
}

impl From<FredError> for CallError {
    fn from(error: FredError) -> Self {
        use BackendErrorKind::{Other, Timeout, Unavailable};

        // What servers answer comes with one of these kinds, and with the server's own text.
        let may_be_reply = matches!(
            error.kind(),
            ErrorKind::Unknown | ErrorKind::Auth | ErrorKind::Cluster | ErrorKind::InvalidArgument
        );
        if let Some(code) = code(error.details()).filter(|_| may_be_reply) {
            return of_reply(code, error.details());
        }
        let kind = match error.kind() {
            ErrorKind::Timeout => Timeout,
            ErrorKind::Backpressure => return Self::caused(Unavailable, Applied::No, "a full queue"),
            ErrorKind::Protocol | ErrorKind::Parse | ErrorKind::NotFound => Other,
            ErrorKind::Config | ErrorKind::Url | ErrorKind::InvalidCommand | ErrorKind::InvalidArgument => Other,
            _ => Unavailable,
        };
        Self::caused(kind, Applied::Maybe, error.kind().to_str())
    }
}

impl CallError {
    fn caused(kind: BackendErrorKind, applied: Applied, cause: &str) -> Self {
        Self::Backend(BackendError::new(kind, applied).with_source(Cause::new(cause)))
    }
}

/// The word in capitals that a server's error begins with.
fn code(text: &str) -> Option<&str> {
    let word = text.split(' ').next()?;
    let in_capitals = !word.is_empty() && word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    in_capitals.then_some(word)
}

/// A server that answers with an error has not carried the call out. Our scripts can fail only before their first write.
fn of_reply(code: &str, text: &str) -> CallError {
    use BackendErrorKind::{Corrupt, Other, Refused, Unavailable};

    let kind = match code {
        "NOSCRIPT" => return CallError::NoScript,
        "TRYAGAIN" => return CallError::TryAgain,
        "MOVED" | "ASK" => match text.split(' ').nth(2).and_then(Address::parse) {
            Some(to) if code == "ASK" => return CallError::Ask(to),
            Some(to) => return CallError::Moved(to),
            None => Unavailable,
        },
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "BUSY" | "NOAUTH" | "WRONGPASS" => Unavailable,
        "OOM" | "READONLY" | "MISCONF" | "NOREPLICAS" | "NOPERM" => Refused,
        // Somebody keeps something else under the key of a session.
        "WRONGTYPE" => Corrupt,
        // Redis wraps what a command in a script says, up to version 6 with a text of its own in front.
        _ if text.contains("OOM command not allowed") => Refused,
        _ if text.contains("READONLY You can't write") => Refused,
        _ if text.contains("MISCONF Redis is configured") => Refused,
        _ => Other,
    };
    CallError::caused(kind, Applied::No, code)
}

/// What is told of a cause: the kind of a client's error or the code of a server's. Their texts may quote keys and data.
#[derive(Debug)]
struct Cause(Box<str>);

impl Cause {
    fn new(cause: &str) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}", self.0)
    }
}

impl std::error::Error for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind, details: &str) -> (BackendErrorKind, Applied) {
        match CallError::from(FredError::new(kind, details.to_owned())) {
            CallError::Backend(error) => (error.kind(), error.applied()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_of_a_server_are_not_applied_and_lost_answers_may_be() {
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
        assert_eq!(of(ErrorKind::Unknown, "Failed to route command."), (Unavailable, Applied::Maybe));
    }

    #[test]
    fn redirections_name_the_server_to_ask() {
        let moved = CallError::from(FredError::new(ErrorKind::Cluster, "MOVED 3999 127.0.0.1:6381"));
        assert!(matches!(moved, CallError::Moved(to) if to == Address::new("127.0.0.1", 6381)));
        let ask = CallError::from(FredError::new(ErrorKind::Cluster, "ASK 3999 ::1:6381"));
        assert!(matches!(ask, CallError::Ask(to) if to == Address::new("::1", 6381)));
    }

    #[test]
    fn what_is_printed_of_an_error_quotes_nothing() {
        let text = "ERR unknown command, with args beginning with: 'session:secret'";
        let error = BackendError::from(CallError::from(FredError::new(ErrorKind::Unknown, text)));
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("redis: ERR"));
    }
}
