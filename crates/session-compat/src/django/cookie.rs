//! The sessions that Django keeps in its cookie.

use std::time::Duration;

use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, TokenContent, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, SessionError};

use super::common_settings;
use super::expiry::{from_expiry, to_expiry};
use super::signing::Signer;
use crate::packed::{pack, unpack};

const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

/// The sessions of Django's `signed_cookies` engine, which live in the cookie.
///
/// Pass it to the configuration, without a backend. The service in Django needs no change.
///
/// | Django | here |
/// |---|---|
/// | `SECRET_KEY` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | `SECRET_KEY_FALLBACKS` | [`verify_key`](session_core::SessionConfigBuilder::verify_key), once for each |
/// | `SESSION_COOKIE_NAME` | the second argument of the builder; [`DjangoCookie::COOKIE_NAME`] is Django's default |
/// | `SESSION_COOKIE_AGE` | [`max_age`](session_core::SessionConfigBuilder::max_age); 14 days on both sides by default |
/// | `SESSION_EXPIRE_AT_BROWSER_CLOSE` | [`browser_session`](session_core::SessionConfigBuilder::browser_session) |
/// | `set_expiry(seconds)` | [`set_lifetime`](session_core::Session::set_lifetime) |
/// | `SESSION_SAVE_EVERY_REQUEST = True` | [`Refresh::Always`](session_core::Refresh::Always): a use extends the session |
///
/// ```
/// use session_compat::DjangoCookie;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// let config = SessionConfig::builder(secret, DjangoCookie::COOKIE_NAME).format(DjangoCookie).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Django, under one host
///   name. `SESSION_COOKIE_PATH` must cover the paths of both.
/// - **Move first** the routes that only read, because they leave the cookie alone on both sides. With
///   `SESSION_SAVE_EVERY_REQUEST`, Django sends the cookie with each response: turn it off while both run.
/// - **Move together** all routes that one page calls and that change the session, because the cookie holds the whole
///   session.
/// - **Shared:** login, data and logout. [`destroy`](session_core::Session::destroy) logs out on both sides, as
///   `request.session.flush()` does. Not shared: the check of Django's CSRF token, which forms that are sent to Rust
///   need as well, and messages in Django's cookie `messages`.
/// - **To go back**, undo the rule of the proxy. Django reads each cookie of Rust.
///
/// # Logins
///
/// `django.contrib.auth` keeps three keys: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`. In Rust, a
/// session with an `_auth_user_id` is that of a user whom Django has logged in. Don't change the three keys, because
/// Django logs out a user whose hash is missing. To log a user in for Django too, set all three keys;
/// [`django_auth_hash`](crate::django_auth_hash) makes the hash from the user's column `password`.
///
/// # Expiry
///
/// Each side refuses a cookie that is older than `SESSION_COOKIE_AGE`, and sends it again when the session changes. A
/// shorter lifetime of a single session applies only to the cookie in the browser: neither side refuses an older copy.
///
/// # What is lost
///
/// - A cookie holds the whole session. Of two concurrent requests the later response wins, in any language.
/// - A cookie that a client has copied stays valid after a logout, as in Django.
/// - A cookie from the future is accepted, as in Django.
///   [`clock_skew`](session_core::SessionConfigBuilder::clock_skew) sets a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DjangoCookie;

impl DjangoCookie {
    /// The default name of Django's session cookie.
    pub const COOKIE_NAME: &str = "sessionid";
}

impl Format for DjangoCookie {
    fn name(&self) -> &'static str {
        "django-cookie"
    }

    fn settings(&self) -> FormatSettings {
        common_settings(FormatSettings::in_cookie()).clock_skew(Duration::MAX)
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        Some(Box::new(Tokens(Signer::new(keys.all(), SALT))))
    }
}

struct Tokens(Signer);

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let signed = self.0.verify(text)?;
        // Django reads the JSON text as Latin-1, so a text that is not ASCII would differ between the two sides.
        let mut session = unpack(signed.payload).filter(|session| session.as_json().is_ascii())?;
        from_expiry(&mut session).ok()?;
        let token = ReadToken::of_session(session).issued_at(signed.issued_at).renewed_by_use(false);
        Some(token.by_older_key(signed.by_older_key))
    }

    fn write(&self, content: TokenContent<'_>, now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let TokenContent::Session(session) = content else {
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).into());
        };
        let mut session = session.clone();
        to_expiry(&mut session)?;
        self.0.sign(&pack(&session.as_json()), now, out);
        Ok(())
    }
}
