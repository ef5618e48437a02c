//! The reasons why a call fails.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Applied, BackendError, BackendErrorKind};

use crate::dialect::{Cause, Dialect, Meaning, Then};
use crate::request::Request;

/// A call that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: BackendErrorKind,
    pub(crate) applied: Applied,
    pub(crate) cause: Cause,
    pub(crate) then: Then,
    /// `true` if the connection can be used for other requests.
    pub(crate) connection_is_usable: bool,
    /// `true` if the database did not answer, or answered that it can't serve now.
    pub(crate) is_outage: bool,
    database: &'static str,
    server: Option<Arc<str>>,
}

impl Failure {
    pub(crate) fn new<D: Dialect>(kind: BackendErrorKind, applied: Applied, cause: impl Into<Cause>) -> Self {
        Self {
            kind,
            applied,
            cause: cause.into(),
            then: Then::Fail,
            connection_is_usable: false,
            is_outage: matches!(kind, BackendErrorKind::Unavailable | BackendErrorKind::Timeout),
            database: D::NAME,
            server: None,
        }
    }

    /// Makes the failure of a request that was not sent.
    pub(crate) fn unavailable<D: Dialect>(cause: impl Into<Cause>) -> Self {
        Self::new::<D>(BackendErrorKind::Unavailable, Applied::No, cause)
    }

    /// Makes the failure of a request that had no reply in time.
    pub(crate) fn late<D: Dialect>(applied: Applied, timeout: Duration) -> Self {
        let cause = format!("no reply within {timeout:?}, the `timeout` of the backend");
        Self::new::<D>(BackendErrorKind::Timeout, applied, cause)
    }

    /// Makes the failure of a request that waited in vain for one of the `connections` connections.
    pub(crate) fn queued<D: Dialect>(connections: usize, timeout: Duration) -> Self {
        let cause =
            format!("all connections ({connections}) were in use for {timeout:?}, the `timeout` of the backend");
        // It is not an outage: the requests that use the connections will show whether the database answers.
        Self { is_outage: false, ..Self::new::<D>(BackendErrorKind::Timeout, Applied::No, cause) }
    }

    /// Makes the failure of a connection that could not be made.
    pub(crate) fn of_connecting<D: Dialect>(error: &sqlx::Error) -> Self {
        let Meaning { kind, cause, then } = meaning::<D>(error);
        let kind = if kind == BackendErrorKind::Timeout { kind } else { BackendErrorKind::Unavailable };
        let then = if then == Then::Retry { then } else { Then::Fail };
        Self { then, ..Self::new::<D>(kind, Applied::No, cause) }
    }

    /// Makes the failure of a request that was sent.
    pub(crate) fn of_request<D: Dialect>(error: &sqlx::Error, request: &Request) -> Self {
        let answered = matches!(error, sqlx::Error::Database(_));
        let applied = if answered { Applied::No } else { request.applied_without_reply() };
        let Meaning { kind, cause, then } = meaning::<D>(error);
        let connection_is_usable = answered && then != Then::Reconnect;
        let then = if applied == Applied::Maybe { Then::Fail } else { then };
        // A database that answers "a lock is held" still serves other requests.
        let is_outage = kind == BackendErrorKind::Unavailable || (kind == BackendErrorKind::Timeout && !answered);
        Self { then, connection_is_usable, is_outage, ..Self::new::<D>(kind, applied, cause) }
    }

    pub(crate) fn at(self, server: &Arc<str>) -> Self {
        Self { server: Some(server.clone()), ..self }
    }
}

fn meaning<D: Dialect>(error: &sqlx::Error) -> Meaning {
    use BackendErrorKind::{Other, Unavailable};

    match error {
        sqlx::Error::Database(error) => D::meaning(&**error),
        sqlx::Error::Io(error) => Meaning::new(Unavailable, of_io(error), Then::Reconnect),
        sqlx::Error::Tls(error) => Meaning::new(Unavailable, format!("tls: {error}"), Then::Fail),
        sqlx::Error::Protocol(_) => {
            Meaning::new(Unavailable, "the client library does not understand the reply", Then::Fail)
        }
        sqlx::Error::PoolTimedOut => {
            Meaning::new(Unavailable, "no connection of the application's pool became free in time", Then::Fail)
        }
        sqlx::Error::PoolClosed => Meaning::new(Unavailable, "the application's pool is closed", Then::Fail),
        sqlx::Error::WorkerCrashed => Meaning::new(Unavailable, "the thread of the connection ended", Then::Reconnect),
        sqlx::Error::Configuration(_) => Meaning::new(Other, "the settings of the connection are unusable", Then::Fail),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnIndexOutOfBounds { .. } | sqlx::Error::Decode(_) => {
            Meaning::new(Other, "the table has columns whose types differ from the schema", Then::Fail)
        }
        _ => Meaning::new(Other, "the client library failed", Then::Fail),
    }
}

fn of_io(error: &io::Error) -> Cause {
    if error.to_string().contains("lookup address") {
        return "the DNS does not know the name of the host".into();
    }
    match (error.kind(), error.get_ref()) {
        (io::ErrorKind::NotFound, _) => "there is no such file or folder".into(),
        (io::ErrorKind::UnexpectedEof, _) => "the server closed the connection".into(),
        // An error of rustls.
        (io::ErrorKind::InvalidData, Some(error)) => format!("tls: {error}").into(),
        (kind, _) => kind.to_string().into(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{} at {server}: {}", self.database, self.cause),
            None => write!(f, "{}: {}", self.database, self.cause),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.applied).with_source(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_in_words_of_an_operator() {
        for (kind, said) in [
            (io::ErrorKind::NotFound, "there is no such file or folder"),
            (io::ErrorKind::UnexpectedEof, "the server closed the connection"),
            (io::ErrorKind::ConnectionRefused, "connection refused"),
        ] {
            assert_eq!(of_io(&kind.into()), said);
        }
    }
}
