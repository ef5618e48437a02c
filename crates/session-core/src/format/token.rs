//! The text of a cookie in a foreign format.

use crate::backend::{Applied, BackendError, BackendErrorKind};
use crate::cookie::{CookieTemplate, RequestCookies};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;

/// Reads and writes the text of cookies, with the keys that [`Format::tokens`](super::Format::tokens) got.
///
/// It defines the text of a token and verifies it. The manager calls the store, checks the age of a token that tells
/// its time of issue, and decides when to send a new one.
///
/// An encrypted format decrypts in `read`, and takes a fresh nonce in each `write`.
pub trait TokenFormat: Send + Sync + 'static {
    /// Reads a token. Returns `None` for a text that does not verify, or holds neither an id nor a session.
    ///
    /// The text comes from a client. It has at most 4,096 bytes; surrounding quotes are removed. The manager calls
    /// `read` with the text as it came, and, if that fails, again with the text percent-decoded. With a [second
    /// cookie](super::FormatSettings::second_cookie) the text consists of both values. Compare signatures in constant
    /// time.
    fn read(&self, text: &[u8]) -> Option<ReadToken>;

    /// Appends a token that is issued at `now`, in Unix seconds. It must be visible ASCII without a semicolon, except
    /// the one before the value of a second cookie.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoRandomNumbers`] if the format needs random numbers and there are none. [`SessionError::Value`]
    /// if the format can't represent the session.
    fn write(&self, content: TokenContent<'_>, now: u64, out: &mut Vec<u8>) -> Result<(), SessionError>;
}

/// The content of a token to be written.
#[derive(Clone, Copy, Debug)]
pub enum TokenContent<'a> {
    /// The id of a stored session.
    Id(&'a SessionId),
    /// A session that lives in the cookie.
    Session(&'a SessionMap),
}

/// A token that a [`TokenFormat`] has verified.
#[derive(Clone, Debug)]
pub struct ReadToken {
    pub(crate) content: ReadContent,
    pub(crate) issued_at: Option<u64>,
    pub(crate) by_signing_key: bool,
    pub(crate) renewed_by_use: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum ReadContent {
    Id(SessionId),
    Session(SessionMap),
}

impl ReadToken {
    /// Makes a token that holds the id of a stored session.
    #[must_use]
    pub fn of_id(id: SessionId) -> Self {
        Self::of(ReadContent::Id(id))
    }

    /// Makes a token that holds a whole session.
    #[must_use]
    pub fn of_session(session: SessionMap) -> Self {
        Self::of(ReadContent::Session(session))
    }

    /// Sets the time of issue, in Unix seconds. A token without one does not expire by itself; its session ends when
    /// the store drops it.
    #[must_use]
    pub fn issued_at(mut self, unix_seconds: u64) -> Self {
        self.issued_at = Some(unix_seconds);
        self
    }

    /// Records whether an older key has verified the token. If so, the response sends the client a new token.
    #[must_use]
    pub fn by_older_key(mut self, older: bool) -> Self {
        self.by_signing_key = !older;
        self
    }

    /// Records whether the use of the session renews the token; default `true`. With `false`, the token is accepted for
    /// the longest lifetime that any session may have, and the client gets a new one only when the session changes. This
    /// is meant for frameworks in which only the browser enforces a session's own lifetime.
    #[must_use]
    pub fn renewed_by_use(mut self, renewed_by_use: bool) -> Self {
        self.renewed_by_use = renewed_by_use;
        self
    }

    fn of(content: ReadContent) -> Self {
        Self { content, issued_at: None, by_signing_key: true, renewed_by_use: true }
    }
}

/// A [`TokenFormat`] with the manager's rules for the age of tokens.
pub(crate) struct ForeignTokens {
    pub(crate) format: Box<dyn TokenFormat>,
    /// The longest lifetime of any session, in seconds.
    pub(crate) longest_max_age: u64,
    /// The number of seconds by which a token may come from the future.
    pub(crate) clock_skew: u64,
    /// The cookie that has the second part of a token.
    pub(crate) second: Option<CookieTemplate>,
}

impl ForeignTokens {
    /// Reads a token that is not too old at `now`; without a time, a token of any age.
    pub(crate) fn read(&self, text: &[u8], now: Option<u64>) -> Option<ReadToken> {
        let token = self.format.read(text)?;
        let in_time = token.issued_at.zip(now).is_none_or(|(at, now)| {
            at <= now.saturating_add(self.clock_skew) && now.saturating_sub(at) <= self.longest_max_age
        });
        in_time.then_some(token)
    }

    /// Returns the token whose parts are in two cookies, the first of each name; `None` if tokens have one part.
    pub(crate) fn paired(&self, cookies: &RequestCookies, name: &str) -> Option<Option<Vec<u8>>> {
        let second = self.second.as_ref()?;
        let first_of = |name| cookies.newest_first(name).last();
        Some(first_of(name).zip(first_of(&second.name)).map(|(first, second)| [first, second].join(&b';')))
    }

    /// Writes a token that fits into a header.
    pub(crate) fn write(&self, content: TokenContent<'_>, now: u64) -> Result<Vec<u8>, SessionError> {
        let mut token = Vec::new();
        self.format.write(content, now, &mut token)?;
        if token.iter().all(|&byte| byte.is_ascii_graphic() && (byte != b';' || self.second.is_some())) {
            return Ok(token);
        }
        let error = BackendError::new(BackendErrorKind::Other, Applied::No);
        Err(error.with_source("a token format has written characters other than visible ASCII").into())
    }

    /// Returns `true` if the other reads tokens that this one writes.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let session = SessionMap::new();
        [SessionId::random().as_ref().map(TokenContent::Id), Some(TokenContent::Session(&session))]
            .into_iter()
            .flatten()
            .any(|content| self.write(content, 0).is_ok_and(|token| other.format.read(&token).is_some()))
    }
}
