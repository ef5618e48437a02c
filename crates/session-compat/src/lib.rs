//! Shares sessions with services in other frameworks, so that users stay logged in while a service moves to Rust.
//!
//! Each format is one feature and one type. Pass the type to [`SessionConfigBuilder::format`]. The configuration's
//! backend then reads and writes the format's stored values under its keys.
//!
//! | feature | type | shares sessions with |
//! |---|---|---|
//! | `starlette-pickle` | [`StarlettePickle`] | starlette-session with `backend_type` `redis`, `aioRedis` or `aioMemcache` |
//! | `express` | [`Express`] | Express with express-session and connect-redis |
//! | `cookie-session` | [`CookieSession`] | Express with cookie-session, in its two cookies |
//! | `flask` | [`Flask`] | Flask, whose sessions live in its cookie |
//! | `flask-session` | [`FlaskSession`] | Flask with Flask-Session in Redis |
//! | `actix-session` | [`ActixSession`] | actix-session in its cookie or in Redis |
//! | `tower-sessions` | [`TowerSessions`] | tower-sessions in Redis |
//! | `django-cookie` | [`DjangoCookie`] | Django with the engine `signed_cookies` |
//! | `django-cache` | [`DjangoCache`] | Django with the engine `cache` in Redis |
//! | `django-db` | [`DjangoDb`] | Django with the engine `db`, in the table `django_session` |
//! | `django-db` | [`DjangoDb`] with the backend [`DjangoCachedDb`] | Django with the engine `cached_db`, with its cache in Redis |
//!
//! The sessions of Starlette's own middleware need none of these, and neither do sessions that starlette-session keeps
//! in the cookie or writes as JSON: that is the format of `session-core` itself.
//!
//! # Move one route at a time
//!
//! 1. Run the Rust service beside the other one, behind one proxy and under one host name. Browsers then send the
//!    session cookie to both.
//! 2. Give both services the same secret, cookie name and store. The page of each format lists the corresponding
//!    settings.
//! 3. Let the proxy send one route to the Rust service, and all others to the old one. For nginx:
//!
//!    ```text
//!    location /account/ { proxy_pass http://127.0.0.1:3000; }
//!    location /         { proxy_pass http://127.0.0.1:8000; }
//!    ```
//! 4. Watch the log of the Rust service for `stored session is unreadable`, which names sessions with values that JSON
//!    can't represent. Such a session counts as absent in Rust, and its stored value is not changed.
//! 5. Continue route by route. To go back, change the proxy again, because the other service can read the sessions that
//!    Rust has written.
//!
//! The routes that log users in and out can move at any time, because a login on either side is valid on both. There
//! are two exceptions. The sessions of Django hold a hash of the user's password, which `django_auth_hash` can make, and
//! those of Flask-Login a mark of the user's browser: let Django or Flask log users in.
//!
//! | from | both sides need | move these routes together | before you go back |
//! |---|---|---|---|
//! | starlette-session | one Redis or memcached, an empty key prefix | routes that change the same session at the same time | nothing |
//! | Express, connect-redis | one Redis, `trust proxy` if the cookie is `secure` | routes that change the same session at the same time | nothing: the `cookie` object stays |
//! | Express, cookie-session | the keys in the same order | all routes that change the session | nothing |
//! | Flask | `SECRET_KEY` and its fallbacks | all routes that change the session | nothing: tagged values, such as tuples, stay |
//! | Flask-Session | one Redis, msgpack or JSON instead of pickles | all routes that use the session, because each request of Flask-Session writes it | nothing |
//! | Django, `signed_cookies` | `SECRET_KEY` and its fallbacks | all routes that change the session | nothing |
//! | Django, `cache` | one Redis, and the prefix and version of the cache | routes that change the same session at the same time | nothing |
//! | Django, `db` or `cached_db` | one database, and one Redis for the cache, `SECRET_KEY` and its fallbacks, `USE_TZ` | routes that change the same session at the same time | nothing |
//! | actix-session, tower-sessions | the key, and one Redis | routes that change the same session at the same time | nothing |
//!
//! Some features of this library, such as [`sign_in`] and the list of a user's sessions, keep a record in the session
//! under the key `__session`. The other service keeps it unchanged, without using it.
//!
//! # Move at once
//!
//! A service that moves all at once should use this library's own format, and take over the sessions of the other
//! framework with [`accept_format`]: the client's next request gets a new cookie for the same session. The old service
//! can't read sessions that were taken over, unless [`AcceptedFormat::keep`] leaves its own sessions in place.
//!
//! ```
//! # #[cfg(feature = "flask")] {
//! use session_compat::Flask;
//! use session_core::SessionConfig;
//! use session_core::format::AcceptedFormat;
//!
//! # let (secret, old_secret) = ("7f0e1c93b5a24d68a1c2e3f405162738", "0d6c1a7be2f94c53a8b1d0e7f6253948");
//! let config = SessionConfig::builder(secret, "id")
//!     .accept_format(AcceptedFormat::new(Flask::new(), old_secret, Flask::COOKIE_NAME))
//!     .build()?;
//! # }
//! # Ok::<(), session_core::ConfigError>(())
//! ```
//!
//! # What is shared, and what is not
//!
//! Login, data, expiry and logout are shared. Protection from concurrent writes is not: a request of another framework
//! stores the whole session without comparing. This can undo the write of a concurrent request on either side. Rust
//! merges its own changes with those of the other service. A write of Rust is lost only if a request of the other
//! service had read the session before it, and writes after it.
//!
//! [`accept_format`]: session_core::SessionConfigBuilder::accept_format
//! [`AcceptedFormat::keep`]: session_core::format::AcceptedFormat::keep
//! [`SessionConfigBuilder::format`]: session_core::SessionConfigBuilder::format
//! [`sign_in`]: session_core::Session::sign_in

#[cfg(feature = "actix-session")]
mod actix;
#[cfg(feature = "cookie-session")]
mod cookie_session;
#[cfg(any(feature = "django-cache", feature = "django-cookie", feature = "django-db"))]
mod django;
#[cfg(any(feature = "express", feature = "flask", feature = "flask-session"))]
mod entry;
#[cfg(feature = "express")]
mod express;
#[cfg(feature = "flask")]
mod flask;
#[cfg(feature = "flask-session")]
mod flask_session;
#[cfg(any(
    feature = "django-cache",
    feature = "flask-session",
    feature = "starlette-pickle",
    feature = "tower-sessions"
))]
mod json;
#[cfg(any(feature = "flask-session", feature = "tower-sessions"))]
mod msgpack;
#[cfg(any(feature = "django-cookie", feature = "django-db", feature = "flask"))]
mod packed;
#[cfg(any(feature = "flask", feature = "flask-session"))]
mod permanent;
#[cfg(any(feature = "django-cache", feature = "starlette-pickle"))]
mod pickle;
#[cfg(any(feature = "actix-session", feature = "tower-sessions"))]
mod sealed;
#[cfg(feature = "starlette-pickle")]
mod starlette;
#[cfg(feature = "tower-sessions")]
mod tower;

#[cfg(feature = "actix-session")]
pub use actix::ActixSession;
#[cfg(feature = "cookie-session")]
pub use cookie_session::CookieSession;
#[cfg(feature = "django-cache")]
pub use django::DjangoCache;
#[cfg(feature = "django-cookie")]
pub use django::DjangoCookie;
#[cfg(any(feature = "django-cookie", feature = "django-db"))]
pub use django::django_auth_hash;
#[cfg(feature = "django-db")]
pub use django::{DjangoCachedDb, DjangoDb};
#[cfg(feature = "express")]
pub use express::Express;
#[cfg(feature = "flask")]
pub use flask::Flask;
#[cfg(feature = "flask-session")]
pub use flask_session::FlaskSession;
#[cfg(any(feature = "django-cache", feature = "starlette-pickle"))]
pub use pickle::PickleError;
#[cfg(feature = "starlette-pickle")]
pub use starlette::StarlettePickle;
#[cfg(feature = "tower-sessions")]
pub use tower::TowerSessions;
