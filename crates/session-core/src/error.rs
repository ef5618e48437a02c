//! The errors of a session.

use std::fmt;
use std::time::Duration;

use crate::backend::{BackendError, BackendErrorKind, write_with_causes};
use crate::cookie::MAX_COOKIE_BYTES;
use crate::map::ValueError;

/// The reason why a session can't be loaded, changed or stored.
///
/// The error tells which rule was broken and may name keys of the session map. It never prints an id, a secret or a
/// value.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A value can't be written as JSON, or can't be read as the requested type.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The library reserves the key for itself.
    #[error("session key {key:?} is reserved")]
    ReservedKey {
        /// The key that was given.
        key: Box<str>,
    },
    /// The response head was sent, so no cookie can reach the client any more. A new or renewed session needs one, and
    /// so does any change of a session that lives in the cookie.
    #[error("the response head was sent, the cookie of a new or renewed session can't be delivered any more")]
    HeadersSent,
    /// The session was destroyed, renewed or evicted while this request was using it; the changes could not be kept.
    #[error("the session is gone, its changes could not be kept")]
    Gone,
    /// Another request has taken or changed the one-time value.
    #[error("the value of session key {key:?} was taken by another request")]
    Taken {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The closure of a `try_update` refused a value that another request wrote before the commit.
    #[error("the update of session key {key:?} was refused: another request has changed its value")]
    Refused {
        /// The key of the session map.
        key: Box<str>,
    },
    /// The request's cookies name more sessions than one `destroy` removes. As many as the limit allows were destroyed.
    #[error("the request names {found} sessions, {limit} of them were destroyed")]
    TooManySessions {
        /// The number of different sessions.
        found: usize,
        /// The number of sessions that were destroyed.
        limit: usize,
    },
    /// The request has not passed through a session layer.
    #[error("no session for this route: add {add} to it")]
    MissingLayer {
        /// The code that adds the layer.
        add: &'static str,
    },
    /// The request has not passed through a session layer with this cookie name.
    #[error("no session of cookie {cookie_name:?} for this route: add a layer with this cookie name")]
    UnknownCookieName {
        /// The requested cookie name.
        cookie_name: Box<str>,
    },
    /// Two layers of one cookie name have different keys, salts, modes or stores.
    #[error("two session layers of cookie {cookie_name:?} have different configurations")]
    LayersDiffer {
        /// The cookie's name.
        cookie_name: Box<str>,
    },
    /// So many requests write this session that the deadline passed before this request's write succeeded.
    #[error("too many concurrent writes of one session")]
    Contended,
    /// The reply to an earlier write was lost, and other requests have written since. The library can't tell if the
    /// updates and takes of that write were applied, so it did not repeat them.
    #[error("the outcome of an earlier write of the session is unknown")]
    OutcomeUnknown,
    /// The closure of an update changes the value that it computes, or other tasks of this request keep changing that
    /// value.
    #[error("the input of an update of {} keeps changing", key.as_ref().map_or("the session".to_owned(), |key| format!("session key {key:?}")))]
    UnstableUpdate {
        /// The key of the session map; `None` for [`update_all`](crate::Session::update_all).
        key: Option<Box<str>>,
    },
    /// The session's JSON text is longer than `max_session_bytes`.
    #[error("the session has {bytes} bytes of JSON, the limit is {limit}")]
    TooLarge {
        /// The length of the text.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The session has more keys than `max_keys` allows, or would have more with the new key.
    #[error("the session has more than {limit} keys")]
    TooManyKeys {
        /// The largest number of keys allowed.
        limit: usize,
    },
    /// The cookie's name and value are longer than browsers keep (RFC 6265bis, section 5.6).
    #[error("the session cookie has {bytes} bytes, browsers keep {MAX_COOKIE_BYTES}: use a server-side backend")]
    CookieTooLarge {
        /// The length of name and value, in bytes.
        bytes: usize,
    },
    /// The lifetime is shorter than a second, or longer than `longest_max_age` or the rest of the absolute lifetime.
    #[error("a lifetime of {given:?} is not between 1 second and {longest:?}")]
    LifetimeOutOfRange {
        /// The requested lifetime.
        given: Duration,
        /// The longest lifetime allowed.
        longest: Duration,
    },
    /// The id of a user is empty or longer than 255 bytes.
    #[error("the id of a user has {bytes} bytes, must have from 1 to 255")]
    InvalidUser {
        /// The length of the id.
        bytes: usize,
    },
    /// The id of the session's user can't be parsed as the requested type.
    #[error("the id of the session's user is not of the expected type")]
    UserNotReadable,
    /// The request has no CSRF token that belongs to this session.
    #[error("the CSRF token does not belong to this session")]
    CsrfMismatch,
    /// No user is signed in.
    #[error("no user is signed in")]
    NotSignedIn,
    /// The session would have more than 8 labels.
    #[error("the session already has {limit} labels, the most that are allowed")]
    TooManyLabels {
        /// The largest number of labels: 8.
        limit: usize,
    },
    /// The name of a label is empty or longer than 32 bytes.
    #[error("the name of a label has {bytes} bytes, must have from 1 to 32")]
    InvalidLabelName {
        /// The length of the name.
        bytes: usize,
    },
    /// The user has as many sessions as the configuration allows.
    #[error("the user already has {limit} sessions, the most that are allowed")]
    TooManyUserSessions {
        /// The largest number of sessions of one user.
        limit: usize,
    },
    /// The store keeps no index of sessions by user.
    #[error("the session store keeps no index of users")]
    NoUserIndex,
    /// Sessions live in cookies, or the store can't list its sessions.
    #[error("the session store can't list its sessions")]
    NoScan,
    /// The operating system has no random numbers for an id or a token.
    #[error("the operating system has no random numbers")]
    NoRandomNumbers,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] BackendError),
}

/// Prints the sentence and its causes, because `fn main() -> Result<(), SessionError>` prints `Debug`.
impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, self)
    }
}

impl SessionError {
    /// Returns the HTTP status of a response that reports this error:
    ///
    /// - 409 if another request was faster, or the user has too many sessions,
    /// - 401 if no user is signed in,
    /// - 403 without a valid CSRF token,
    /// - 400 if the client sent too many session cookies,
    /// - 503 if the store is unavailable or too busy, or the outcome of a write is unknown, so that a retry may help,
    /// - otherwise 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Gone | Self::Taken { .. } | Self::Refused { .. } | Self::TooManyUserSessions { .. } => 409,
            Self::NotSignedIn => 401,
            Self::CsrfMismatch => 403,
            Self::TooManySessions { .. } => 400,
            Self::Contended | Self::OutcomeUnknown => 503,
            Self::Store(error) => match error.kind() {
                BackendErrorKind::Unavailable | BackendErrorKind::Timeout | BackendErrorKind::Refused => 503,
                _ => 500,
            },
            _ => 500,
        }
    }

    /// Returns `true` if another request was faster. A retry of the whole request sees that request's changes.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status() == 409 && !matches!(self, Self::TooManyUserSessions { .. })
    }

    /// Returns `true` if a later retry of the whole request may succeed: the [status](Self::status) is 503.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.status() == 503
    }

    /// Returns the value of the `Retry-After` header of a response that reports this error, in seconds: 1 for the
    /// status 503, otherwise none.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        (self.status() == 503).then_some(1)
    }

    /// Returns a text for a response that reports this error. The text reveals nothing about the service.
    #[must_use]
    pub fn public_message(&self) -> &'static str {
        match self.status() {
            401 => "sign in first",
            403 => "this form has expired, please load it again",
            _ if matches!(self, Self::TooManyUserSessions { .. }) => "too many sessions, sign out elsewhere first",
            400 => "the request has too many session cookies",
            409 => "the session was changed by another request, please try again",
            503 => "sessions are unavailable, please try again",
            _ => "internal server error",
        }
    }
}
