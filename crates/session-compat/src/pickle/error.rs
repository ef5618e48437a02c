//! The reasons to refuse a pickle.

use std::fmt;

/// The reason why a pickle can't be read, or a session can't be written as one. It names the type of the value, and the
/// session's key if it is known. It quotes no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pickle: {problem} at byte {offset}{}", In(.key))]
pub struct PickleError {
    pub(crate) problem: Problem,
    pub(crate) offset: usize,
    pub(crate) key: Option<String>,
}

impl PickleError {
    /// Returns the session's key whose value can't be read or written, if it is known.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("a value of the type {0}, which JSON can't represent exactly,")]
    Type(&'static str),
    #[error("other data than {0}")]
    Shape(&'static str),
    #[error("an operation that runs code or does not belong to plain data")]
    Operation,
    #[error("a protocol other than 2 to 5")]
    Protocol,
    #[error("an object that occurs twice or contains itself")]
    Alias,
    #[error("more than {0}")]
    Limit(&'static str),
    #[error("a premature end of the data")]
    Truncated,
    #[error("a malformed sequence of operations")]
    Malformed,
    #[error("bytes after the end")]
    Trailing,
    #[error("a number that Python can't hold exactly")]
    Number,
}

struct In<'a>(&'a Option<String>);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(key) => write!(f, " in session key {key:?}"),
            None => Ok(()),
        }
    }
}
