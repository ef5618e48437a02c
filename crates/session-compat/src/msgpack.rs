//! MessagePack of plain data: maps, arrays, texts, numbers, booleans and nil.

mod read;
mod write;

pub(crate) use read::read_first;
pub(crate) use write::write;

/// The reason why a value can't be read, or a session can't be written. It quotes no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("a value of the type {0}, which JSON can't represent exactly")]
    Type(&'static str),
    #[error("other data than {0}")]
    Shape(&'static str),
    #[error("more than {0}")]
    Limit(&'static str),
    #[error("a premature end of the data")]
    Truncated,
    #[error("malformed data")]
    Malformed,
    #[error("bytes after the end")]
    Trailing,
    #[error("a number beyond those of msgpack")]
    Number,
}
