//! The headers of a response that replaces another one.

use crate::adapter::{ResponseHeader, ResponseHeaders};

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

/// Returns the headers that a response must take over from the one that it replaces, in addition to its `own` headers.
///
/// Headers that describe the replaced response are left out. Others, such as those for CORS, are kept unless the new
/// response has them itself. `Set-Cookie` and `Vary` are always kept, because inner layers have already stored their
/// sessions. Header names must be in lower case.
///
/// ```
/// use session_core::adapter::kept_headers;
///
/// let replaced = [("content-type", "text/html"), ("access-control-allow-origin", "*"), ("set-cookie", "theme=dark")];
/// assert_eq!(kept_headers(replaced, ["content-type"]), replaced[1..]);
/// ```
pub fn kept_headers<N: AsRef<str>, V>(
    replaced: impl IntoIterator<Item = (N, V)>,
    own: impl IntoIterator<Item: AsRef<str>>,
) -> Vec<(N, V)> {
    let own: Vec<_> = own.into_iter().collect();
    let is_kept = |(name, _): &(N, V)| match name.as_ref() {
        "set-cookie" | "vary" => true,
        name => DESCRIPTIVE.binary_search(&name).is_err() && own.iter().all(|own| own.as_ref() != name),
    };
    replaced.into_iter().filter(is_kept).collect()
}

/// Sets `Cache-Control: no-store` on a response that reports an error, unless it has a `Cache-Control` header of its
/// own.
pub fn forbid_caching(headers: &mut impl ResponseHeaders) {
    if headers.values(ResponseHeader::CacheControl).next().is_none() {
        headers.set(ResponseHeader::CacheControl, "no-store");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_body_are_dropped_and_those_of_layers_kept() {
        assert!(DESCRIPTIVE.is_sorted());
        for name in ["content-type", "content-length", "etag", "location", "upgrade", "cache-control"] {
            assert_eq!(kept_headers([(name, ())], [""; 0]), [], "{name}");
        }
        for name in ["access-control-allow-origin", "content-security-policy", "x-request-id"] {
            assert_eq!(kept_headers([(name, ())], ["server"]), [(name, ())], "{name}");
            assert_eq!(kept_headers([(name, ())], [name]), [], "{name}");
        }
        assert_eq!(kept_headers([("set-cookie", ())], ["set-cookie"]), [("set-cookie", ())]);
    }
}
