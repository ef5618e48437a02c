//! The format of another framework in a configuration.

use std::sync::Arc;

use super::SessionConfigBuilder;
use crate::config::{ConfigError, Lifetimes};
use crate::cookie::CookieTemplate;
use crate::format::{ForeignTokens, Format, FormatKeys, FormatSettings, SessionPlace};

impl SessionConfigBuilder {
    /// Shares sessions with another framework, whose cookies and store keys the format reads and writes; by default
    /// those of Starlette and starlette-session.
    ///
    /// This sets the key prefix and, where the format has its own, the lifetime, refresh, clock skew and choice between
    /// cookies. Setters that are called afterwards replace these. If the format's stored values are not the session's
    /// JSON text, also pass the format to the backend, as its [`SessionCodec`](crate::SessionCodec).
    pub fn format(mut self, format: impl Format) -> Self {
        let FormatSettings {
            key_prefix,
            max_age,
            browser_session,
            on_duplicate,
            clock_skew,
            refresh,
            second_cookie: _,
            place: _,
        } = format.settings();
        if let Some(key_prefix) = key_prefix {
            self.key_prefix = key_prefix.into_owned();
        }
        self.max_age = max_age.unwrap_or(self.max_age);
        self.browser_session |= browser_session;
        self.on_duplicate = on_duplicate.unwrap_or(self.on_duplicate);
        self.clock_skew = clock_skew.unwrap_or(self.clock_skew);
        self.refresh = refresh.or(self.refresh);
        self.format = Some(Arc::new(format));
        self
    }

    /// Returns the reader and writer of cookies, unless they are those of Starlette.
    pub(super) fn check_format(
        &self,
        stored: bool,
        lifetimes: Lifetimes,
    ) -> Result<Option<ForeignTokens>, ConfigError> {
        let Some(format) = &self.format else { return Ok(None) };
        let FormatSettings { place, second_cookie, .. } = format.settings();
        if stored != (place == SessionPlace::Store) {
            return Err(ConfigError::FormatPlace { format: format.name(), place: place.name() });
        }
        let keys =
            FormatKeys { signing: &self.signing_key, verifying: &self.verify_keys, cookie_name: &self.cookie_name };
        let clock_skew = self.clock_skew.as_secs();
        let usual_max_age = (!lifetimes.browser).then_some(lifetimes.idle);
        let second = second_cookie.map(|suffix| [&*self.cookie_name, suffix].concat());
        let second = second.map(|name| CookieTemplate::new(&name, self.attributes.clone(), usual_max_age));
        let longest_max_age = lifetimes.longest;
        Ok(format.tokens(keys).map(|format| ForeignTokens { format, longest_max_age, clock_skew, second }))
    }
}
