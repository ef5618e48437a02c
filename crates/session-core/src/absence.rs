//! The reasons why a request has no session.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::signer::SignatureError;

/// The reason why a request has no session; see [`Session::absence`](crate::Session::absence).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absence {
    /// The request has no cookie at all: it is a first visit, or the browser withheld the cookie because of its
    /// `Domain`, `Path`, `Secure` or `SameSite` attribute.
    NoCookie,
    /// The request has cookies, but none of the configured name. A cookie with an empty value, or a value of more than
    /// 4,096 bytes, counts as missing.
    OtherName,
    /// The cookie's value is not a token: another library made it, or it was truncated.
    Malformed,
    /// No configured key made the signature: the secret, salt or digest differs, or the cookie was tampered with.
    BadSignature,
    /// A configured key made the signature, but with another salt: the default of `itsdangerous`, or the salt of a
    /// [hardened](crate::SessionConfigBuilder::hardened) configuration.
    OtherSalt,
    /// The token holds a whole session while sessions are kept in a store, or it holds an id while sessions are kept in
    /// the cookie.
    OtherMode,
    /// The token or the session is older than its lifetime.
    Expired,
    /// The token was issued in the future, by a server whose clock is ahead.
    FromTheFuture,
    /// Several cookies verify and differ, which [`OnDuplicate::Reject`](crate::OnDuplicate::Reject) refuses.
    Contradictory,
    /// The store has no session under the cookie's id. The session expired, was evicted, destroyed or renewed, or it is
    /// in another store or database, or under another key prefix.
    UnknownId,
    /// The session was destroyed within the last minute. The store is asked for this only when the request commits or
    /// saves new data. Before that, the reason is [`UnknownId`](Self::UnknownId).
    Destroyed,
    /// The session was renewed within the last minute. The store is asked for this only when the request commits or
    /// saves new data. Before that, the reason is [`UnknownId`](Self::UnknownId).
    Renewed,
    /// The stored session can't be read.
    Unreadable,
    /// The store keeps [epochs](crate::UserEpochs), and all sessions of the user were revoked, or the store has lost
    /// the user's epoch.
    Revoked,
}

impl Absence {
    const COUNT: usize = Self::Revoked as usize + 1;

    /// Returns the name of the reason, as the log prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCookie => "no cookie",
            Self::OtherName => "no cookie of this name",
            Self::Malformed => "malformed token",
            Self::BadSignature => "bad signature",
            Self::OtherSalt => "other salt",
            Self::OtherMode => "other mode",
            Self::Expired => "expired",
            Self::FromTheFuture => "from the future",
            Self::Contradictory => "contradictory cookies",
            Self::UnknownId => "unknown id",
            Self::Destroyed => "destroyed",
            Self::Renewed => "renewed",
            Self::Unreadable => "unreadable",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<SignatureError> for Absence {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::BadSignature => Self::BadSignature,
            SignatureError::MissingTimestamp | SignatureError::MalformedTimestamp => Self::Malformed,
            SignatureError::Expired { .. } => Self::Expired,
            SignatureError::FromTheFuture { .. } => Self::FromTheFuture,
        }
    }
}

/// The number of absences that were logged, by reason.
#[derive(Default)]
pub(crate) struct AbsenceCounts([AtomicU64; Absence::COUNT]);

impl AbsenceCounts {
    pub(crate) fn count(&self, absence: Absence) -> u64 {
        self.0[absence as usize].fetch_add(1, Ordering::Relaxed) + 1
    }
}
