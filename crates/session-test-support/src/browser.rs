//! The cookies that a browser keeps.

use std::collections::BTreeMap;

use cookie::Cookie;
use cookie::time::Duration;
use session_core::adapter::Commit;
use session_core::{Session, SessionHandle, SessionManager};

/// A cookie jar for requests without HTTP.
///
/// Cookies are told apart by name, domain, path and partition (RFC 6265, section 5.3): a removal whose attributes differ from
/// those of the cookie removes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    jar: BTreeMap<[String; 4], String>,
}

impl Browser {
    /// A browser with the cookie of this `Set-Cookie` value.
    #[must_use]
    pub fn with_cookie(set_cookie: &str) -> Self {
        let mut browser = Self::default();
        browser.set(set_cookie);
        browser
    }

    /// Opens the session of a new request without loading it.
    #[must_use]
    pub fn open(&self, manager: &SessionManager) -> SessionHandle {
        let header = self.has_cookie().then(|| self.header());
        manager.open(header.as_deref().map(str::as_bytes))
    }

    /// Loads the session of a new request.
    pub async fn load(&self, manager: &SessionManager) -> (SessionHandle, Session) {
        let handle = self.open(manager);
        let session = handle.load().await.expect("the session can be loaded");
        (handle, session)
    }

    /// Makes a whole request that succeeds.
    pub async fn request(&mut self, manager: &SessionManager, work: impl FnOnce(&Session)) {
        let (handle, session) = self.load(manager).await;
        work(&session);
        let response = handle.commit(200).await;
        assert!(response.error.is_none(), "{:?}", response.error);
        self.receive(&response);
    }

    /// Returns the number under a key, as a new request reads it.
    pub async fn see(&self, manager: &SessionManager, key: &str) -> Option<u64> {
        let (_, session) = self.load(manager).await;
        session.get(key).expect("it is a number")
    }

    /// Takes the cookies that a response sets, and drops those that it removes.
    pub fn receive(&mut self, response: &Commit) {
        response.set_cookies().for_each(|set_cookie| self.set(set_cookie.as_str()));
    }

    /// Takes the cookies of another browser, too.
    pub fn merge(&mut self, other: &Self) {
        self.jar.extend(other.jar.clone());
    }

    /// Takes or removes the cookie of a `Set-Cookie` value.
    pub fn set(&mut self, set_cookie: &str) {
        let cookie = Cookie::parse(set_cookie).expect("a Set-Cookie value is well-formed");
        let [domain, path] = [cookie.domain(), cookie.path()].map(|text| text.unwrap_or_default().to_owned());
        let partition = cookie.partitioned().unwrap_or_default().to_string();
        let place = [cookie.name().to_owned(), domain, path, partition];
        if cookie.max_age() == Some(Duration::ZERO) {
            self.jar.remove(&place);
        } else {
            self.jar.insert(place, cookie.value().to_owned());
        }
    }

    /// Returns `true` if it has a cookie.
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        !self.jar.is_empty()
    }

    /// Returns the value of the `Cookie` header: all pairs of name and value.
    #[must_use]
    pub fn header(&self) -> String {
        let pairs: Vec<_> = self.jar.iter().map(|([name, ..], value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}
