//! The sessions of another format that a configuration takes over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{ForeignTokens, Format, ReadContent, ReadToken, TokenContent, TokenFormat};
use crate::backend::{Backend, Store};
use crate::config::policy::OnDuplicate;
use crate::cookie::{RequestCookies, SetCookie, percent_decoded};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::signer::Key;
use crate::token::{self, ID_KEY, Tokens};

/// The sessions of another format that [`SessionConfigBuilder::accept_format`] takes over: its format, secrets, cookie and
/// store.
///
/// [`SessionConfigBuilder::accept_format`]: crate::SessionConfigBuilder::accept_format
#[must_use = "it does nothing until a builder takes it"]
pub struct AcceptedFormat {
    pub(crate) format: Arc<dyn Format>,
    pub(crate) signing: Key,
    pub(crate) verifying: Vec<Key>,
    pub(crate) cookie_name: String,
    pub(crate) backend: Option<Backend>,
    pub(crate) key_prefix: Option<String>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) keeps: bool,
}

impl AcceptedFormat {
    /// Accepts the sessions of a format whose cookie has this name and is signed with this secret.
    pub fn new(format: impl Format, secret: impl Into<Key>, cookie_name: impl Into<String>) -> Self {
        Self {
            format: Arc::new(format),
            signing: secret.into(),
            verifying: Vec::new(),
            cookie_name: cookie_name.into(),
            backend: None,
            key_prefix: None,
            max_age: None,
            keeps: false,
        }
    }

    /// Adds an older secret, which verifies cookies too.
    pub fn verify_key(mut self, key: impl Into<Key>) -> Self {
        self.verifying.push(key.into());
        self
    }

    /// Sets the store of the other format, if the format keeps sessions in one. The store uses the format's codec.
    pub fn backend(mut self, backend: impl Into<Backend>) -> Self {
        self.backend = Some(backend.into());
        self
    }

    /// Sets the prefix of keys in that store; by default the format's prefix.
    pub fn key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(key_prefix.into());
        self
    }

    /// Sets the age up to which cookies are accepted, if they tell their time of issue; by default the format's
    /// lifetime, or 14 days.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// With `true`, leaves the other format's stored session and cookie in place, so that the other service can go on
    /// using them. By default they are removed.
    ///
    /// From then on the two sessions are independent, except that a `destroy` here ends both.
    pub fn keep(mut self, keep: bool) -> Self {
        self.keeps = keep;
        self
    }
}

/// Prints no secret.
impl fmt::Debug for AcceptedFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, cookie_name, keeps, .. } = self;
        f.debug_struct("AcceptedFormat")
            .field("format", &format.name())
            .field("cookie_name", cookie_name)
            .field("keeps", keeps)
            .finish_non_exhaustive()
    }
}

/// A checked [`AcceptedFormat`].
pub(crate) struct Accepted {
    pub(crate) name: &'static str,
    pub(crate) tokens: ForeignTokens,
    pub(crate) cookie_name: Box<str>,
    pub(crate) on_duplicate: OnDuplicate,
    /// `None` if sessions live in the cookie.
    pub(crate) store: Option<Store>,
    pub(crate) key_prefix: Box<str>,
    pub(crate) keeps: bool,
    /// The headers that remove the cookies, except a cookie of the same name as the configuration's own.
    pub(crate) removals: Vec<SetCookie>,
    /// Makes the ids of the sessions that take over stored ones.
    pub(crate) id_key: Hmac<Sha256>,
}

impl Accepted {
    /// Returns the content of the cookie that counts, if it verifies as of `now`.
    pub(crate) fn find(&self, cookies: &RequestCookies, now: u64) -> Option<ReadContent> {
        if let Some(paired) = self.tokens.paired(cookies, &self.cookie_name) {
            return self.read_text(&paired?, Some(now));
        }
        let mut texts = cookies.newest_first(&self.cookie_name);
        match self.on_duplicate {
            OnDuplicate::First => self.read(texts.last()?, Some(now)),
            _ => texts.find_map(|text| self.read(text, Some(now))),
        }
    }

    /// Returns the ids of all cookies that verify, of any age.
    pub(crate) fn ids<'a>(&'a self, cookies: &'a RequestCookies) -> impl Iterator<Item = SessionId> + 'a {
        cookies.newest_first(&self.cookie_name).filter_map(|text| match self.read(text, None)? {
            ReadContent::Id(id) => Some(id),
            ReadContent::Session(_) => None,
        })
    }

    fn read(&self, text: &[u8], now: Option<u64>) -> Option<ReadContent> {
        self.read_text(text, now).or_else(|| self.read_text(&percent_decoded(text)?, now))
    }

    fn read_text(&self, text: &[u8], now: Option<u64>) -> Option<ReadContent> {
        let content = self.tokens.read(text, now)?.content;
        (matches!(content, ReadContent::Id(_)) == self.store.is_some()).then_some(content)
    }

    /// Returns the id of the session that takes over a stored one. All requests compute the same id, so that two of
    /// them don't make two sessions. No client can compute it.
    pub(crate) fn successor(&self, id: &SessionId) -> SessionId {
        let mac = self.id_key.clone().chain_update(self.name).chain_update([0]).chain_update(id.as_str());
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        let (bits, _) = bytes.split_first_chunk().expect("32 bytes are more than 16");
        SessionId::of_bits(bits)
    }
}

/// The tokens of Starlette, for formats that have none of their own.
pub(crate) struct StarletteTokens {
    pub(crate) tokens: Tokens,
    pub(crate) in_store: bool,
}

impl TokenFormat for StarletteTokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let token = self.tokens.verify(text, None).ok()?;
        let read = if self.in_store {
            ReadToken::of_id(token::id(token.value)?)
        } else {
            let session = SessionMap::from_slice(&token::payload(token.value)?).ok()?;
            ReadToken::of_session(Some(session).filter(|session| !session.contains_key(ID_KEY))?)
        };
        Some(read.issued_at(token.timestamp))
    }

    /// Writes nothing, because accepted tokens are read only.
    fn write(&self, _: TokenContent<'_>, _now: u64, _out: &mut Vec<u8>) -> Result<(), SessionError> {
        Ok(())
    }
}
