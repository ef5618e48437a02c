//! The errors of a session's text and values.

use super::SessionMap;

/// The reason why a text is not a session map. The error quotes nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The text is not one JSON object.
    #[error("not a JSON object: unexpected at byte {offset}")]
    NotAnObject {
        /// The first byte that does not fit.
        offset: usize,
    },
    /// The bytes are not UTF-8.
    #[error("not UTF-8 from byte {offset}")]
    NotUtf8 {
        /// The first byte that is not UTF-8.
        offset: usize,
    },
    /// The text is longer than [`SessionMap::MAX_BYTES`].
    #[error("{bytes} bytes of JSON, the limit is {}", SessionMap::MAX_BYTES)]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
}

/// The reason why a value can't be written or read. The error names the key and quotes nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value can't be written as JSON, for instance a map whose keys are not strings.
    #[error("the value for session key {key:?} can't be written as JSON")]
    Encode {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The value contains a `NaN` or an infinity, which JSON can't represent.
    #[error("the value for session key {key:?} contains a NaN or an infinity, which JSON can't represent")]
    NotFinite {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The value is nested deeper than [`SessionMap::MAX_DEPTH`], so that it could not be read back.
    #[error("the value for session key {key:?} is nested deeper than {} levels", SessionMap::MAX_DEPTH)]
    TooDeep {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The map would grow beyond [`SessionMap::MAX_BYTES`].
    #[error("the value for session key {key:?} is too long")]
    TooLong {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The stored value can't be read as the type that the reader asked for.
    #[error("the value of session key {key:?} can't be read as {expected}: {problem} at column {column}")]
    Decode {
        /// The key of the session map.
        key: Box<str>,
        /// The name of that Rust type.
        expected: &'static str,
        /// A text that names the problem: not JSON, nested too deeply, or another type.
        problem: &'static str,
        /// The column at which the problem was found, in bytes from 1; 0 if it is not known.
        column: usize,
    },
}
