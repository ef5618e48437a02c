//! The types that an adapter to a web framework uses; see [`SessionManager`](crate::SessionManager).

pub use crate::cookie::SetCookie;
pub use crate::handle::{CommitState, PendingCommit};
pub use crate::request::outcome::{Commit, HeaderValues, ResponseHeader, ResponseHeaders};
pub use crate::request::report::report_missing_session;

/// Headers that describe the body, the status or the connection of one response, in lower case.
const DESCRIPTIVE: &[&str] = &[
    "accept-ranges",
    "age",
    "cache-control",
    "connection",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "digest",
    "etag",
    "expires",
    "last-modified",
    "location",
    "refresh",
    "repr-digest",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The fate of a header when its response is replaced by one that reports an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacedHeader {
    /// The replacement goes without it, because it describes the response that is replaced.
    Dropped,
    /// The replacement takes it over unless it has the header itself, such as those for CORS.
    KeptIfAbsent,
    /// The replacement takes it over beside its own values.
    Added,
}

impl ReplacedHeader {
    /// Returns the fate of a header, by its name in lower case.
    ///
    /// Cookies stay, because the sessions of layers further in are stored by then.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "set-cookie" | "vary" => Self::Added,
            _ if DESCRIPTIVE.binary_search(&name).is_ok() => Self::Dropped,
            _ => Self::KeptIfAbsent,
        }
    }
}

/// Keeps caches from storing a response that reports an error, unless it says itself how they may use it.
pub fn forbid_caching(headers: &mut impl ResponseHeaders) {
    headers.set(ResponseHeader::CacheControl, |values| values.next().is_none().then_some("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_body_are_dropped_and_those_of_layers_kept() {
        assert!(DESCRIPTIVE.is_sorted());
        for name in ["content-type", "content-length", "etag", "location", "upgrade", "cache-control"] {
            assert_eq!(ReplacedHeader::of(name), ReplacedHeader::Dropped, "{name}");
        }
        for name in ["access-control-allow-origin", "content-security-policy", "x-request-id"] {
            assert_eq!(ReplacedHeader::of(name), ReplacedHeader::KeptIfAbsent, "{name}");
        }
        assert_eq!(ReplacedHeader::of("set-cookie"), ReplacedHeader::Added);
    }
}
