//! The choices that a configuration offers.

use std::fmt;
use std::time::Duration;

use super::error::ConfigError;

/// The `SameSite` attribute: which requests from other sites carry the cookie (RFC 6265bis, section 5.6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// None of them, not even a followed link.
    Strict,
    /// Followed links only.
    #[default]
    Lax,
    /// All. Browsers accept it only together with `Secure`.
    None,
}

impl SameSite {
    /// Returns the name that it is parsed from: `lax`, `strict` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lax => "lax",
            Self::None => "none",
        }
    }
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Parses the names in upper, lower or mixed case.
impl std::str::FromStr for SameSite {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let known = [Self::Lax, Self::Strict, Self::None];
        let found = known.into_iter().find(|same_site| same_site.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| ConfigError::SameSite { given: name.to_owned() })
    }
}

/// The time when a session in use gets a new cookie and a new expiry.
///
/// The default is [`Tenth`](Self::Tenth) for sessions in a store, and [`HalfLife`](Self::HalfLife) for sessions in the
/// cookie, where each refresh sends the data again. The issue time is in the token, so that a request whose refresh is not
/// due needs no extra call of the store. A token that was verified by any key but the signing key is always due. Requests
/// that never ask for the session refresh nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// After a tenth of the session's lifetime. The time after which an unused session ends is therefore exact to
    /// within a tenth.
    Tenth,
    /// After half of the session's lifetime.
    HalfLife,
    /// After this time.
    After(Duration),
    /// With every request that uses the session.
    Always,
    /// Never for a request that only reads. A change sends a new cookie once a tenth of the session's lifetime has
    /// passed.
    Never,
}

/// The choice between several cookies of the session's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// The last one that verifies, as in Python.
    #[default]
    Last,
    /// The first one, as in Flask and Express. If it does not verify, there is no session.
    First,
    /// The one that verifies and was issued last.
    Newest,
    /// No cookie, if more than one verifies and they differ: a subdomain can plant cookies.
    Reject,
}

/// The answer to a request whose changes could not be kept, because its session was renewed by another request, expired
/// or was evicted.
///
/// A request that called `take` or `renew` is always answered with 409. After a *logout* by another request, all other
/// changes are dropped and the response is sent as it is, as if the changes had come just before the logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnGone {
    /// 409 Conflict: the changes could not be kept.
    #[default]
    Conflict,
    /// The handler's own response. The changes are dropped.
    Drop,
}

/// The answer to a request whose stored session can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCorrupt {
    /// The handler's own response, with an empty session. A write gets a new id, and the stored value is left alone.
    /// Logged as an error.
    #[default]
    Absent,
    /// 500 Internal Server Error.
    Fail,
}

/// The treatment of a sign-in by a user who already has as many sessions as
/// [`max_sessions_per_user`](crate::SessionConfigBuilder::max_sessions_per_user) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnSessionLimit {
    /// The sign-in fails with [`SessionError::TooManyUserSessions`](crate::SessionError::TooManyUserSessions): 409.
    Refuse,
    /// The sessions with the oldest sign-in are revoked.
    DropOldest,
}
