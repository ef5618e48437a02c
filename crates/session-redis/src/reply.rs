//! The replies of a server.

use fred::bytes::Bytes;
use fred::types::Value;
use session_core::{Applied, BackendErrorKind};

use crate::error::CallError;

/// Returns the bytes of a string, or `None` for nil.
pub(crate) fn bytes(reply: Value) -> Result<Option<Bytes>, CallError> {
    match reply {
        Value::Null => Ok(None),
        Value::Bytes(bytes) => Ok(Some(bytes)),
        Value::String(text) => Ok(Some(text.into_inner())),
        _ => Err(unexpected()),
    }
}

/// Returns the first of several replies, or nil.
pub(crate) fn first(replies: Vec<Value>) -> Value {
    replies.into_iter().next().unwrap_or(Value::Null)
}

/// Returns the error for a reply that Redis never gives to this command.
pub(crate) fn unexpected() -> CallError {
    CallError::new(BackendErrorKind::Other, Applied::Maybe, "the server gave a reply that this command never has")
}
