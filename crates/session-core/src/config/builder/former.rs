//! The cookies of former configurations.

use super::SessionConfigBuilder;
use crate::cookie::Attributes;

/// The domain and the path that the cookie once had.
pub(super) struct FormerCookie {
    domain: Option<String>,
    path: String,
}

impl FormerCookie {
    /// Returns the attributes of the former cookie: its domain and path, and the current values of all others, because
    /// browsers tell cookies apart by name, domain and path only.
    pub(super) fn attributes(&self, current: &Attributes) -> Attributes {
        Attributes { domain: self.domain.clone(), path: self.path.clone(), ..current.clone() }
    }
}

impl SessionConfigBuilder {
    /// Adds a domain and a path that the cookie had before a change of [`domain`](Self::domain) or [`path`](Self::path).
    ///
    /// Browsers keep the former cookie beside the new one and send both. With this setting, each response that sets or
    /// removes the cookie also removes the former one, so that users can log out. Call this for each former pair, and
    /// keep the calls for as long as a former cookie can live: [`longest_max_age`](Self::longest_max_age) after the
    /// change.
    ///
    /// ```no_run
    /// # use session_core::SessionConfig;
    /// let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session")
    ///     .domain("example.com")
    ///     .former_cookie(None, "/") // before the domain was set
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn former_cookie(mut self, domain: Option<&str>, path: &str) -> Self {
        self.former_cookies.push(FormerCookie { domain: domain.map(str::to_owned), path: path.to_owned() });
        self
    }
}
