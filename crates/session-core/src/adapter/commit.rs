//! The result of a commit, which the response must carry.

use std::sync::Arc;

use crate::cookie::SetCookie;
use crate::error::SessionError;

/// The headers that a session adds to the response, and the error that the response must report.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "the response has to carry this"]
pub struct Commit {
    /// The value of a `Set-Cookie` header to append. [`Self::set_cookies`] also returns those that go with it. A
    /// response with this header must not be cached: see [`Self::cache_control`] and [`Self::cdn_cache_control`].
    pub set_cookie: Option<SetCookie>,
    /// `true` if the request used its session, so that `Vary` must name `Cookie`; see [`Self::vary`].
    pub session_used: bool,
    /// The reason why the session could not be committed. The response must be replaced by one that reports it.
    pub error: Option<SessionError>,
    /// The headers of other cookies: removals, and the second cookie of a format.
    pub(crate) others: Option<Arc<[SetCookie]>>,
}

/// A header that a session adds to a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseHeader {
    /// `Cache-Control`.
    CacheControl,
    /// `CDN-Cache-Control`, which shared caches obey in place of `Cache-Control` (RFC 9213).
    CdnCacheControl,
    /// `Vary`.
    Vary,
}

/// The operations on a framework's response headers that [`Commit::apply`] needs.
///
/// The values that `Commit::apply` passes consist of visible ASCII and spaces.
pub trait ResponseHeaders {
    /// Returns all values of a header.
    fn values(&self, header: ResponseHeader) -> impl Iterator<Item = &[u8]>;
    /// Sets a header to one value, and removes its other values.
    fn set(&mut self, header: ResponseHeader, value: &'static str);
    /// Adds a value to a header.
    fn append(&mut self, header: ResponseHeader, value: &'static str);
    /// Adds a `Set-Cookie` header.
    fn append_cookie(&mut self, cookie: SetCookie);
}

impl Commit {
    /// Adds the commit's headers to the response. The handler's own values of `Vary` and `Set-Cookie` stay.
    ///
    /// If [`Self::error`] is set, replace the response before; see
    /// [`Responder::replace`](crate::adapter::Responder::replace).
    pub fn apply(self, headers: &mut impl ResponseHeaders) {
        if self.set_cookie.is_some() {
            if let Some(value) = self.cache_control(headers.values(ResponseHeader::CacheControl)) {
                headers.set(ResponseHeader::CacheControl, value);
            }
            if let Some(value) = self.cdn_cache_control(headers.values(ResponseHeader::CdnCacheControl)) {
                headers.set(ResponseHeader::CdnCacheControl, value);
            }
        }
        // Untouched requests look for no header.
        if self.session_used
            && let Some(value) = self.vary(headers.values(ResponseHeader::Vary))
        {
            headers.append(ResponseHeader::Vary, value);
        }
        if let Some(others) = &self.others {
            others.iter().cloned().for_each(|other| headers.append_cookie(other));
        }
        if let Some(cookie) = self.set_cookie {
            headers.append_cookie(cookie);
        }
    }

    /// Returns the values of all `Set-Cookie` headers to append: [`Self::set_cookie`], the second cookie of a format,
    /// and the removals of [former cookies](crate::SessionConfigBuilder::former_cookie) and of the cookies of
    /// [formats](crate::SessionConfigBuilder::accept_format) that were taken over.
    pub fn set_cookies(&self) -> impl Iterator<Item = &SetCookie> {
        self.others.iter().flat_map(|others| others.iter()).chain(&self.set_cookie)
    }

    /// Returns the value to set `Cache-Control` to, given the header's values in the response: `no-store` if the
    /// response sets the cookie, unless one of the values is `no-store` or `private` (RFC 9111, section 7.3).
    pub fn cache_control<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        (self.set_cookie.is_some() && !existing.into_iter().any(is_uncached)).then_some("no-store")
    }

    /// Returns the value to set `CDN-Cache-Control` to, given the header's values in the response: `no-store` if the
    /// response sets the cookie and has such a header, which lets shared caches store it (RFC 9213, section 2.2).
    pub fn cdn_cache_control<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let mut existing = existing.into_iter().peekable();
        existing.peek()?;
        self.cache_control(existing)
    }

    /// Returns the value of a `Vary` header to append, given the header's values in the response: `Cookie` if the
    /// session was used, unless a value already names `Cookie` or `*` (RFC 9110, section 12.5.5).
    pub fn vary<'a>(&self, existing: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static str> {
        let varies = |value: &'a [u8]| has_member(value, b"cookie") || has_member(value, b"*");
        (self.session_used && !existing.into_iter().any(varies)).then_some("Cookie")
    }
}

fn is_uncached(value: &[u8]) -> bool {
    has_member(value, b"no-store") || has_member(value, b"private")
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

        // A header of shared caches is not added, because they obey `Cache-Control` without it.
        assert_eq!(commit.cdn_cache_control([]), None);
        assert_eq!(commit.cdn_cache_control([&b"max-age=60"[..]]), Some("no-store"));
        assert_eq!(commit.cdn_cache_control([&b"max-age=60"[..], b"no-store"]), None);
        assert_eq!(Commit::default().cdn_cache_control([&b"max-age=60"[..]]), None);
    }

    /// `Cache-Control`, `CDN-Cache-Control`, `Vary` and `Set-Cookie`.
    #[derive(Default)]
    struct Headers([Vec<String>; 4]);

    impl ResponseHeaders for Headers {
        fn values(&self, header: ResponseHeader) -> impl Iterator<Item = &[u8]> {
            self.0[header as usize].iter().map(String::as_bytes)
        }

        fn set(&mut self, header: ResponseHeader, value: &'static str) {
            self.0[header as usize] = vec![value.to_owned()];
        }

        fn append(&mut self, header: ResponseHeader, value: &'static str) {
            self.0[header as usize].push(value.to_owned());
        }

        fn append_cookie(&mut self, cookie: SetCookie) {
            self.0[3].push(cookie.as_str().to_owned());
        }
    }

    #[test]
    fn a_commit_adds_its_headers_to_those_of_the_handler() {
        let template = CookieTemplate::new("id", Attributes::default(), Some(60));
        let commit = Commit { set_cookie: Some(template.removal()), session_used: true, ..Commit::default() };
        let removal = template.removal().as_str().to_owned();
        let mut headers = Headers(
            [["public"], ["max-age=60"], ["Origin"], ["other=1"]].map(|values| values.map(str::to_owned).to_vec()),
        );
        commit.apply(&mut headers);
        let expected = [vec!["no-store"], vec!["no-store"], vec!["Origin", "Cookie"], vec!["other=1", &removal]];
        assert_eq!(headers.0, expected);

        let mut untouched = Headers::default();
        Commit::default().apply(&mut untouched);
        assert_eq!(untouched.0, [const { Vec::<String>::new() }; 4]);
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
