//! The default response for a session error.

use crate::error::SessionError;

/// A response that reports a session error in one line of plain text.
///
/// The text reveals nothing about the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers. Names are in lower case; values consist of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
    /// The line of text, which ends with a newline.
    pub body: String,
}

impl PlainResponse {
    /// Makes the response for an error.
    #[must_use]
    pub fn new(error: &SessionError) -> Self {
        let mut headers =
            vec![("content-type", "text/plain; charset=utf-8".to_owned()), ("cache-control", "no-store".to_owned())];
        headers.extend(error.retry_after().map(|seconds| ("retry-after", seconds.to_string())));
        Self { status: error.status(), headers, body: format!("{}\n", error.public_message()) }
    }
}
