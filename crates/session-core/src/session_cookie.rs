//! The cookie that names a session or holds it: verified in a request, issued in a response.

use crate::absence::Absence;
use crate::config::policy::RefreshDue;
use crate::config::{OnDuplicate, SessionConfig};
use crate::cookie::{MAX_COOKIE_BYTES, RequestCookies, SetCookie, percent_decoded};
use crate::error::SessionError;
use crate::format::{ForeignTokens, ReadContent, TokenContent};
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::Meta;
use crate::token::{self, ID_KEY, id_payload};

/// A verified token.
pub(crate) struct VerifiedToken {
    pub(crate) payload: TokenPayload,
    pub(crate) issued: Issued,
}

pub(crate) enum TokenPayload {
    Id(SessionId),
    Session(SessionMap),
}

/// The issue of a token, and the time when it was read.
#[derive(Clone, Copy)]
pub(crate) struct Issued {
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) kind: IssueKind,
    pub(crate) read_at: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum IssueKind {
    BySigningKey,
    ByOlderKey,
    /// The token does not contain the time.
    Undated,
}

impl SessionConfig {
    /// Returns the token that counts among those that verify as of `now`.
    pub(crate) fn select_token(&self, cookies: &RequestCookies, now: u64) -> Option<VerifiedToken> {
        let candidates = || cookies.newest_first(self.cookie_name());
        let verify = |text: &[u8]| self.verify(text, Some(now)).ok();
        let verified = || candidates().filter_map(|text| Some((text, verify(text)?)));
        match self.on_duplicate {
            OnDuplicate::Last => candidates().find_map(verify),
            OnDuplicate::First => {
                let paired = self.format.as_ref().and_then(|tokens| tokens.paired(cookies, self.cookie_name()));
                match paired {
                    Some(paired) => self.verify_text(&paired?, Some(now)).ok(),
                    None => candidates().last().and_then(verify),
                }
            }
            // Of tokens of the same second, the last in the header counts.
            OnDuplicate::Newest => verified()
                .reduce(|best, other| if other.1.issued.at > best.1.issued.at { other } else { best })
                .map(|(_, token)| token),
            OnDuplicate::Reject => {
                let mut verified = verified();
                let (text, token) = verified.next()?;
                verified.all(|(other, _)| other == text).then_some(token)
            }
        }
    }

    /// Checks the session's own lifetime, because its token was checked only against the longest lifetime allowed. Returns
    /// the refresh that is due, or `None` if the session has expired.
    #[inline]
    pub(crate) fn refresh_due(&self, data: &SessionMap, issued: Issued) -> Option<RefreshDue> {
        let meta = Meta::of(data);
        let (age, idle) = (issued.read_at.saturating_sub(issued.at), meta.idle(self.lifetimes));
        if age > idle || meta.remaining(self.lifetimes, || issued.read_at) == 0 {
            return None;
        }
        Some(match issued.kind {
            IssueKind::BySigningKey => self.refresh.due(age, idle),
            IssueKind::ByOlderKey => RefreshDue::Yes,
            IssueKind::Undated => self.refresh.due_undated(),
        })
    }

    /// Returns the session ids of all tokens that verify, expired ones too.
    pub(crate) fn verified_ids(&self, cookies: &RequestCookies) -> impl Iterator<Item = SessionId> {
        cookies.newest_first(self.cookie_name()).filter_map(|text| match self.verify(text, None).ok()?.payload {
            TokenPayload::Id(id) => Some(id),
            TokenPayload::Session(_) => None,
        })
    }

    /// Verifies the text of a cookie as of `now`; without a time, a token of any age.
    ///
    /// # Errors
    ///
    /// The reason why the text is not a token of a session.
    pub(crate) fn verify(&self, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        self.verify_text(text, now).or_else(|absence| match percent_decoded(text) {
            Some(decoded) => self.verify_text(&decoded, now),
            None => Err(absence),
        })
    }

    fn verify_text(&self, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        if let Some(tokens) = &self.format {
            return self.verify_foreign(tokens, text, now);
        }
        let token = self.tokens.verify(text, now)?;
        let payload = if self.is_cookie_mode() {
            let json = token::payload(token.value).and_then(|payload| String::from_utf8(payload).ok());
            let data = json.and_then(|json| SessionMap::from_json(json).ok()).ok_or(Absence::Malformed)?;
            // The token of a stored session verifies under the same secret, but holds no session.
            if data.contains_key(ID_KEY) {
                return Err(Absence::OtherMode);
            }
            TokenPayload::Session(data)
        } else {
            TokenPayload::Id(token::id(token.value).ok_or_else(|| token::no_id(token.value))?)
        };
        let kind = if token.by_signing_key { IssueKind::BySigningKey } else { IssueKind::ByOlderKey };
        Ok(VerifiedToken {
            payload,
            issued: Issued { at: token.timestamp, kind, read_at: now.unwrap_or(token.timestamp) },
        })
    }

    #[cold]
    fn verify_foreign(&self, tokens: &ForeignTokens, text: &[u8], now: Option<u64>) -> Result<VerifiedToken, Absence> {
        let token = tokens.read(text, now).ok_or(Absence::BadSignature)?;
        let payload = match token.content {
            ReadContent::Id(id) if !self.is_cookie_mode() => TokenPayload::Id(id),
            ReadContent::Session(session) if self.is_cookie_mode() => TokenPayload::Session(session),
            _ => return Err(Absence::OtherMode),
        };
        let issued_at = token.issued_at.filter(|_| token.renewed_by_use);
        let kind = match issued_at {
            _ if !token.by_signing_key => IssueKind::ByOlderKey,
            Some(_) => IssueKind::BySigningKey,
            None => IssueKind::Undated,
        };
        let read_at = now.or(token.issued_at).unwrap_or_default();
        Ok(VerifiedToken { payload, issued: Issued { at: issued_at.unwrap_or(read_at), kind, read_at } })
    }

    /// Renders the header that gives the client its session: the id of a stored one, otherwise its data.
    /// The second cookie of a format goes to `second`.
    pub(crate) fn issue_cookie(
        &self,
        id: Option<&SessionId>,
        data: &SessionMap,
        second: &mut Option<SetCookie>,
    ) -> Result<SetCookie, SessionError> {
        let now = self.clock.unix_seconds();
        let meta = Meta::of(data);
        let max_age = meta.remaining(self.lifetimes, || now);
        let max_age = (!meta.ends_with_browser(self.lifetimes)).then_some(max_age);
        if let Some(tokens) = &self.format {
            return self.issue_foreign_cookie(tokens, id, data, max_age, second);
        }
        let payload = id.map_or_else(|| data.as_json(), |id| id_payload(id).into());
        let tokens = &self.tokens;
        let (header, bytes) =
            self.cookie.set(tokens.len(payload.len(), now), max_age, |out| tokens.issue(payload.as_bytes(), now, out));
        fitting(header, bytes)
    }

    #[cold]
    fn issue_foreign_cookie(
        &self,
        tokens: &ForeignTokens,
        id: Option<&SessionId>,
        data: &SessionMap,
        max_age: Option<u64>,
        second: &mut Option<SetCookie>,
    ) -> Result<SetCookie, SessionError> {
        let token =
            tokens.write(id.map_or(TokenContent::Session(data), TokenContent::Id), self.clock.unix_seconds())?;
        let mut parts = token.splitn(2, |&byte| byte == b';');
        let token = parts.next().unwrap_or_default();
        if let (Some(template), Some(value)) = (&tokens.second, parts.next()) {
            let (header, bytes) = template.set(value.len(), max_age, |out| out.extend_from_slice(value));
            *second = Some(fitting(header, bytes)?);
        }
        let (header, bytes) = self.cookie.set(token.len(), max_age, |out| out.extend_from_slice(token));
        fitting(header, bytes)
    }
}

/// Returns the header, unless name and value are longer than browsers keep.
fn fitting(header: SetCookie, bytes: usize) -> Result<SetCookie, SessionError> {
    if bytes > MAX_COOKIE_BYTES { Err(SessionError::CookieTooLarge { bytes }) } else { Ok(header) }
}
