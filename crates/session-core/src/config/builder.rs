//! Builds a [`SessionConfig`] and checks it as a whole.

mod accept;
mod check;
mod event;
mod format;
mod former;
mod keys;
mod presets;
#[cfg(feature = "serde")]
pub(super) mod settings;
mod users;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BackendType, ConfigError, Https, OnCorrupt, OnDuplicate, OnGone, Refresh, SameSite, SessionConfig, SessionLimit,
};
use crate::backend::{Backend, MemoryBackend};
use crate::cookie::{Attributes, CookieTemplate};
use crate::event::OnEvent;
use crate::format::{AcceptedFormat, Format, Settings};
use crate::signer::{DEFAULT_SALT, Key, Signer, TimestampSigner};
use crate::token::Tokens;
use crate::{Clock, SystemClock};
use former::FormerCookie;

/// Builds a [`SessionConfig`]: set what differs from the defaults, then call [`build`](Self::build), which checks all
/// settings together.
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionConfigBuilder {
    signing_key: Key,
    verify_keys: Vec<Key>,
    allow_weak_secret: bool,
    hardened: bool,
    development: bool,
    salt: Salt,
    cookie_name: String,
    attributes: Attributes,
    former_cookies: Vec<FormerCookie>,
    longest_max_age: Option<Duration>,
    absolute_lifetime: Option<Duration>,
    backend_type: Option<BackendType>,
    backend: Option<Backend>,
    require_atomic: bool,
    format: Option<Arc<dyn Format>>,
    accepted: Vec<AcceptedFormat>,
    require_user_index: bool,
    session_limit: Option<SessionLimit>,
    /// The settings that a format may also have.
    settings: Settings,
    on_gone: OnGone,
    on_corrupt: OnCorrupt,
    commit_on_server_error: bool,
    max_session_bytes: usize,
    max_keys: usize,
    on_event: Option<OnEvent>,
    request_deadline: Duration,
    clock: Arc<dyn Clock>,
}

enum Salt {
    Given(String),
    /// `<cookie>.cookie` or `<cookie>.server`.
    OfCookie(String),
}

impl SessionConfigBuilder {
    pub(super) fn new(signing_key: Key, cookie_name: String) -> Self {
        Self {
            signing_key,
            verify_keys: Vec::new(),
            allow_weak_secret: false,
            hardened: false,
            development: false,
            salt: Salt::Given(DEFAULT_SALT.to_owned()),
            cookie_name,
            attributes: Attributes::default(),
            former_cookies: Vec::new(),
            longest_max_age: None,
            absolute_lifetime: None,
            backend_type: None,
            backend: None,
            require_atomic: false,
            format: None,
            accepted: Vec::new(),
            require_user_index: false,
            session_limit: None,
            settings: Settings::default(),
            on_gone: OnGone::default(),
            on_corrupt: OnCorrupt::default(),
            commit_on_server_error: false,
            max_session_bytes: 128 * 1024,
            max_keys: 1024,
            on_event: None,
            request_deadline: Duration::from_millis(250),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how long a session lasts without use, and the `Max-Age` of its cookie: from 1 second to 400 days; default
    /// 14 days.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.settings.max_age = Some(max_age);
        self
    }

    /// Sets the longest lifetime that [`Session::set_lifetime`](crate::Session::set_lifetime) may give to a single
    /// session, at most 400 days; default [`max_age`](Self::max_age).
    pub fn longest_max_age(mut self, longest: Duration) -> Self {
        self.longest_max_age = Some(longest);
        self
    }

    /// Sets how long a session lasts in total, no matter how much it is used; default no limit.
    ///
    /// The time is counted from the session's first write, or from the last [`sign_in`](crate::Session::sign_in).
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.absolute_lifetime = Some(lifetime);
        self
    }

    /// Sets the `SameSite` attribute; default `Lax`.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.attributes.same_site = same_site;
        self
    }

    /// Sets the `Secure` attribute, with which browsers send the cookie over HTTPS only; default `false`.
    pub fn https_only(mut self, https_only: impl Into<Https>) -> Self {
        self.attributes.secure = https_only.into() == Https::Only;
        self
    }

    /// Sets the `Domain` attribute: browsers send the cookie to this host and all its subdomains. By default there is
    /// none, and browsers send the cookie only to the host that set it.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(domain.into());
        self
    }

    /// Sets the `Path` attribute; default `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = path.into();
        self
    }

    /// Sets the `Partitioned` attribute (CHIPS): browsers keep a separate cookie for each site that embeds this one;
    /// default `false`. It requires [`https_only`](Self::https_only).
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.attributes.partitioned = partitioned;
        self
    }

    /// Sends the cookie without `Max-Age`, so that browsers drop it when they are closed; default `false`.
    ///
    /// The server still ends the session after [`max_age`](Self::max_age) without use.
    pub fn browser_session(mut self, browser_session: bool) -> Self {
        self.settings.browser_session = Some(browser_session);
        self
    }

    /// Lets scripts read the cookie, by leaving out `HttpOnly`; default `false`. A script that an attacker injects can then
    /// steal sessions.
    pub fn danger_allow_script_access(mut self, allow: bool) -> Self {
        self.attributes.http_only = !allow;
        self
    }

    /// Sets the place of the sessions by name; see [`BackendType`]. By default it is the [`backend`](Self::backend) if
    /// one is passed, else the cookie.
    ///
    /// `Memory` needs no [`backend`](Self::backend), and `Cookie` accepts none. All other types need the backend of
    /// their crate.
    pub fn backend_type(mut self, backend_type: BackendType) -> Self {
        self.backend_type = Some(backend_type);
        self
    }

    /// Sets the store: a backend from one of the backend crates, any [`ISessionBackend`](crate::ISessionBackend), or a
    /// [`Backend`].
    pub fn backend(mut self, backend: impl Into<Backend>) -> Self {
        self.backend = Some(backend.into());
        self
    }

    /// Sets the prefix of keys in the store; default `session:`. An empty prefix shares keys with starlette-session.
    pub fn key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.settings.key_prefix = Some(key_prefix.into().into());
        self
    }

    /// Adds a key that verifies tokens but does not sign them.
    ///
    /// To change the key without logging users out, deploy three times: add the new key here; then swap the two keys;
    /// then, once [`longest_max_age`](Self::longest_max_age) has passed, remove the old one. If such a key verified the
    /// cookie of a session that the request uses, the response has a new cookie, signed by the current key.
    pub fn verify_key(mut self, key: impl Into<Key>) -> Self {
        self.verify_keys.push(key.into());
        self
    }

    /// Allows secrets shorter than 32 bytes, placeholders from documentation, and secrets of repeated or counted bytes;
    /// default `false`.
    ///
    /// Such a secret can be guessed. An attacker who guesses it can forge cookies, and in cookie mode log in as any
    /// user.
    pub fn danger_allow_weak_secret(mut self, allow: bool) -> Self {
        self.allow_weak_secret = allow;
        self
    }

    /// Sets the salt of the signature; default `itsdangerous.Signer`, as in Starlette. A token is valid only under the
    /// salt that it was signed with.
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = Salt::Given(salt.into());
        self
    }

    /// Sets when a session in use gets a new cookie and expiry; see [`Refresh`] for the defaults.
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.settings.refresh = Some(refresh);
        self
    }

    /// Sets the choice between several cookies of the session's name; default [`OnDuplicate::Last`].
    pub fn on_duplicate(mut self, on_duplicate: OnDuplicate) -> Self {
        self.settings.on_duplicate = Some(on_duplicate);
        self
    }

    /// Sets the answer to a request that changed its session, if the session is gone at commit; default
    /// [`OnGone::Conflict`].
    pub fn on_gone(mut self, on_gone: OnGone) -> Self {
        self.on_gone = on_gone;
        self
    }

    /// Sets the answer to a request whose stored session can't be read; default [`OnCorrupt::Absent`].
    pub fn on_corrupt(mut self, on_corrupt: OnCorrupt) -> Self {
        self.on_corrupt = on_corrupt;
        self
    }

    /// Commits the changes of a session even if the response has a 5xx status; default `false`.
    pub fn commit_on_server_error(mut self, commit: bool) -> Self {
        self.commit_on_server_error = commit;
        self
    }

    /// Sets the longest JSON text of a session that is written, in bytes: from 2 to
    /// [`SessionMap::MAX_BYTES`](crate::SessionMap::MAX_BYTES); default 128 KiB.
    ///
    /// A commit of a larger session fails with [`SessionError::TooLarge`](crate::SessionError::TooLarge). A larger
    /// stored session can still be read. Raise the limit with care: 64 concurrent writes of 1 MiB keep Redis busy for
    /// longer than the default request deadline.
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.max_session_bytes = bytes;
        self
    }

    /// Sets the largest number of keys of a session that is written, at least 1; default 1,024.
    ///
    /// The limit bounds the work of a request in which the client chooses the keys. A write that would leave more keys
    /// fails with [`SessionError::TooManyKeys`](crate::SessionError::TooManyKeys). A stored session with more keys can
    /// still be read.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Sets how far in the future a token may have been issued, for servers whose clocks differ; in whole seconds,
    /// default 10.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.settings.clock_skew = Some(skew);
        self
    }

    /// Sets how long one request may wait for the store in total, including retries; must be longer than zero, default
    /// 250 ms. Each [`save`](crate::Session::save), `reload` and `touch` has the same time again. A store that limits
    /// the time of its calls itself may exceed it by a tenth: see
    /// [`AtomicBackend::call_timeout`](crate::AtomicBackend::call_timeout).
    ///
    /// The backends of this project use the deadline as the timeout of their calls, unless the application sets one.
    pub fn request_deadline(mut self, deadline: Duration) -> Self {
        self.request_deadline = deadline;
        self
    }

    /// Sets the clock by which tokens are issued and expire; default the system's clock. A backend that is passed has
    /// its own.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks all settings together and builds the configuration. Logs a warning if the backend is not atomic, and if
    /// the secret is the random one of [`development`](Self::development).
    ///
    /// # Errors
    ///
    /// The first broken rule, as a [`ConfigError`].
    pub fn build(self) -> Result<SessionConfig, ConfigError> {
        self.check_secrets()?;
        self.check_cookie()?;
        let settings = self.resolve_settings();
        let lifetimes = self.check_lifetimes(&settings)?;
        self.check_limits(&settings)?;
        let into_store = |backend: Backend| backend.into_store(self.clock.clone());
        let backend = self.resolve_backend()?;
        let format = self.check_format(backend.is_some(), lifetimes, settings.clock_skew)?;
        let (store, store_as_passed) = match (backend, &self.format) {
            (Some(backend), Some(format)) => match format::with_codec(&backend, &**format)? {
                Some(with_codec) => (Some(into_store(with_codec)), Some(into_store(backend))),
                None => (Some(into_store(backend)), None),
            },
            (backend, _) => (backend.map(into_store), None),
        };
        self.check_user_index(store.as_ref())?;
        #[cfg(feature = "metrics")]
        let (meter, store, store_as_passed) = crate::backend::metered(&self.cookie_name, store, store_as_passed);

        let in_pairs = format.as_ref().is_some_and(|tokens| tokens.second.is_some());
        let on_duplicate = if in_pairs { OnDuplicate::First } else { settings.on_duplicate };
        let accepted = self.check_accepted(store.as_ref(), lifetimes, &settings)?;
        let refresh = settings.refresh.unwrap_or(if store.is_some() { Refresh::Tenth } else { Refresh::HalfLife });
        let keys: Vec<Key> = self.verify_keys.into_iter().chain([self.signing_key]).collect();
        let mode = if store.is_some() { "server" } else { "cookie" };
        let salt = match &self.salt {
            Salt::Given(salt) => salt.clone(),
            Salt::OfCookie(name) => keys::hardened_salt(name, mode),
        };
        let other_signers = keys::other_signers(&keys, &salt, &self.cookie_name, mode);
        let keys = if matches!(self.salt, Salt::OfCookie(_)) { keys::hardened(&keys) } else { keys };
        let signer = Signer::with_keys(keys, salt).map_err(|_| ConfigError::EmptySecret)?;
        if self.development {
            tracing::warn!(
                cookie = self.cookie_name,
                "the secret is a random one for development: all sessions end with this process"
            );
        }
        let signer = TimestampSigner::from(signer).clock_skew(settings.clock_skew.as_secs());
        let template = |attributes: Attributes| {
            CookieTemplate::new(&self.cookie_name, attributes, (!lifetimes.browser).then_some(lifetimes.idle))
        };
        let removals = self.former_cookies.iter().map(|former| template(former.attributes(&self.attributes)).removal());
        let removals: Vec<_> = removals.collect();
        Ok(SessionConfig {
            former_removals: (!removals.is_empty()).then(|| removals.into()),
            cookie: template(self.attributes),
            tokens: Tokens::new(signer, lifetimes.longest).with_other_signers(other_signers),
            format: format.map(Arc::new),
            accepted: (!accepted.is_empty()).then(|| accepted.into()),
            store,
            store_as_passed,
            #[cfg(feature = "metrics")]
            meter,
            key_prefix: settings.key_prefix,
            lifetimes,
            refresh,
            on_duplicate,
            on_gone: self.on_gone,
            on_corrupt: self.on_corrupt,
            commit_on_server_error: self.commit_on_server_error,
            max_session_bytes: self.max_session_bytes,
            max_keys: self.max_keys,
            session_limit: self.session_limit,
            on_event: self.on_event,
            request_deadline: self.request_deadline,
            clock: self.clock,
        })
    }

    /// Returns the backend that was passed, or the one that the backend type names.
    fn resolve_backend(&self) -> Result<Option<Backend>, ConfigError> {
        let backend = match (self.backend_type, &self.backend) {
            (Some(BackendType::Cookie), Some(_)) => return Err(ConfigError::BackendUnused),
            (_, Some(backend)) => backend.clone(),
            (None, None) if self.hardened => return Err(ConfigError::HardenedMode),
            (None | Some(BackendType::Cookie), None) => return Ok(None),
            (Some(BackendType::Memory), None) => {
                let clock = self.clock.clone();
                Backend::from(MemoryBackend::builder().clock(move || clock.now()).build())
            }
            (Some(backend_type), None) => return Err(ConfigError::BackendMissing { backend_type }),
        };
        if self.require_atomic && !backend.is_atomic() {
            return Err(ConfigError::NotAtomic);
        }
        Ok(Some(backend))
    }
}

impl fmt::Debug for SessionConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfigBuilder").field("cookie_name", &self.cookie_name).finish_non_exhaustive()
    }
}
