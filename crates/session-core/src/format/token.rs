//! The text of a cookie in a foreign format.

use crate::backend::{Applied, BackendError, BackendErrorKind};
use crate::cookie::{CookieTemplate, RequestCookies};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;

/// Reads and writes the text of cookies, under the keys that it was made with.
///
/// It decides what a token looks like and verifies it. The manager calls the store, judges the age of a token that tells
/// its time of issue, and decides when a new one is sent.
///
/// An encrypted format is one too: it opens the text when it reads, and takes a fresh nonce when it writes.
pub trait TokenFormat: Send + Sync + 'static {
    /// Reads a token. Returns `None` for a text that does not verify, or holds neither an id nor a session.
    ///
    /// The text comes from a client: at most 4,096 bytes, percent-decoded and without quotes around it. With a
    /// [second cookie](super::FormatSettings::second_cookie) it has both values. Compare signatures in constant time.
    fn read(&self, text: &[u8]) -> Option<ReadToken>;

    /// Appends a token, issued at `now` (Unix seconds): visible ASCII without a semicolon, but for the one before the value
    /// of a second cookie.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoRandomNumbers`] if the format needs random numbers and there are none, and
    /// [`SessionError::Value`] if it can't carry the session.
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
    /// A token of a stored session's id.
    #[must_use]
    pub fn of_id(id: SessionId) -> Self {
        Self::of(ReadContent::Id(id))
    }

    /// A token that holds a session.
    #[must_use]
    pub fn of_session(session: SessionMap) -> Self {
        Self::of(ReadContent::Session(session))
    }

    /// Sets the time of issue, in Unix seconds. Without one, the token itself does not expire: the store decides.
    #[must_use]
    pub fn issued_at(mut self, unix_seconds: u64) -> Self {
        self.issued_at = Some(unix_seconds);
        self
    }

    /// Records that an older key has verified the token, so that the client is sent a new one.
    #[must_use]
    pub fn by_older_key(mut self, older: bool) -> Self {
        self.by_signing_key = !older;
        self
    }

    /// Accepts the token for the longest lifetime of any session, whatever the session's own lifetime, and renews it only
    /// when the session changes. This is for frameworks that leave a session's own lifetime to the browser.
    #[must_use]
    pub fn renewed_by_change(mut self) -> Self {
        self.renewed_by_use = false;
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
        Err(error.with_source("a token format has written other characters than visible ASCII").into())
    }

    /// Returns `true` if the other reads what this one writes.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let session = SessionMap::new();
        [SessionId::random().as_ref().map(TokenContent::Id), Some(TokenContent::Session(&session))]
            .into_iter()
            .flatten()
            .any(|content| self.write(content, 0).is_ok_and(|token| other.format.read(&token).is_some()))
    }
}
