//! The sessions that Flask keeps in its cookie.

use std::time::Duration;

use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, TokenContent, TokenFormat};
use session_core::signer::{Key, KeyDerivation, Signer, TimestampSigner};
use session_core::{Applied, BackendError, BackendErrorKind, OnDuplicate, SessionError};

use crate::packed::{pack, unpack};
use crate::permanent::{LIFETIME, from_permanent, to_permanent};

const SALT: &str = "cookie-session";

/// The sessions of Flask, which live in its cookie.
///
/// Pass it to the configuration, without a backend. The service in Flask needs no change.
///
/// | Flask | here |
/// |---|---|
/// | `SECRET_KEY` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | `SECRET_KEY_FALLBACKS` | [`verify_key`](session_core::SessionConfigBuilder::verify_key), once for each |
/// | `SESSION_COOKIE_NAME` | the second argument of the builder; [`Flask::COOKIE_NAME`] is Flask's default |
/// | `PERMANENT_SESSION_LIFETIME` | [`Flask::lifetime`], by default 31 days |
/// | `SESSION_COOKIE_SAMESITE`, `SESSION_COOKIE_SECURE`, `SESSION_COOKIE_DOMAIN` | the builder's `same_site`, `https_only` and `domain` |
///
/// ```
/// use session_compat::Flask;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// let config = SessionConfig::builder(secret, Flask::COOKIE_NAME).format(Flask::new()).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Flask, under one host
///   name. `SESSION_COOKIE_PATH` and `APPLICATION_ROOT` must cover the paths of both.
/// - **Move first** the routes that only read, because they leave the cookie alone. Flask itself sends the cookie of a
///   permanent session with each response, unless `SESSION_REFRESH_EACH_REQUEST` is off: turn it off while both run.
/// - **Move together** all routes that one page calls and that change the session, because the cookie holds the whole
///   session.
/// - **Shared:** login, data, flash messages and logout. Flask-Login keeps `_user_id`, `_fresh` and `_id`: a session
///   with a `_user_id` belongs to a user who is logged in. Leave the three as they are, because `_id` is made from the
///   client's address and browser, and let Flask log users in. [`destroy`](session_core::Session::destroy) logs out on
///   both sides.
/// - **To go back**, undo the rule of the proxy. Flask reads each cookie of Rust.
///
/// # Permanent sessions
///
/// Flask marks a permanent session by the key `_permanent`. Handlers in Rust don't see that key. They see its effect on
/// the session's [lifetime](session_core::Session::lifetime): a permanent session lasts for [`Flask::lifetime`], and any
/// other ends with the browser. [`set_lifetime`](session_core::Session::set_lifetime) makes a session permanent.
///
/// # Tagged values
///
/// Flask writes values that JSON does not have as objects with one key: `{" t":[1,2]}` is a tuple, ` b` bytes, ` d` a
/// datetime, ` u` a UUID, ` m` markup. Handlers see these objects, and an object that they don't change goes back
/// unchanged. Flash messages are tuples: `{"_flashes":[{" t":["message","Saved"]}]}`. Don't write an object whose only
/// key is one of these, because Flask would read it as such a value.
///
/// # What is lost
///
/// - A cookie holds the whole session. Of two concurrent requests the later response wins, in any language.
/// - A cookie that a client has copied stays valid after a logout, as in Flask.
/// - A cookie from the future is refused, as in Flask. Where clocks differ, call
///   [`clock_skew`](session_core::SessionConfigBuilder::clock_skew).
/// - Flask 3.1.0 signs with the last of its fallback keys. Update it, or pass all of its keys to Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flask {
    lifetime: Duration,
}

impl Flask {
    /// The default name of Flask's session cookie.
    pub const COOKIE_NAME: &str = "session";

    /// Makes the format for Flask's default settings.
    #[must_use]
    pub fn new() -> Self {
        Self { lifetime: LIFETIME }
    }

    /// Sets the `PERMANENT_SESSION_LIFETIME` of Flask, in whole seconds; default 31 days. Flask refuses older cookies,
    /// permanent or not.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

impl Default for Flask {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for Flask {
    fn name(&self) -> &'static str {
        "flask"
    }

    fn settings(&self) -> FormatSettings {
        FormatSettings::in_cookie()
            .max_age(self.lifetime)
            .browser_session(true)
            .on_duplicate(OnDuplicate::First)
            .clock_skew(Duration::ZERO)
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        let keys: Vec<_> = keys.all().map(|secret| Key::new(secret).derivation(KeyDerivation::Hmac)).collect();
        // A signer signs with the last key.
        let signer = Signer::with_keys(keys.into_iter().rev(), SALT).ok()?;
        Some(Box::new(Tokens { signer: signer.into(), lifetime: self.lifetime.as_secs() }))
    }
}

struct Tokens {
    signer: TimestampSigner,
    /// In seconds.
    lifetime: u64,
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        // The manager checks the age.
        let unsigned = self.signer.unsign(text, None, 0).ok()?;
        let mut session = unpack(unsigned.value)?;
        from_permanent(&mut session, self.lifetime).ok()?;
        let token = ReadToken::of_session(session).issued_at(unsigned.timestamp);
        Some(token.by_older_key(!unsigned.by_signing_key))
    }

    fn write(&self, content: TokenContent<'_>, now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let TokenContent::Session(session) = content else {
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).into());
        };
        out.extend(self.signer.sign(pack(&to_permanent(session, self.lifetime, false)?), now));
        Ok(())
    }
}
