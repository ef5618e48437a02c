//! The choices that a configuration offers.

#[cfg(feature = "serde")]
use std::fmt;
use std::time::Duration;

#[cfg(feature = "serde")]
use crate::names::UnknownName;
use crate::names::names;

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

names!(SameSite, "SameSite value", Lax = "lax", Strict = "strict", None = "none");

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
    /// After this time. If a session has its own lifetime, which is not longer than that, after half of its lifetime.
    After(Duration),
    /// With every request that uses the session.
    Always,
    /// Never for a request that only reads. A change sends a new cookie once a tenth of the session's lifetime has
    /// passed.
    Never,
}

#[cfg(feature = "serde")]
impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenth => f.write_str("tenth"),
            Self::HalfLife => f.write_str("half-life"),
            Self::After(time) => humantime::format_duration(*time).fmt(f),
            Self::Always => f.write_str("always"),
            Self::Never => f.write_str("never"),
        }
    }
}

/// Takes `tenth`, `half-life`, `always`, `never`, and a time such as `1h`.
#[cfg(feature = "serde")]
impl std::str::FromStr for Refresh {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let named = [Self::Tenth, Self::HalfLife, Self::Always, Self::Never];
        let named = named.into_iter().find(|refresh| refresh.to_string().eq_ignore_ascii_case(text));
        named.or_else(|| humantime::parse_duration(text).ok().map(Self::After)).ok_or_else(|| UnknownName {
            what: "refresh",
            given: text.to_owned(),
            known: &["tenth", "half-life", "always", "never", "a time such as 1h"],
        })
    }
}

/// The need for a new cookie and expiry, by the age of the request's cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshDue {
    No,
    /// Only a change brings a new cookie.
    OnChange,
    /// The token tells no time of issue: a use extends the stored session, and only a change brings a new cookie.
    InStore,
    Yes,
}

impl Refresh {
    /// Returns the need of a session whose cookie has this age. `age` and `idle` are in seconds.
    pub(crate) fn due(self, age: u64, idle: u64) -> RefreshDue {
        let (half, tenth) = (idle.div_ceil(2), idle.div_ceil(10));
        let due = match self {
            Self::Tenth => age >= tenth,
            Self::HalfLife => age >= half,
            // A session with a shorter lifetime of its own would expire before that.
            Self::After(after) if after.as_secs() >= idle => age >= half,
            Self::After(after) => age >= after.as_secs(),
            Self::Always => true,
            Self::Never if age >= tenth => return RefreshDue::OnChange,
            Self::Never => false,
        };
        if due { RefreshDue::Yes } else { RefreshDue::No }
    }

    /// Returns the need of a session whose token tells no time of issue.
    pub(crate) fn due_undated(self) -> RefreshDue {
        match self {
            Self::Always => RefreshDue::Yes,
            Self::Never => RefreshDue::OnChange,
            _ => RefreshDue::InStore,
        }
    }
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
    /// Of those that verify, the one that was issued last.
    Newest,
    /// No cookie, if more than one verifies and they differ: a subdomain can plant cookies.
    Reject,
}

names!(OnDuplicate, "choice between cookies", Last = "last", First = "first", Newest = "newest", Reject = "reject");

/// The answer to a request whose changes could not be kept, because its session was renewed by another request, expired
/// or was evicted.
///
/// A request that called `take` or `renew` is always answered with 409. The exception is a
/// [`sign_in`](crate::Session::sign_in) after a renewal by another request: it begins a session of its own. After a
/// *logout* by another request, all other changes are dropped and the response is sent as it is, as if the changes had
/// come just before the logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnGone {
    /// 409 Conflict: the changes could not be kept.
    #[default]
    Conflict,
    /// The handler's own response. The changes are dropped.
    Drop,
}

names!(OnGone, "answer for a session that is gone", Conflict = "conflict", Drop = "drop");

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

names!(OnCorrupt, "answer for an unreadable session", Absent = "absent", Fail = "fail");

/// The treatment of a sign-in by a user who already has as many sessions as
/// [`max_sessions_per_user`](crate::SessionConfigBuilder::max_sessions_per_user) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnSessionLimit {
    /// The commit of the sign-in fails with
    /// [`SessionError::TooManyUserSessions`](crate::SessionError::TooManyUserSessions): 409.
    Refuse,
    /// The sessions with the oldest sign-in are revoked.
    DropOldest,
}

names!(OnSessionLimit, "treatment of a further sign-in", Refuse = "refuse", DropOldest = "drop-oldest");
