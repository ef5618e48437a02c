//! The end of a request, as its response must carry it.

use crate::cookie::SetCookie;
use crate::error::SessionError;

/// The outcome of persisting changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// The store has them.
    Done,
    /// The session was destroyed, and the changes with it.
    Destroyed,
    /// The session was renewed or has vanished: the changes could not be kept.
    Gone,
}

/// The headers and the error that a response must carry on behalf of its session.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "the response has to carry this"]
pub struct Commit {
    /// The value of a `Set-Cookie` header to append. Such a response must not be cached: see [`Self::cache_control`].
    pub set_cookie: Option<SetCookie>,
    /// The session was used: `Vary` has to name `Cookie`; see [`Self::vary`].
    pub session_used: bool,
    /// The session could not be kept: the response is to be replaced by one that reports this.
    pub error: Option<SessionError>,
}

impl Commit {
    /// The value that a `Cache-Control` header must be set to, given the values that the response has: `no-store` if the
    /// response sets the cookie, unless it says `no-store` or `private` already (RFC 9111, section 7.3).
    pub fn cache_control<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let uncached = |value: &'a [u8]| has_member(value, b"no-store") || has_member(value, b"private");
        (self.set_cookie.is_some() && !existing.into_iter().any(uncached)).then_some("no-store")
    }

    /// The value of a `Vary` header to append, given the values that the response has: `Cookie` if the session was used,
    /// unless it is there already (RFC 9110, section 12.5.5).
    pub fn vary<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let varies = |value: &'a [u8]| has_member(value, b"cookie") || has_member(value, b"*");
        (self.session_used && !existing.into_iter().any(varies)).then_some("Cookie")
    }
}

/// Returns `true` if a comma-separated header value has this member, without an argument and outside of quoted strings.
fn has_member(value: &[u8], member: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(|&byte| {
            let in_string = quoted;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            byte == b',' && !in_string
        })
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::{Attributes, CookieTemplate};

    #[test]
    fn responses_that_set_the_cookie_are_not_stored_by_caches() {
        let removal = CookieTemplate::new("id", Attributes::default(), Some(60)).removal();
        let commit = Commit { set_cookie: Some(removal), ..Commit::default() };
        for absent in ["", "public, max-age=60", "x-private", "no-cache", "private=\"x\"", "x=\"a, no-store, b\""] {
            assert_eq!(commit.cache_control([absent.as_bytes()]), Some("no-store"), "{absent}");
        }
        for present in ["no-store", "max-age=60, Private", "x=\"a,b\", no-store"] {
            assert_eq!(commit.cache_control([present.as_bytes()]), None, "{present}");
        }
        assert_eq!(Commit::default().cache_control([]), None);
    }

    #[test]
    fn responses_that_used_the_session_vary_by_cookie() {
        let commit = Commit { session_used: true, ..Commit::default() };
        assert_eq!(commit.vary([]), Some("Cookie"));
        assert_eq!(commit.vary([&b"Accept-Encoding"[..], b"Origin"]), Some("Cookie"));
        for present in ["*", "cookie", "Accept, Cookie"] {
            assert_eq!(commit.vary([present.as_bytes()]), None, "{present}");
        }
        assert_eq!(Commit::default().vary([]), None);
    }
}
