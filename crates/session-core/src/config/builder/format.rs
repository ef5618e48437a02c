//! The format of another framework in a configuration.

use std::sync::Arc;
use std::time::Duration;

use super::SessionConfigBuilder;
use crate::backend::Backend;
use crate::codec::CodecRefusal;
use crate::config::policy::{OnDuplicate, Refresh};
use crate::config::{ConfigError, Lifetimes};
use crate::cookie::CookieTemplate;
use crate::format::{ForeignTokens, Format, FormatKeys, FormatSettings, SessionPlace};

/// The settings of the application, or else those of the format, or else those of starlette-session.
pub(super) struct Resolved {
    pub(super) key_prefix: Box<str>,
    pub(super) max_age: Duration,
    pub(super) browser_session: bool,
    pub(super) on_duplicate: OnDuplicate,
    pub(super) clock_skew: Duration,
    /// The default depends on the place of the sessions.
    pub(super) refresh: Option<Refresh>,
}

impl SessionConfigBuilder {
    /// Shares sessions with another framework, whose cookies, stored values and store keys the format reads and writes; by
    /// default those of Starlette and starlette-session.
    ///
    /// The [`backend`](Self::backend) uses the format's [codec](Format::codec), unless it keeps sessions in its own
    /// form. The format may have its own key prefix, lifetime, refresh, clock skew and choice between cookies. A setter
    /// of this builder overrides each of them, no matter which is called first.
    pub fn format(mut self, format: impl Format) -> Self {
        self.format = Some(Arc::new(format));
        self
    }

    pub(super) fn resolve_settings(&self) -> Resolved {
        let format = self.format.as_ref().map(|format| format.settings().defaults);
        let settings = self.settings.clone().or(format.unwrap_or_default());
        Resolved {
            key_prefix: settings.key_prefix.unwrap_or("session:".into()).into(),
            max_age: settings.max_age.unwrap_or(Duration::from_secs(14 * 24 * 3600)),
            browser_session: settings.browser_session.unwrap_or_default(),
            on_duplicate: settings.on_duplicate.unwrap_or_default(),
            clock_skew: settings.clock_skew.unwrap_or(Duration::from_secs(10)),
            refresh: settings.refresh,
        }
    }

    /// Returns the reader and writer of cookies, unless they are those of Starlette.
    pub(super) fn check_format(
        &self,
        stored: bool,
        lifetimes: Lifetimes,
        clock_skew: Duration,
    ) -> Result<Option<ForeignTokens>, ConfigError> {
        let Some(format) = &self.format else { return Ok(None) };
        let FormatSettings { place, second_cookie, .. } = format.settings();
        if stored != (place == SessionPlace::Store) {
            return Err(ConfigError::FormatPlace { format: format.name(), place: place.name() });
        }
        let keys =
            FormatKeys { signing: &self.signing_key, verifying: &self.verify_keys, cookie_name: &self.cookie_name };
        let usual_max_age = (!lifetimes.browser).then_some(lifetimes.idle);
        let second = second_cookie.map(|suffix| [&*self.cookie_name, suffix].concat());
        let second = second.map(|name| CookieTemplate::new(&name, self.attributes.clone(), usual_max_age));
        let (longest_max_age, clock_skew) = (lifetimes.longest, clock_skew.as_secs());
        Ok(format.tokens(keys).map(|format| ForeignTokens { format, longest_max_age, clock_skew, second }))
    }
}

/// Returns the backend with the codec of a format; `None` if the format has no codec, or if the backend has its own
/// form.
pub(super) fn with_codec(backend: &Backend, format: &dyn Format) -> Result<Option<Backend>, ConfigError> {
    let Some(codec) = format.codec() else { return Ok(None) };
    match backend.with_codec(codec) {
        Ok(backend) => Ok(Some(backend)),
        Err(CodecRefusal::OwnForm) => Ok(None),
        Err(CodecRefusal::AlreadySet) => Err(ConfigError::CodecAlreadySet { format: format.name() }),
    }
}
