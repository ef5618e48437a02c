//! Sessions that starlette-session keeps as pickles.

use std::sync::Arc;

use session_core::format::{Format, FormatSettings};
use session_core::{Applied, BackendError, BackendErrorKind, SessionCodec, SessionMap};

use crate::pickle::{read, write};

/// The sessions of starlette-session with `backend_type` `redis`, `aioRedis` or `aioMemcache`, which it stores as pickles.
///
/// Pass it to the configuration. The service in Python needs no change.
///
/// | starlette-session | here |
/// |---|---|
/// | `secret_key` | the first argument of [`SessionConfig::builder`](session_core::SessionConfig::builder) |
/// | `cookie_name` | its second argument |
/// | `max_age` | [`max_age`](session_core::SessionConfigBuilder::max_age), the same number on both sides |
/// | `redis`, `aioRedis` | `RedisBackend` of session-redis |
/// | `aioMemcache` | `MemcacheBackend` of session-memcache |
///
/// ```
/// # use session_core::MemoryBackend;
/// use session_compat::StarlettePickle;
/// use session_core::SessionConfig;
///
/// # let secret = "0d6c1a7be2f94c53a8b1d0e7f6253948";
/// # let backend = MemoryBackend::new();
/// // With session-redis: let backend = RedisBackend::connect("redis://localhost")?;
/// let config = SessionConfig::builder(secret, "session").format(StarlettePickle).backend(backend).build()?;
/// # Ok::<(), session_core::ConfigError>(())
/// ```
///
/// # Move route by route
///
/// - **Proxy.** The [proxy](crate#move-one-route-at-a-time) sends one path to Rust and all others to Starlette or FastAPI,
///   under one host name.
/// - **Move first** the routes that only read. Watch the log for sessions with values that JSON can't carry, and mend
///   those in Python.
/// - **Move together** all routes that one page calls, even those that only read: starlette-session stores the whole
///   session on each of its requests.
/// - **Shared:** login, data, expiry and logout. A logout in Python is `request.session.clear()`, one in Rust is
///   [`destroy`](session_core::Session::destroy).
/// - **To go back**, undo the rule of the proxy. Python loads each value of Rust.
/// - **To complete the move**, replace `format` by this library's own JSON, and take the sessions over with
///   [`accept_format`](session_core::SessionConfigBuilder::accept_format).
///
/// # What is read and written
///
/// Sessions are dicts with string keys, lists, strings, integers of up to 255 bytes, finite floats, booleans and `None`.
/// They are read in protocols 2 to 5, and written in protocol 4. The reader knows only the operations for such data, and
/// runs no code. It limits the size, the depth and the number of values.
///
/// A session with any other value is refused as a whole: `bytes`, tuples, sets, `datetime`, `Decimal`, classes, `NaN`,
/// an object that occurs twice. JSON can't represent these exactly. Such a session counts as absent by default
/// ([`OnCorrupt`](session_core::OnCorrupt)), and its stored value stays for Python. The log names the key, if that is
/// known, and the type. Store such values as text in Python before their routes move.
///
/// # What is lost
///
/// Each response of starlette-session stores the whole session, and sends the cookie again. If the request had read the
/// session before a write of Rust, it undoes that write, even a logout. Move routes that change a session at the same
/// time together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StarlettePickle;

impl Format for StarlettePickle {
    fn name(&self) -> &'static str {
        "starlette-pickle"
    }

    /// Keys are bare ids. The token is that of the core.
    fn settings(&self) -> FormatSettings {
        FormatSettings::in_store("")
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(*self))
    }
}

impl SessionCodec for StarlettePickle {
    fn encode(&self, session: &SessionMap) -> Result<Vec<u8>, BackendError> {
        let failed = || BackendError::new(BackendErrorKind::Other, Applied::No);
        session.validate().map_err(|error| failed().with_source(error))?;
        write(session).map_err(|error| failed().with_source(error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<SessionMap, BackendError> {
        let corrupt = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let json = read(bytes).map_err(|error| corrupt().with_source(error))?;
        SessionMap::from_json(json).map_err(|error| corrupt().with_source(error))
    }

    /// Returns the pickle of `None`, which starlette-session takes for a missing session. `pickle.loads` ignores the
    /// bytes after it.
    fn absent_prefix(&self) -> &'static [u8] {
        b"N."
    }
}
