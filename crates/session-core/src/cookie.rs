//! Finds cookies in a request, and writes them into a response.

use std::borrow::Cow;
use std::fmt;

use cookie::time::{Duration, OffsetDateTime};
use smallvec::SmallVec;

use crate::config::policy::SameSite;

/// The longest cookie that browsers keep, name and value together (RFC 6265bis, section 5.6).
pub(crate) const MAX_COOKIE_BYTES: usize = 4096;

/// The separator of the cookies in a header (RFC 6265, section 5.4), and of several headers that are joined.
const SEPARATOR: u8 = b';';

/// The cookies of a request, searched when the session is loaded.
#[derive(Default)]
pub(crate) struct RequestCookies {
    // The cookies of most requests fit in without an allocation.
    joined: SmallVec<[u8; 512]>,
}

impl RequestCookies {
    /// Adds the value of a `Cookie` header.
    #[inline]
    pub(crate) fn add(&mut self, header: &[u8]) {
        if !self.joined.is_empty() {
            self.joined.push(SEPARATOR);
        }
        self.joined.extend_from_slice(header);
    }

    /// Returns `true` if the request has no cookie at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.joined.iter().all(|&byte| byte == SEPARATOR || byte == b' ')
    }

    /// Returns `true` if there is a cookie of this name.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.newest_first(name).next().is_some()
    }

    /// Returns the values of the cookies of this name, unverified, the last one first.
    ///
    /// Values that are longer than a cookie can be are left out. Quotes around a value are dropped, as in Python.
    pub(crate) fn newest_first(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let mut rest = Some(&*self.joined);
        std::iter::from_fn(move || {
            let joined = rest?;
            let at = memchr::memrchr(SEPARATOR, joined);
            rest = at.map(|at| &joined[..at]);
            Some(at.map_or(joined, |at| &joined[at + 1..]))
        })
        .filter_map(|pair| value_of(pair, name.as_bytes()))
        .filter(|value| !value.is_empty() && value.len() <= MAX_COOKIE_BYTES)
    }
}

/// Decodes percent-encoded bytes, which some clients send in place of `=`, `+` and `/`. Returns `None` if there are none: a
/// token has no percent sign.
pub(crate) fn percent_decoded(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'%', value)?;
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    Some(decoded)
}

/// Returns the value of a pair `name=value`, if it has this name.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = trim(trim_start(trim_start(pair).strip_prefix(name)?).strip_prefix(b"=")?);
    Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
}

/// Trims spaces and tabs, the white space of RFC 6265 (section 5.2).
fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// The attributes of a cookie, except its age.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    pub(crate) path: String,
    pub(crate) domain: Option<String>,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    pub(crate) partitioned: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            domain: None,
            secure: false,
            http_only: true,
            same_site: SameSite::default(),
            partitioned: false,
        }
    }
}

/// The value of a `Set-Cookie` header: visible ASCII and spaces.
///
/// The cookie grants access to the session, so `Debug` leaves out its value.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie(String);

impl SetCookie {
    /// Returns the header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the header's value as bytes, which the types for headers take without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

impl AsRef<str> for SetCookie {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rest) = self.0.split_once('=').unwrap_or_default();
        let (_, attributes) = rest.split_once(';').unwrap_or_default();
        write!(f, "SetCookie({name}=..;{attributes})")
    }
}

/// The values of `Set-Cookie` headers, rendered by the `cookie` crate, except the name and value of the session's
/// cookie.
#[derive(Clone, Debug)]
pub(crate) struct CookieTemplate {
    pub(crate) name: Box<str>,
    attributes: Attributes,
    /// The usual `Max-Age`; `None` for a cookie that ends with the browser.
    usual_max_age: Option<u64>,
    /// The text after the value, for the usual age.
    usual_suffix: Box<str>,
    removal: SetCookie,
}

impl CookieTemplate {
    pub(crate) fn new(name: &str, attributes: Attributes, usual_max_age: Option<u64>) -> Self {
        let mut template = Self {
            name: name.into(),
            attributes,
            usual_max_age,
            usual_suffix: Box::default(),
            removal: SetCookie(String::new()),
        };
        template.usual_suffix = template.render_suffix(usual_max_age).into();
        let removal = template.builder().max_age(Duration::ZERO).expires(OffsetDateTime::UNIX_EPOCH);
        template.removal = SetCookie(removal.build().to_string());
        template
    }

    /// Renders a header value that sets the cookie. `push_value` appends the cookie's value, ASCII of `value_len`
    /// bytes.
    ///
    /// Also returns the length of name and value, which browsers limit to [`MAX_COOKIE_BYTES`].
    pub(crate) fn set(
        &self,
        value_len: usize,
        max_age: Option<u64>,
        push_value: impl FnOnce(&mut Vec<u8>),
    ) -> (SetCookie, usize) {
        let suffix = if max_age == self.usual_max_age {
            Cow::Borrowed(&*self.usual_suffix)
        } else {
            Cow::Owned(self.render_suffix(max_age))
        };
        let mut header = Vec::with_capacity(self.name.len() + 1 + value_len + suffix.len());
        header.extend_from_slice(self.name.as_bytes());
        header.push(b'=');
        push_value(&mut header);
        let cookie_bytes = header.len() - 1;
        header.extend_from_slice(suffix.as_bytes());
        let header = String::from_utf8(header).expect("a checked configuration and tokens are ASCII");
        (SetCookie(header), cookie_bytes)
    }

    /// Returns the header value that removes the cookie.
    pub(crate) fn removal(&self) -> SetCookie {
        self.removal.clone()
    }

    fn render_suffix(&self, max_age: Option<u64>) -> String {
        let mut builder = self.builder();
        if let Some(max_age) = max_age {
            builder = builder.max_age(Duration::seconds(max_age.cast_signed()));
        }
        let rendered = builder.build().to_string();
        rendered[self.name.len() + 1..].to_owned()
    }

    fn builder(&self) -> cookie::CookieBuilder<'_> {
        let attributes = &self.attributes;
        let mut builder = cookie::Cookie::build((&*self.name, ""))
            .path(&attributes.path)
            .http_only(attributes.http_only)
            .secure(attributes.secure)
            .partitioned(attributes.partitioned)
            .same_site(match attributes.same_site {
                SameSite::Strict => cookie::SameSite::Strict,
                SameSite::Lax => cookie::SameSite::Lax,
                SameSite::None => cookie::SameSite::None,
            });
        if let Some(domain) = &attributes.domain {
            builder = builder.domain(domain);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&str]) -> Vec<String> {
        let mut cookies = RequestCookies::default();
        headers.iter().for_each(|header| cookies.add(header.as_bytes()));
        cookies.newest_first("id").map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn cookies_are_found_wherever_they_stand() {
        assert_eq!(found(&["id=1"]), ["1"]);
        assert_eq!(found(&["a=0; id=1;b=2"]), ["1"]);
        assert_eq!(found(&["a=0", " id = 1 ; x"]), ["1"]);
        assert_eq!(found(&["id=a=b=="]), ["a=b=="]);
        assert_eq!(found(&["id=\"quoted\""]), ["quoted"]);
        assert_eq!(found(&["id=1; id=2", "id=3"]), ["3", "2", "1"]);
    }

    #[test]
    fn other_cookies_are_not_found() {
        let others = ["", ";", "=", "idx=1", "xid=1", "ID=1", "id", "id=", "a=id=1", "id=\"\""];
        // Only spaces and tabs are white space.
        for header in others.into_iter().chain(["\nid=1", "\u{b}id=1", "\u{c}id=1", "id\r=1", "\u{a0}id=1"]) {
            assert!(found(&[header]).is_empty(), "{header:?}");
        }
        assert!(found(&[&format!("id={}", "x".repeat(MAX_COOKIE_BYTES + 1))]).is_empty());
    }

    fn parsed(header: &str) -> cookie::Cookie<'_> {
        cookie::Cookie::parse(header).unwrap()
    }

    #[test]
    fn a_rendered_cookie_is_the_one_that_the_cookie_crate_renders() {
        let attributes = Attributes {
            path: "/app".to_owned(),
            domain: Some("example.com".to_owned()),
            secure: true,
            http_only: true,
            same_site: SameSite::None,
            partitioned: true,
        };
        let template = CookieTemplate::new("id", attributes, Some(60));
        for max_age in [60, 5] {
            let (header, bytes) = template.set(5, Some(max_age), |out| out.extend(b"value"));
            assert_eq!(bytes, "idvalue".len());
            let expected = cookie::Cookie::build(("id", "value"))
                .path("/app")
                .domain("example.com")
                .secure(true)
                .http_only(true)
                .same_site(cookie::SameSite::None)
                .partitioned(true)
                .max_age(Duration::seconds(max_age.cast_signed()))
                .build();
            assert_eq!(header.as_str(), expected.to_string());
        }
        let removal = template.removal();
        let removal = parsed(removal.as_str());
        assert_eq!(removal.value(), "");
        assert_eq!(removal.max_age(), Some(Duration::ZERO));
        assert_eq!(removal.expires_datetime(), Some(OffsetDateTime::UNIX_EPOCH));
        assert_eq!((removal.path(), removal.domain()), (Some("/app"), Some("example.com")));
        assert_eq!((removal.secure(), removal.partitioned()), (Some(true), Some(true)));
    }

    #[test]
    fn the_defaults_are_those_of_the_original() {
        let template = CookieTemplate::new("cookie", Attributes::default(), Some(1_209_600));
        let (header, _) = template.set(1, Some(1_209_600), |out| out.push(b'v'));
        assert_eq!(header.as_str(), "cookie=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=1209600");
    }

    #[test]
    fn a_browser_session_cookie_has_no_max_age_but_its_removal_has() {
        let template = CookieTemplate::new("id", Attributes::default(), None);
        let (header, _) = template.set(1, None, |out| out.push(b'v'));
        assert_eq!(parsed(header.as_str()).max_age(), None);
        let (header, _) = template.set(1, Some(5), |out| out.push(b'v'));
        assert_eq!(parsed(header.as_str()).max_age(), Some(Duration::seconds(5)));
        assert_eq!(parsed(template.removal().as_str()).max_age(), Some(Duration::ZERO));
    }
}
