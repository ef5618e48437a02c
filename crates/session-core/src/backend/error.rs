//! Errors of session stores.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error of a session store: its kind, whether the operation may have been applied nevertheless, and its cause.
///
/// Cheap to clone. `Display` prints the kind but not the cause, which is available as [`source`](Error::source). `Debug`
/// prints both as one sentence. A backend must not pass on a cause that quotes a key or session data, as a client
/// library's error may do.
///
/// ```
/// use session_core::{Applied, BackendError, BackendErrorKind};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = BackendError::new(BackendErrorKind::Unavailable, Applied::No).with_source(refused);
/// assert_eq!(error.to_string(), "session store unavailable");
/// ```
#[derive(Clone)]
pub struct BackendError {
    kind: BackendErrorKind,
    applied: Applied,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a failure of a store, or of a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// The store can't be reached, or is not ready to serve.
    Unavailable,
    /// The store did not answer in time.
    Timeout,
    /// The store rejected the operation: it is out of memory or read-only, or the operation is not permitted.
    Refused,
    /// The stored value is not a session.
    Corrupt,
    /// The value is larger than the store or the backend's configuration allows.
    TooLarge,
    /// Anything else.
    Other,
}

/// The effect of an operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It was certainly not applied.
    No,
    /// It may have been applied: the reply was lost, or has not come yet.
    Maybe,
}

impl BackendError {
    /// Makes an error of this kind, without a cause.
    #[must_use]
    pub fn new(kind: BackendErrorKind, applied: Applied) -> Self {
        Self { kind, applied, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    /// Returns `true` if the store may have applied the operation.
    #[must_use]
    pub fn may_have_applied(&self) -> bool {
        self.applied == Applied::Maybe
    }

    /// Returns the effect that the failed operation may have had.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.applied
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BackendErrorKind::Unavailable => "session store unavailable",
            BackendErrorKind::Timeout => "session store did not answer in time",
            BackendErrorKind::Refused => "session store refused the operation",
            BackendErrorKind::Corrupt => "stored session is unreadable",
            BackendErrorKind::TooLarge => "session is too large for the store",
            BackendErrorKind::Other => "session store failed",
        })
    }
}

/// Prints the sentence and its causes, because `fn main() -> Result<(), BackendError>` prints `Debug`.
impl fmt::Debug for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, self)?;
        f.write_str(if self.may_have_applied() { " (it may have been applied)" } else { "" })
    }
}

/// Writes an error and the chain of its causes as one sentence.
pub(crate) fn write_with_causes(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

impl Error for BackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_prints_the_error_and_its_causes_as_a_sentence() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = BackendError::new(BackendErrorKind::Unavailable, Applied::No).with_source(refused);
        assert_eq!(format!("{error:?}"), "session store unavailable: connection refused");
        let late = BackendError::new(BackendErrorKind::Timeout, Applied::Maybe);
        assert_eq!(format!("{late:?}"), "session store did not answer in time (it may have been applied)");
        let of_session = crate::SessionError::from(error);
        assert_eq!(format!("{of_session:?}"), "session store unavailable: connection refused");
    }
}
