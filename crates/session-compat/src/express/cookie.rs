//! The cookie settings that express-session keeps in a stored session.

use session_core::{SessionMap, ValueError};

use super::date::iso_date;

/// The key of a stored session that holds them.
pub(super) const COOKIE_KEY: &str = "cookie";

const MAX_AGE: &str = "originalMaxAge";
const EXPIRES: &str = "expires";

/// The settings of a session that begins in Rust, as Express writes them by default.
const DEFAULT: &str = r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;

/// A cookie's settings, with their original order and texts.
pub(super) struct Cookie(SessionMap);

impl Cookie {
    /// Reads settings. If the text is not an object, to which Express responds with 500, uses those of a new session.
    pub(super) fn parse(json: Option<&str>) -> Self {
        let given = json.and_then(|json| SessionMap::from_json(json).ok());
        Self(given.or_else(|| SessionMap::from_json(DEFAULT).ok()).unwrap_or_default())
    }

    /// Returns the lifetime without use, in seconds, rounded up. `None` for a cookie that ends with the browser.
    pub(super) fn max_age(&self) -> Option<u64> {
        let milliseconds: f64 = self.0.get(MAX_AGE).ok().flatten()?;
        (milliseconds > 0.0).then_some((milliseconds / 1000.0).ceil() as u64)
    }

    /// Sets the lifetime, and the end that follows from it.
    pub(super) fn set_max_age(&mut self, max_age: Option<u64>, now_ms: u64) -> Result<(), ValueError> {
        let Self(settings) = self;
        let Some(seconds) = max_age else {
            // An object without these keys means the same as one with nulls.
            for key in [MAX_AGE, EXPIRES] {
                if settings.contains_key(key) {
                    settings.insert(key, ())?;
                }
            }
            return Ok(());
        };
        let milliseconds = seconds.saturating_mul(1000);
        if Self(settings.clone()).max_age() != max_age {
            settings.insert(MAX_AGE, milliseconds)?;
        }
        settings.insert(EXPIRES, iso_date(now_ms.saturating_add(milliseconds)))?;
        Ok(())
    }

    pub(super) fn into_json(self) -> String {
        self.0.into_json()
    }
}
