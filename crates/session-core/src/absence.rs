//! The reasons why a request has no session.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::signer::SignatureError;

/// The reason why a request brought no session along; see [`Session::absence`](crate::Session::absence).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absence {
    /// The request has no cookie at all: a first visit, or a cookie that the browser keeps back for its `Domain`, `Path`,
    /// `Secure` or `SameSite`.
    NoCookie,
    /// The request has cookies, and none of the configured name with a value that a cookie can have.
    OtherName,
    /// The cookie is no token: another library made it, or it was cut off.
    Malformed,
    /// No key made the signature: the secret, the salt or the digest is another one, or the cookie was tampered with.
    BadSignature,
    /// One of the keys made the signature under another salt: that of `itsdangerous`, or of a
    /// [hardened](crate::SessionConfigBuilder::hardened) configuration.
    OtherSalt,
    /// The token belongs to sessions in the cookie while sessions are in a store, or the other way round.
    OtherMode,
    /// The token or the session is older than its lifetime.
    Expired,
    /// The token was issued in the future, by a server whose clock is ahead.
    FromTheFuture,
    /// Several cookies verify and differ, which [`OnDuplicate::Reject`](crate::OnDuplicate::Reject) refuses.
    Contradictory,
    /// The store has no session under the cookie's id: it has expired, was evicted, destroyed or renewed, or is in another
    /// store, database or key prefix.
    UnknownId,
    /// The session was destroyed within the last minute. Known once the request has inserted data; until then it is an
    /// [unknown id](Self::UnknownId).
    Destroyed,
    /// The session was renewed within the last minute. Known once the request has inserted data; until then it is an
    /// [unknown id](Self::UnknownId).
    Renewed,
    /// The stored session can't be read.
    Unreadable,
    /// All sessions of its user were revoked, in a store that keeps [epochs](crate::UserEpochs), or the store has lost the
    /// user's epoch.
    Revoked,
}

impl Absence {
    const COUNT: usize = Self::Revoked as usize + 1;

    /// Returns the name that the log has for it.
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

/// The numbers of absences that were logged, by their reasons.
#[derive(Default)]
pub(crate) struct AbsenceCounts([AtomicU64; Absence::COUNT]);

impl AbsenceCounts {
    pub(crate) fn count(&self, absence: Absence) -> u64 {
        self.0[absence as usize].fetch_add(1, Ordering::Relaxed) + 1
    }
}
