//! The cookies and stored values of other frameworks.

mod accept;
pub(crate) mod adopt;
mod record;
mod token;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::SessionCodec;
use crate::config::policy::{OnDuplicate, Refresh};
use crate::signer::Key;

pub use accept::AcceptedFormat;
pub(crate) use accept::{Accepted, StarletteTokens};
pub use record::StoredRecord;
pub(crate) use token::{ForeignTokens, ReadContent};
pub use token::{ReadToken, TokenContent, TokenFormat};

/// A description of another framework's sessions: the text of its cookies, the place of its sessions, and the settings
/// that they need.
///
/// [`SessionConfigBuilder::format`] takes one. Without one, tokens and stored values are those of Starlette and
/// starlette-session. The crate `session-compat` has the formats of other frameworks.
///
/// # Writing a format
///
/// 1. Implement this trait. [`settings`](Self::settings) returns the prefix of store keys, the lifetime of sessions and
///    the choice between several cookies.
/// 2. If the cookie's text differs from Starlette's, implement [`TokenFormat`] and return it from
///    [`tokens`](Self::tokens). A token holds an id or a whole session. The reader verifies the token; the manager
///    checks its age.
/// 3. If stored values are not the JSON text of the session, implement [`SessionCodec`] and return it from
///    [`codec`](Self::codec). The codec decides which part of a stored value is the session's data.
/// 4. A stored value may hold data that the framework needs and handlers must not see. Let the codec move it into the
///    [`StoredRecord`] when it decodes, and back when it encodes.
/// 5. A codec must refuse a value that it can't write back exactly, with [`BackendErrorKind::Corrupt`]. The manager
///    then leaves the stored value alone.
///
/// A format must not panic on a text from a client, and must limit the size and depth of what it reads. A cookie's text
/// has at most 4,096 bytes.
///
/// ```
/// use std::time::Duration;
///
/// use session_core::format::{Format, FormatSettings};
/// use session_core::{MemoryBackend, SessionConfig};
///
/// /// Starlette's tokens, with the keys of another service.
/// struct Neighbour;
///
/// impl Format for Neighbour {
///     fn name(&self) -> &'static str {
///         "neighbour"
///     }
///
///     fn settings(&self) -> FormatSettings {
///         FormatSettings::in_store("neighbour:").max_age(Duration::from_secs(3600))
///     }
/// }
///
/// let secret = std::env::var("SESSION_SECRET").unwrap_or("7f0e1c93b5a24d68a1c2e3f405162738".into());
/// let config = SessionConfig::builder(secret, "id").format(Neighbour).backend(MemoryBackend::new()).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// [`SessionConfigBuilder::format`]: crate::SessionConfigBuilder::format
/// [`BackendErrorKind::Corrupt`]: crate::BackendErrorKind::Corrupt
pub trait Format: Send + Sync + 'static {
    /// Returns the name of the format, for error texts. It also determines the ids of sessions that are
    /// [taken over](crate::SessionConfigBuilder::accept_format), so it must stay the same.
    fn name(&self) -> &'static str;

    /// Returns the settings that sessions of this format need.
    fn settings(&self) -> FormatSettings;

    /// Returns the reader and writer of cookies for these keys; by default `None`, which means Starlette's tokens.
    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        let _ = keys;
        None
    }

    /// Returns the reader and writer of stored values; by default `None`, for the JSON text of the session.
    ///
    /// The configuration passes it to the backend by [`AtomicBackend::with_codec`](crate::AtomicBackend::with_codec). A
    /// backend that keeps sessions in its own form, such as [`MemoryBackend`](crate::MemoryBackend), does not use it.
    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        None
    }
}

/// The settings of a [`Format`]. Setters of the builder override them.
#[derive(Clone, Debug)]
#[must_use]
pub struct FormatSettings {
    pub(crate) place: SessionPlace,
    pub(crate) second_cookie: Option<&'static str>,
    pub(crate) defaults: Settings,
}

/// The settings that both a format and an application may have. The application's take precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) key_prefix: Option<Cow<'static, str>>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) browser_session: Option<bool>,
    pub(crate) on_duplicate: Option<OnDuplicate>,
    pub(crate) clock_skew: Option<Duration>,
    pub(crate) refresh: Option<Refresh>,
}

impl Settings {
    /// Returns these settings, with those of the other for settings that are missing here.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            key_prefix: self.key_prefix.or(other.key_prefix),
            max_age: self.max_age.or(other.max_age),
            browser_session: self.browser_session.or(other.browser_session),
            on_duplicate: self.on_duplicate.or(other.on_duplicate),
            clock_skew: self.clock_skew.or(other.clock_skew),
            refresh: self.refresh.or(other.refresh),
        }
    }
}

/// The place where a format keeps sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionPlace {
    Cookie,
    Store,
}

impl SessionPlace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cookie => "the cookie",
            Self::Store => "a store",
        }
    }
}

impl FormatSettings {
    /// Makes the settings of a format that keeps sessions in a store, under keys that begin with this text.
    pub fn in_store(key_prefix: impl Into<Cow<'static, str>>) -> Self {
        let defaults = Settings { key_prefix: Some(key_prefix.into()), ..Settings::default() };
        Self { place: SessionPlace::Store, second_cookie: None, defaults }
    }

    /// Makes the settings of a format that keeps sessions in the cookie.
    pub fn in_cookie() -> Self {
        Self { place: SessionPlace::Cookie, second_cookie: None, defaults: Settings::default() }
    }

    /// Sets how long a session lasts without use; by default the builder's
    /// [`max_age`](crate::SessionConfigBuilder::max_age).
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.defaults.max_age = Some(max_age);
        self
    }

    /// With `true`, sends cookies without `Max-Age`; by default the builder's
    /// [`browser_session`](crate::SessionConfigBuilder::browser_session).
    pub fn browser_session(mut self, browser_session: bool) -> Self {
        self.defaults.browser_session = Some(browser_session);
        self
    }

    /// Sets the choice between several cookies of the session's name; by default the builder's.
    pub fn on_duplicate(mut self, on_duplicate: OnDuplicate) -> Self {
        self.defaults.on_duplicate = Some(on_duplicate);
        self
    }

    /// Sets how far in the future a token may have been issued, if it tells its time of issue; by default the builder's
    /// clock skew.
    pub fn clock_skew(mut self, clock_skew: Duration) -> Self {
        self.defaults.clock_skew = Some(clock_skew);
        self
    }

    /// Sets when a session in use gets a new cookie and expiry; by default the builder's
    /// [`refresh`](crate::SessionConfigBuilder::refresh).
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.defaults.refresh = Some(refresh);
        self
    }

    /// Splits a token into two cookies. The second one's name is the session cookie's name with this suffix.
    ///
    /// [`TokenFormat::read`] then receives both values with a semicolon in between, and [`TokenFormat::write`] must
    /// append both in this form. If several cookies have one name, the first is used. The values are not
    /// percent-decoded.
    pub fn second_cookie(mut self, suffix: &'static str) -> Self {
        self.second_cookie = Some(suffix);
        self
    }
}

/// The secrets of a configuration, for the [`TokenFormat`] of a [`Format`]. `Debug` does not print them.
#[derive(Clone, Copy, Debug)]
pub struct FormatKeys<'a> {
    pub(crate) signing: &'a Key,
    pub(crate) verifying: &'a [Key],
    pub(crate) cookie_name: &'a str,
}

impl<'a> FormatKeys<'a> {
    /// Returns the secret that signs tokens.
    #[must_use]
    pub fn signing(&self) -> &'a [u8] {
        self.signing.secret()
    }

    /// Returns all secrets that verify tokens, the signing one first.
    pub fn all(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        std::iter::once(self.signing).chain(self.verifying).map(Key::secret)
    }

    /// Returns the name of the cookie, for formats that bind a token to it.
    #[must_use]
    pub fn cookie_name(&self) -> &'a str {
        self.cookie_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_of_the_application_comes_before_that_of_the_format() {
        let settings = |key_prefix: &'static str, number, on_duplicate, refresh| Settings {
            key_prefix: Some(key_prefix.into()),
            max_age: Some(Duration::from_secs(number)),
            browser_session: Some(number > 1),
            on_duplicate: Some(on_duplicate),
            clock_skew: Some(Duration::from_secs(number)),
            refresh: Some(refresh),
        };
        let of_application = settings("own:", 1, OnDuplicate::First, Refresh::Never);
        let of_format = settings("format:", 2, OnDuplicate::Last, Refresh::Always);
        assert_eq!(of_application.clone().or(of_format.clone()), of_application);
        assert_eq!(of_application.clone().or(Settings::default()), of_application);
        assert_eq!(Settings::default().or(of_format.clone()), of_format);
    }
}
