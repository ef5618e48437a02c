//! The response for an error of a session where the application makes none.

use crate::error::SessionError;

/// A response that reports the error of a session with a line of text.
///
/// The text tells a stranger nothing of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainResponse {
    /// The status.
    pub status: u16,
    /// The headers. Names are in lower case; values consist of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
    /// The line.
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
