//! The sessions of cookie-session, in two cookies.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, TokenContent, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, OnDuplicate, SessionError, SessionMap};
use sha1::Sha1;

/// The suffix of the signature cookie's name.
const SIGNATURE: &str = ".sig";

/// Separates the value of the cookie from its signature.
const SEPARATOR: u8 = b';';

/// The sessions of Express with cookie-session 2, which live in a cookie, with their signature in a second cookie.
///
/// Pass it to the configuration, without a backend. The service in Express needs no change.
///
/// | cookie-session | here |
/// |---|---|
/// | `keys` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder), and [`verify_key`](session_core::SessionConfigBuilder::verify_key) for further ones |
/// | `name` | the second argument of the builder; [`CookieSession::COOKIE_NAME`] is the default |
/// | `maxAge` | [`CookieSession::max_age`] |
///
/// ```
/// use session_compat::CookieSession;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// let config = SessionConfig::builder(secret, CookieSession::COOKIE_NAME).format(CookieSession::new()).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// Cookies are signed with HMAC-SHA1, the default of Keygrip. `signed: false` is not supported.
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Express, under one
///   host name. If the cookie is `secure`, Express needs `app.set("trust proxy", 1)`, and Rust
///   [`https_only(true)`](session_core::SessionConfigBuilder::https_only).
/// - **Move first** the routes that only read, because they set no cookie on either side.
/// - **Move together** all routes that one page calls and that change the session, because the cookie holds the whole
///   session.
/// - **Shared:** login, data and logout. To log out, [`destroy`](session_core::Session::destroy) removes both cookies,
///   as `req.session = null` does.
/// - **To go back**, undo the rule of the proxy. Express takes the cookies of Rust as its own.
///
/// # What is lost
///
/// - The cookies have no time of issue, so a copy stays valid forever, even after a logout, as in Express.
/// - A cookie holds the whole session, so of two concurrent requests the later response wins, in any language.
/// - JavaScript rounds integers beyond 2^53 when Express writes a session.
/// - Express drops the keys `isNew`, `isChanged` and `isPopulated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CookieSession {
    max_age: Option<Duration>,
}

impl CookieSession {
    /// The default name of cookie-session's cookie.
    pub const COOKIE_NAME: &str = "session";

    /// Makes the format for Express with cookies that end with the browser, which is the default.
    #[must_use]
    pub fn new() -> Self {
        Self { max_age: None }
    }

    /// Sets the `maxAge` of Express, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

impl Format for CookieSession {
    fn name(&self) -> &'static str {
        "cookie-session"
    }

    fn settings(&self) -> FormatSettings {
        let settings = FormatSettings::in_cookie().on_duplicate(OnDuplicate::First).second_cookie(SIGNATURE);
        match self.max_age {
            Some(max_age) => settings.max_age(max_age),
            None => settings.browser_session(true),
        }
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        let keyed = |secret: &[u8]| Hmac::new_from_slice(secret).expect("HMAC takes keys of every length");
        let start = [keys.cookie_name(), "="].concat();
        Some(Box::new(Tokens { keys: keys.all().map(keyed).map(|key: Hmac<Sha1>| key.chain_update(&start)).collect() }))
    }
}

struct Tokens {
    /// The first one signs, all verify. Each has hashed the cookie's name and the equals sign already.
    keys: Vec<Hmac<Sha1>>,
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let at = text.iter().position(|&byte| byte == SEPARATOR)?;
        let (value, signature) = (&text[..at], &text[at + 1..]);
        // Only the canonical text of a signature is decoded.
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let verifies = |key: &Hmac<Sha1>| key.clone().chain_update(value).verify_slice(&signature).is_ok();
        let key = self.keys.iter().position(verifies)?;
        let session = SessionMap::from_slice(&STANDARD.decode(value).ok()?).ok()?;
        session.validate().ok()?;
        Some(ReadToken::of_session(session).by_older_key(key > 0))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let (TokenContent::Session(session), Some(key)) = (content, self.keys.first()) else {
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).into());
        };
        let value = STANDARD.encode(&*session.as_json());
        let signature = key.clone().chain_update(&value).finalize().into_bytes();
        out.extend(value.into_bytes());
        out.push(SEPARATOR);
        out.extend(URL_SAFE_NO_PAD.encode(signature).into_bytes());
        Ok(())
    }
}
