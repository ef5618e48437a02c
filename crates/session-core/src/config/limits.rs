//! The data that a session may hold, and the data that the library adds.

use super::SessionConfig;
use crate::error::SessionError;
use crate::map::SessionMap;
use crate::meta::{META_KEY, Meta, is_emptied};
use crate::token::ID_KEY;

impl SessionConfig {
    /// Returns `true` if a key of the session map belongs to the library.
    pub(crate) fn is_reserved(&self, key: &str) -> bool {
        key == META_KEY || (key == ID_KEY && self.is_cookie_mode())
    }

    /// Makes data ready to be written: records the creation time where it matters, and checks the limits. `restart` starts
    /// the absolute lifetime anew.
    pub(crate) fn prepare(&self, data: &mut SessionMap, restart: bool) -> Result<(), SessionError> {
        if self.lifetimes.absolute.is_some() && !is_emptied(data) {
            let meta = Meta::of(data);
            if restart || meta.created.is_none() {
                Meta { created: Some(self.clock.unix_seconds()), ..meta }.write(data)?;
            }
        }
        let (bytes, limit) = (data.json_len(), self.max_session_bytes);
        if bytes > limit {
            return Err(SessionError::TooLarge { bytes, limit });
        }
        self.check_keys(data, 0)
    }

    /// Checks the number of keys that the data has, with so many more.
    pub(crate) fn check_keys(&self, data: &SessionMap, added: usize) -> Result<(), SessionError> {
        let limit = self.max_keys;
        let fits = limit.checked_sub(added).is_some_and(|rest| !data.has_more_keys_than(rest, META_KEY));
        if fits { Ok(()) } else { Err(SessionError::TooManyKeys { limit }) }
    }
}
