//! The errors of a configuration.

use std::time::Duration;

use super::backend_type::{BackendType, UnknownPredefinedBackend};
use crate::names::UnknownName;

/// A rule that a configuration breaks. The error names the value and the rule, and never prints a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A secret is empty.
    #[error("a secret is empty")]
    EmptySecret,
    /// A secret is shorter than 32 bytes, and `danger_allow_weak_secret(true)` was not called.
    #[error("a secret has {bytes} bytes, at least 32 are required (see `danger_allow_weak_secret`)")]
    WeakSecret {
        /// The length of the secret.
        bytes: usize,
    },
    /// A secret contains a placeholder from documentation, and `danger_allow_weak_secret(true)` was not called.
    #[error("a secret is a placeholder from documentation: make one with `openssl rand -base64 32`")]
    PlaceholderSecret,
    /// A secret repeats a few bytes, or counts up or down, and `danger_allow_weak_secret(true)` was not called.
    #[error("a secret repeats or counts bytes: make one with `openssl rand -base64 32`")]
    RegularSecret,
    /// The operating system has no random numbers for the secret of [`SessionConfigBuilder::development`](crate::SessionConfigBuilder::development).
    #[error("the operating system has no random numbers for a secret")]
    NoRandomNumbers,
    /// A key of [`SessionConfigBuilder::hardened`](crate::SessionConfigBuilder::hardened) ignores the salt, which binds tokens to the
    /// cookie's name.
    #[error("`hardened` refuses KeyDerivation::None, which ignores the salt that binds tokens to the cookie")]
    KeyDerivationNone,
    /// [`SessionConfigBuilder::hardened`](crate::SessionConfigBuilder::hardened) was given no backend and no backend type.
    #[error(
        "`hardened` needs a backend, because sessions in the cookie can't be revoked: `backend_type(BackendType::Cookie)` allows them nevertheless"
    )]
    HardenedMode,
    /// The cookie's name is empty or has characters that a name can't have (RFC 6265, section 4.1.1: a token).
    #[error("cookie name {name:?} is not a token (RFC 6265, section 4.1.1)")]
    CookieName {
        /// The name that was given.
        name: String,
    },
    /// The cookie breaks the rule of its name's prefix (RFC 6265bis, section 4.1.3): `__Host-` requires `Secure`,
    /// `Path=/` and no `Domain`; `__Secure-` requires `Secure`; `__Http-` requires `Secure` and `HttpOnly`;
    /// `__Host-Http-` requires all of these.
    #[error("cookie name {name:?} requires {requirement} (RFC 6265bis, section 4.1.3)")]
    CookiePrefix {
        /// The name that was given.
        name: String,
        /// The rule of its prefix.
        requirement: &'static str,
    },
    /// The `Domain` attribute is not a host name.
    #[error("cookie domain {domain:?} is not a host name")]
    Domain {
        /// The domain that was given.
        domain: String,
    },
    /// The path does not begin with a slash, has characters that a path can't have, or is longer than 1,024 bytes, the
    /// limit of browsers.
    #[error(
        "cookie path {path:?} must begin with `/`, not end with a space, and have at most 1024 characters, all printable ASCII except `;`"
    )]
    Path {
        /// The path that was given.
        path: String,
    },
    /// A former cookie has the domain and the path that the cookie has now, so that its removal would remove the cookie.
    #[error("the former cookie with path {path:?} has the domain and the path of the cookie itself")]
    FormerCookie {
        /// The path that was given.
        path: String,
    },
    /// A choice has no value of this name.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    /// Browsers drop `SameSite=None` and `Partitioned` cookies without `Secure`.
    #[error("{attribute} requires `https_only(true)`")]
    RequiresHttpsOnly {
        /// The attribute.
        attribute: &'static str,
    },
    /// A lifetime is not between one second and 400 days, which is as long as browsers keep a cookie
    /// (RFC 6265bis, section 5.5).
    #[error("{parameter} is {given:?}, must be at least 1 second and at most 400 days")]
    Lifetime {
        /// The name of the setting.
        parameter: &'static str,
        /// The value that was given.
        given: Duration,
    },
    /// `longest_max_age` is shorter than `max_age`.
    #[error("longest_max_age {longest:?} is shorter than max_age {max_age:?}")]
    LongestMaxAge {
        /// The longest lifetime allowed.
        longest: Duration,
        /// The usual lifetime.
        max_age: Duration,
    },
    /// A refresh would come after the session has expired.
    #[error("refresh after {after:?} is not before max_age {max_age:?}")]
    Refresh {
        /// The age at which the refresh would come.
        after: Duration,
        /// The age at which the session expires.
        max_age: Duration,
    },
    /// The request deadline is zero.
    #[error("request deadline must be longer than zero")]
    RequestDeadline,
    /// The format keeps sessions in the cookie and a backend was passed, or in a store and none was passed.
    #[error("format {format} keeps sessions in {place}")]
    FormatPlace {
        /// The name of the format.
        format: &'static str,
        /// The place where it keeps sessions.
        place: &'static str,
    },
    /// The format has a codec, and the application has set another one on the backend.
    #[error("format {format} brings the codec of its stored values: remove the `codec` of the backend")]
    CodecAlreadySet {
        /// The name of the format.
        format: &'static str,
    },
    /// Sessions live in the cookie, and an accepted format keeps its own in a store.
    #[error("format {format} keeps sessions in a store: only a configuration with a store can take them over")]
    AcceptedPlace {
        /// The name of the format.
        format: &'static str,
    },
    /// `max_session_bytes` is below 2, the length of an empty session, or above
    /// [`SessionMap::MAX_BYTES`](crate::SessionMap::MAX_BYTES).
    #[error("max_session_bytes is {given}, must be from 2 to {}", crate::SessionMap::MAX_BYTES)]
    MaxSessionBytes {
        /// The value that was given.
        given: usize,
    },
    /// `max_keys` is 0.
    #[error("max_keys is 0, must be at least 1")]
    MaxKeys,
    /// `max_sessions_per_user` is 0.
    #[error("max_sessions_per_user is 0, must be at least 1")]
    MaxSessionsPerUser,
    /// The key prefix has characters that some stores refuse, or is longer than 128 bytes.
    #[error("key prefix {prefix:?} must be at most 128 visible ASCII characters without spaces")]
    KeyPrefix {
        /// The prefix that was given.
        prefix: String,
    },
    /// No predefined backend has this name.
    #[error(transparent)]
    UnknownBackend(#[from] UnknownPredefinedBackend),
    /// This backend type needs a backend to be passed.
    #[error(
        "backend type {backend_type} needs a backend: pass one with `backend`, from the crate {}",
        backend_type.crate_name()
    )]
    BackendMissing {
        /// The type that was given.
        backend_type: BackendType,
    },
    /// A backend was passed, and the backend type is `cookie`.
    #[error("backend type cookie uses no backend, but one was passed")]
    BackendUnused,
    /// `require_user_index(true)` or `max_sessions_per_user()` was called and the backend has no index of sessions by user.
    #[error("`require_user_index` or `max_sessions_per_user` was called, and the backend has no index of users")]
    NoUserIndex,
    /// `require_atomic(true)` was called and the backend can't compare and set.
    #[error("`require_atomic` was called, and the backend is not atomic")]
    NotAtomic,
}

/// Prints the sentence, because `fn main() -> Result<(), ConfigError>` prints `Debug`.
impl std::fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
