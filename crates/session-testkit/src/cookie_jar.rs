//! The cookies of a test client.

use std::collections::BTreeMap;

use cookie::Cookie;
use cookie::time::Duration;

/// A cookie jar for tests, for requests to one host.
///
/// As in a browser, cookies are distinguished by name, domain and path, so a removal with another path removes nothing.
/// The jar sends every cookie to every path. It keeps cookies whose `Max-Age` has passed, because the server must check
/// the age.
///
/// ```
/// use session_testkit::CookieJar;
///
/// let mut jar = CookieJar::new();
/// jar.receive(["id=abc; Path=/; HttpOnly", "theme=dark; Path=/"]);
/// assert_eq!(jar.header(), "id=abc; theme=dark");
/// jar.receive(["id=; Path=/; Max-Age=0"]);
/// assert_eq!(jar.get("id"), None);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CookieJar {
    /// Values by name, domain and path.
    cookies: BTreeMap<[String; 3], String>,
}

impl CookieJar {
    /// Makes a jar without cookies, for a client's first visit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies the `Set-Cookie` values of a response, such as `response.headers().get_all("set-cookie")`.
    ///
    /// # Panics
    ///
    /// If a value is not a cookie.
    pub fn receive<V: AsRef<[u8]>>(&mut self, set_cookies: impl IntoIterator<Item = V>) {
        for value in set_cookies {
            let text = std::str::from_utf8(value.as_ref()).expect("a Set-Cookie value is text");
            let cookie = Cookie::parse(text).expect("a Set-Cookie value begins with a name and a value");
            let [domain, path] = [cookie.domain(), cookie.path()].map(|part| part.unwrap_or_default().to_owned());
            let place = [cookie.name().to_owned(), domain, path];
            if cookie.max_age().is_some_and(|age| age <= Duration::ZERO) {
                self.cookies.remove(&place);
            } else {
                self.cookies.insert(place, cookie.value().to_owned());
            }
        }
    }

    /// Returns the value of the next request's `Cookie` header, such as `a=1; b=2`. It is empty if there are no
    /// cookies.
    #[must_use]
    pub fn header(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|([name, ..], value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|([found, ..], _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Prints the names, because values may be secret.
impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.cookies.keys().map(|[name, ..]| name)).finish()
    }
}
