//! Configurations for a purpose.

use std::time::Duration;

use super::{Salt, SessionConfigBuilder};
use crate::config::{OnDuplicate, secret};
use crate::signer::Key;

impl SessionConfigBuilder {
    /// Returns the settings for development: the secret is random, and [`build`](Self::build) logs a warning.
    ///
    /// All sessions end with the process, and no other process reads them.
    ///
    /// ```
    /// use session_core::SessionConfigBuilder;
    ///
    /// let config = SessionConfigBuilder::development("session").build()?;
    /// # Ok::<(), session_core::ConfigError>(())
    /// ```
    pub fn development(cookie_name: impl Into<String>) -> Self {
        Self { development: true, ..Self::new(secret::random(), cookie_name.into()) }
    }

    /// Returns the settings for sessions that matter.
    ///
    /// - The cookie is called `__Host-<cookie_name>` and is `Secure`.
    /// - Sessions end after 30 minutes without use and 12 hours in all, and hold at most 16 KiB.
    /// - Cookies that a neighbour may have planted are rejected.
    /// - A salt of the cookie's name and the mode keeps tokens from being used elsewhere under the same secret. Keys sign
    ///   with SHA-256 unless they have a digest of their own. [`KeyDerivation::None`](crate::signer::KeyDerivation::None),
    ///   which ignores the salt, is refused.
    /// - The backend must be atomic. Sessions in the cookie must be asked for, by
    ///   [`backend_type(BackendType::Cookie)`](Self::backend_type): no logout and no renewal revokes a copy of such a cookie
    ///   before it expires.
    ///
    /// Python can read such cookies if it is given the salt `<cookie_name>.cookie` or `<cookie_name>.server`, and the
    /// digest `hashlib.sha256`.
    ///
    /// ```no_run
    /// use session_core::{MemoryBackend, SessionConfigBuilder};
    ///
    /// let secret = std::env::var("SESSION_SECRET")?;
    /// let config = SessionConfigBuilder::hardened(secret, "id").backend(MemoryBackend::new()).build()?;
    /// assert_eq!(config.cookie_name(), "__Host-id");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hardened(signing_key: impl Into<Key>, cookie_name: &str) -> Self {
        let builder = Self {
            hardened: true,
            salt: Salt::OfCookie(cookie_name.to_owned()),
            ..Self::new(signing_key.into(), format!("__Host-{cookie_name}"))
        };
        builder
            .https_only(true)
            .max_age(Duration::from_secs(30 * 60))
            .absolute_lifetime(Duration::from_secs(12 * 3600))
            .on_duplicate(OnDuplicate::Reject)
            .max_session_bytes(16 * 1024)
            .require_atomic(true)
    }
}
