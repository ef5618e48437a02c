//! The outcome of a case.

use std::fmt;

use session_core::{BackendError, MapError, SessionError};

/// The outcome of a case.
pub(super) type Outcome = Result<(), Failure>;

/// The reason why a case failed.
pub(super) enum Failure {
    Wrong(String),
    Error(BackendError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(how) => f.write_str(how),
            Self::Error(error) => write!(f, "unexpected error: {error}"),
        }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::Error(error)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Wrong(format!("unexpected error: {error}"))
    }
}

impl From<MapError> for Failure {
    fn from(error: MapError) -> Self {
        Self::Wrong(format!("the suite's own JSON: {error}"))
    }
}

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($how:tt)+) => {
        if !$condition {
            return Err($crate::conformance::failure::Failure::Wrong(format!($($how)+)));
        }
    };
}
pub(super) use ensure;
