//! Presets of the configuration.

use std::time::Duration;

use super::{Salt, SessionConfigBuilder};
use crate::config::{OnDuplicate, secret};
use crate::signer::Key;

impl SessionConfigBuilder {
    /// Starts a configuration for development: the secret is random, and [`build`](Self::build) logs a warning.
    ///
    /// All sessions end with the process, and no other process can read them.
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

    /// Starts a configuration with strict settings, for services where a stolen session does harm.
    ///
    /// - The cookie is called `__Host-<cookie_name>` and is `Secure`.
    /// - Sessions end after 30 minutes without use and 12 hours in all, and hold at most 16 KiB.
    /// - If several session cookies verify and differ, all are rejected, because another site of the domain may have
    ///   planted one; see [`OnDuplicate::Reject`].
    /// - The salt consists of the cookie's name and the mode, so that a token is not valid for another cookie or mode
    ///   under the same secret. Keys sign with SHA-256 unless they have a digest of their own.
    ///   [`KeyDerivation::None`](crate::signer::KeyDerivation::None), which ignores the salt, is refused.
    /// - A backend is required, and it must be atomic. To keep sessions in the cookie nevertheless, call
    ///   [`backend_type(BackendType::Cookie)`](Self::backend_type): a copy of such a cookie stays valid after a logout
    ///   or renewal, until it expires.
    ///
    /// Python can read such cookies with the salt `<cookie_name>.cookie` or `<cookie_name>.server` and the digest
    /// `hashlib.sha256`.
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
