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
    /// All. Browsers take it with `Secure` only.
    None,
}

impl SameSite {
    /// The name it is parsed from: `lax`, `strict` or `none`.
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

/// Takes the names in any case.
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
    /// After a tenth of the session's lifetime: a session lasts its lifetime without use, precise to a tenth.
    Tenth,
    /// After half of the session's lifetime.
    HalfLife,
    /// After this time.
    After(Duration),
    /// With every request that uses the session.
    Always,
    /// Not by reading. A change renews the cookie once a tenth of the session's lifetime has passed.
    Never,
}

/// Which of several cookies of the session's name is taken.
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

/// The answer to a request whose changes could not be kept, because its session was renewed or has vanished.
///
/// A request that called `take` or `renew` is always answered with 409. After a *logout* by another request, other changes
/// are always dropped and the response stays as it is, as if they had come just before the logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnGone {
    /// 409 Conflict: the changes could not be kept.
    #[default]
    Conflict,
    /// The response as it is: the changes are dropped.
    Drop,
}

/// The answer to a request whose stored session can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCorrupt {
    /// An empty session, under a new id when it is written to; the stored value is left where it is. Logged as an error.
    #[default]
    Absent,
    /// 500 Internal Server Error.
    Fail,
}

/// The treatment of a sign-in by a user who has as many sessions as
/// [`max_sessions_per_user`](crate::SessionConfigBuilder::max_sessions_per_user) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnSessionLimit {
    /// The sign-in fails with [`SessionError::TooManyUserSessions`](crate::SessionError::TooManyUserSessions): 409.
    Refuse,
    /// The sessions with the oldest sign-in are revoked.
    DropOldest,
}
