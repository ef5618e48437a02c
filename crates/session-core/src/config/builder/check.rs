//! The rules of a configuration as a whole.

use super::SessionConfigBuilder;
use super::format::Resolved;
use crate::config::secret::check_strength;
use crate::config::validate::{is_cookie_path, is_host_name, is_key_prefix, is_token, lifetime};
use crate::config::{ConfigError, Lifetimes, Refresh, SameSite};
use crate::cookie::Attributes;
use crate::map::SessionMap;
use crate::signer::KeyDerivation;

impl SessionConfigBuilder {
    pub(super) fn check_secrets(&self) -> Result<(), ConfigError> {
        for key in self.verify_keys.iter().chain([&self.signing_key]) {
            if key.secret().is_empty() {
                return Err(if self.development { ConfigError::NoRandomNumbers } else { ConfigError::EmptySecret });
            }
            if !self.allow_weak_secret {
                check_strength(key.secret())?;
            }
            if self.hardened && key.key_derivation() == KeyDerivation::None {
                return Err(ConfigError::KeyDerivationNone);
            }
        }
        Ok(())
    }

    pub(super) fn check_cookie(&self) -> Result<(), ConfigError> {
        if !is_token(&self.cookie_name) {
            return Err(ConfigError::CookieName { name: self.cookie_name.clone() });
        }
        self.check_attributes(&self.attributes)?;
        let place = |attributes: &Attributes| {
            let domain = attributes.domain.as_deref().map(|name| name.trim_start_matches('.').to_ascii_lowercase());
            (domain, attributes.path.clone())
        };
        for former in &self.former_cookies {
            let former = former.attributes(&self.attributes);
            self.check_attributes(&former)?;
            if place(&former) == place(&self.attributes) {
                return Err(ConfigError::FormerCookie { path: former.path });
            }
        }
        Ok(())
    }

    fn check_attributes(&self, attributes: &Attributes) -> Result<(), ConfigError> {
        let Attributes { path, domain, secure, http_only, same_site, partitioned } = attributes;
        let name = &self.cookie_name;
        if let Some(domain) = domain.as_ref().filter(|domain| !is_host_name(domain)) {
            return Err(ConfigError::Domain { domain: domain.clone() });
        }
        if !is_cookie_path(path) {
            return Err(ConfigError::Path { path: path.clone() });
        }
        // Browsers ignore the case of these prefixes.
        let lower = name.to_ascii_lowercase();
        let [host, secure_prefix] = ["__host-", "__secure-"].map(|prefix| lower.starts_with(prefix));
        let http = lower.starts_with("__http-") || lower.starts_with("__host-http-");
        let broken_promise = [
            ((host || secure_prefix || http) && !secure, "`https_only(true)`"),
            (http && !http_only, "`danger_allow_script_access(false)`"),
            (host && path != "/", "path `/`"),
            (host && domain.is_some(), "no domain"),
        ];
        if let Some((_, requirement)) = broken_promise.into_iter().find(|(broken, _)| *broken) {
            return Err(ConfigError::CookiePrefix { name: name.clone(), requirement });
        }
        if *same_site == SameSite::None && !secure {
            return Err(ConfigError::RequiresHttpsOnly { attribute: "SameSite=None" });
        }
        if *partitioned && !secure {
            return Err(ConfigError::RequiresHttpsOnly { attribute: "Partitioned" });
        }
        Ok(())
    }

    pub(super) fn check_lifetimes(&self, settings: &Resolved) -> Result<Lifetimes, ConfigError> {
        let max_age = settings.max_age;
        let longest = self.longest_max_age.unwrap_or(max_age);
        let lifetimes = Lifetimes {
            idle: lifetime("max_age", max_age)?,
            longest: lifetime("longest_max_age", longest)?,
            absolute: self.absolute_lifetime.map(|absolute| lifetime("absolute_lifetime", absolute)).transpose()?,
            browser: settings.browser_session,
        };
        if longest < max_age {
            return Err(ConfigError::LongestMaxAge { longest, max_age });
        }
        if let Some(Refresh::After(after)) = settings.refresh
            && after >= max_age
        {
            return Err(ConfigError::Refresh { after, max_age });
        }
        Ok(lifetimes)
    }

    pub(super) fn check_limits(&self, settings: &Resolved) -> Result<(), ConfigError> {
        if self.request_deadline.is_zero() {
            return Err(ConfigError::RequestDeadline);
        }
        if !(2..=SessionMap::MAX_BYTES).contains(&self.max_session_bytes) {
            return Err(ConfigError::MaxSessionBytes { given: self.max_session_bytes });
        }
        if self.max_keys == 0 {
            return Err(ConfigError::MaxKeys);
        }
        if self.session_limit.is_some_and(|limit| limit.max_sessions == 0) {
            return Err(ConfigError::MaxSessionsPerUser);
        }
        if !is_key_prefix(&settings.key_prefix) {
            return Err(ConfigError::KeyPrefix { prefix: settings.key_prefix.to_string() });
        }
        Ok(())
    }
}
