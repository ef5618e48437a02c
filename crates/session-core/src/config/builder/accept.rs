//! The formats whose sessions a configuration takes over.

use std::time::Duration;

use hmac::{Hmac, KeyInit};

use super::SessionConfigBuilder;
use super::format::{Resolved, with_codec};
use crate::backend::Store;
use crate::config::secret::check_strength;
use crate::config::validate::{is_key_prefix, is_token, lifetime};
use crate::config::{ConfigError, Lifetimes};
use crate::cookie::CookieTemplate;
use crate::format::{Accepted, AcceptedFormat, ForeignTokens, FormatKeys, SessionPlace, StarletteTokens};
use crate::signer::{DEFAULT_SALT, Signer, TimestampSigner};
use crate::token::Tokens;

/// Moving from another framework.
impl SessionConfigBuilder {
    /// Takes over the sessions of another format, so that a service can move to this library without logging its users
    /// out. Call it again for each further format.
    ///
    /// A request without a valid cookie of this configuration may have one of the other format. When such a request
    /// loads its session, the other format's session is read once and becomes a session of this configuration, with a
    /// new id, and with this configuration's cookie, store and lifetime. The other format's stored session and cookie
    /// are then removed, unless [`AcceptedFormat::keep`] was called. A user who signed in by
    /// [`Session::sign_in`](crate::Session::sign_in) stays signed in. Data that the other framework hides from handlers
    /// is dropped, and so is a lifetime that the session had of its own.
    ///
    /// ```
    /// use session_core::format::{AcceptedFormat, Format, FormatSettings};
    /// use session_core::{MemoryBackend, SessionConfig};
    ///
    /// # struct Neighbour;
    /// # impl Format for Neighbour {
    /// #     fn name(&self) -> &'static str { "neighbour" }
    /// #     fn settings(&self) -> FormatSettings { FormatSettings::in_store("neighbour:") }
    /// # }
    /// # let (secret, old_secret) = ("7f0e1c93b5a24d68a1c2e3f405162738", "0d6c1a7be2f94c53a8b1d0e7f6253948");
    /// # let (backend, old_backend) = (MemoryBackend::new(), MemoryBackend::new());
    /// let config = SessionConfig::builder(secret, "session")
    ///     .backend(backend)
    ///     .accept_format(AcceptedFormat::new(Neighbour, old_secret, "old_session").backend(old_backend))
    ///     .build()?;
    /// # Ok::<(), session_core::ConfigError>(())
    /// ```
    ///
    /// # Requests at the same time
    ///
    /// - A *stored* session is taken over once. All requests with its cookie find the same session of this
    ///   configuration, and lose no updates. If the response that sets the new cookie is lost, the next request finds
    ///   the session again.
    /// - A session that lives in its *cookie* is taken over by each request that brings this cookie, until the client
    ///   has the new one. Of two concurrent requests the later response wins, as in the other framework.
    /// - A change that the other service makes after the takeover is not seen.
    ///
    /// # Logout
    ///
    /// `destroy` also removes the other format's stored session and cookie, whether the session was taken over before
    /// or not. A session that the other service ends before the takeover is not taken over. A logout there after the
    /// takeover has no effect here. A client that has kept a copy of a cookie that holds its session can have it taken
    /// over again.
    ///
    /// # Cost and failures
    ///
    /// Requests with a cookie of this configuration cost nothing extra. The takeover of a stored session costs five
    /// calls: look for the new session, read the other store, create, remove, and a `touch` at the commit. The takeover
    /// of a session in its cookie costs two: create and `touch`. If either store fails, the request gets a 503 and no
    /// empty session. If the request fails after it has created the new session, the other session may stay in its store
    /// until it expires. A client that has kept its cookie can then have it taken over again, a minute after a logout with
    /// the new cookie alone.
    pub fn accept_format(mut self, accepted: AcceptedFormat) -> Self {
        self.accepted.push(accepted);
        self
    }

    pub(super) fn check_accepted(
        &self,
        store: Option<&Store>,
        lifetimes: Lifetimes,
        own: &Resolved,
    ) -> Result<Vec<Accepted>, ConfigError> {
        self.accepted.iter().map(|accepted| self.check_one(accepted, store, lifetimes, own)).collect()
    }

    fn check_one(
        &self,
        accepted: &AcceptedFormat,
        store: Option<&Store>,
        lifetimes: Lifetimes,
        own: &Resolved,
    ) -> Result<Accepted, ConfigError> {
        let (format, settings) = (&accepted.format, accepted.format.settings());
        let defaults = settings.defaults;
        for key in accepted.verifying.iter().chain([&accepted.signing]) {
            if key.secret().is_empty() {
                return Err(ConfigError::EmptySecret);
            }
            if !self.allow_weak_secret {
                check_strength(key.secret())?;
            }
        }
        if !is_token(&accepted.cookie_name) {
            return Err(ConfigError::CookieName { name: accepted.cookie_name.clone() });
        }
        let in_store = settings.place == SessionPlace::Store;
        if in_store != accepted.backend.is_some() {
            return Err(ConfigError::FormatPlace { format: format.name(), place: settings.place.name() });
        }
        if in_store && store.is_none() {
            return Err(ConfigError::AcceptedPlace { format: format.name() });
        }
        let key_prefix = accepted.key_prefix.as_deref().or(defaults.key_prefix.as_deref()).unwrap_or_default();
        if !is_key_prefix(key_prefix) {
            return Err(ConfigError::KeyPrefix { prefix: key_prefix.to_owned() });
        }
        const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 3600);
        let max_age = lifetime("max_age", accepted.max_age.or(defaults.max_age).unwrap_or(TWO_WEEKS))?;
        let clock_skew = defaults.clock_skew.unwrap_or(own.clock_skew).as_secs();
        let keys = FormatKeys {
            signing: &accepted.signing,
            verifying: &accepted.verifying,
            cookie_name: &accepted.cookie_name,
        };
        let tokens = match format.tokens(keys) {
            Some(tokens) => tokens,
            None => {
                let keys = accepted.verifying.iter().chain([&accepted.signing]).cloned();
                let signer = Signer::with_keys(keys, DEFAULT_SALT).map_err(|_| ConfigError::EmptySecret)?;
                Box::new(StarletteTokens { tokens: Tokens::new(TimestampSigner::from(signer), max_age), in_store })
            }
        };
        let store = match &accepted.backend {
            Some(backend) => {
                let backend = with_codec(backend, &**format)?.unwrap_or(backend.clone());
                let store = Some(backend.into_store(self.clock.clone()));
                #[cfg(feature = "metrics")]
                let (_, store, _) = crate::backend::metered(&accepted.cookie_name, store, None);
                store
            }
            None => None,
        };
        let template = |name: &str| CookieTemplate::new(name, self.attributes.clone(), Some(lifetimes.idle));
        let second = settings.second_cookie.map(|suffix| template(&[&*accepted.cookie_name, suffix].concat()));
        let first = (accepted.cookie_name != self.cookie_name).then(|| template(&accepted.cookie_name));
        let removals = first.iter().chain(&second).map(CookieTemplate::removal).collect();
        Ok(Accepted {
            name: format.name(),
            tokens: ForeignTokens { format: tokens, longest_max_age: max_age, clock_skew, second },
            cookie_name: accepted.cookie_name.as_str().into(),
            on_duplicate: defaults.on_duplicate.unwrap_or(own.on_duplicate),
            store,
            key_prefix: key_prefix.into(),
            keeps: accepted.keeps,
            removals,
            id_key: Hmac::new_from_slice(self.signing_key.secret()).expect("HMAC takes keys of every length"),
        })
    }
}
