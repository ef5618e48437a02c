//! The token in the cookie: a payload with its time of issue, signed.
//!
//! No other module knows the format: base64 of the payload, signed with a timestamp.

use std::sync::Arc;

use base64::Engine;

use crate::absence::Absence;
use crate::cookie::percent_decoded;
use crate::encoding::{STANDARD, decode_short, payload_engine};
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::signer::{SignatureError, Signer, TimestampSigner, Unsigned, push_timestamp, timestamp_len};

/// The key of the payload that holds the id of a stored session, as in starlette-session.
pub(crate) const ID_KEY: &str = "_cssid";

/// The payload of a stored session's token is this, the id, and [`ID_PAYLOAD_END`].
const ID_PAYLOAD_START: &str = "{\"_cssid\": \"";
const ID_PAYLOAD_END: &str = "\"}";
const ENCODED_ID_PAYLOAD_START: &[u8] = b"eyJfY3NzaWQiOiAi";

/// Issues tokens and reads them.
#[derive(Clone)]
pub(crate) struct Tokens {
    signer: TimestampSigner,
    other_signers: Arc<[OtherSigner]>,
    /// The longest lifetime of any session, in seconds.
    longest_max_age: u64,
}

/// A signer of another configuration, with another salt. Its tokens are recognised, but not accepted.
pub(crate) struct OtherSigner {
    pub(crate) signer: Signer,
    pub(crate) absence: Absence,
}

impl Tokens {
    pub(crate) fn new(signer: TimestampSigner, longest_max_age: u64) -> Self {
        Self { signer, other_signers: Arc::default(), longest_max_age }
    }

    pub(crate) fn with_other_signers(self, other_signers: Vec<OtherSigner>) -> Self {
        Self { other_signers: other_signers.into(), ..self }
    }

    /// Returns the reason why a token does not verify, if it is unsigned or was signed by another configuration.
    pub(crate) fn why_unverified(&self, token: &[u8]) -> Option<Absence> {
        let decoded = percent_decoded(token);
        let token = decoded.as_deref().unwrap_or(token);
        if token.iter().filter(|&&byte| byte == b'.').count() < 2 {
            return Some(Absence::Malformed);
        }
        let other = self.other_signers.iter().find(|other| other.signer.unsign(token).is_ok())?;
        Some(other.absence)
    }

    /// Appends the token for a payload, issued at `now`.
    pub(crate) fn issue(&self, payload: &[u8], now: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + encoded_len(payload.len()), 0);
        payload_engine().encode_slice(payload, &mut out[start..]).expect("there is room for all of it");
        out.push(b'.');
        push_timestamp(out, now);
        let signature = self.signer.signer().signature(&out[start..]);
        out.push(b'.');
        out.extend_from_slice(signature.as_bytes());
    }

    /// Returns `true` if both sign alike: same key, derivation and salt.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let signature = |tokens: &Self| tokens.signer.signer().signature(b"comparison of two configurations");
        signature(self).as_bytes() == signature(other).as_bytes()
    }

    /// Returns the length of a token that is issued at `now`.
    pub(crate) fn len(&self, payload_len: usize, now: u64) -> usize {
        encoded_len(payload_len) + 1 + timestamp_len(now) + 1 + self.signer.signer().signature_len()
    }

    /// Verifies a token as of `now`; without a time, a token of any age. The payload is still encoded.
    ///
    /// # Errors
    ///
    /// If the signature is wrong or its age is out of range.
    pub(crate) fn verify<'a>(&self, token: &'a [u8], now: Option<u64>) -> Result<Unsigned<'a>, SignatureError> {
        self.signer.unsign(token, now.map(|_| self.longest_max_age), now.unwrap_or_default())
    }
}

/// Returns the length of a payload's padded base64.
fn encoded_len(payload_len: usize) -> usize {
    payload_len.div_ceil(3) * 4
}

/// Decodes the payload of a token.
pub(crate) fn payload(encoded: &[u8]) -> Option<Vec<u8>> {
    // The decoder's own vector would be zeroed, and glibc's `calloc` takes three times as long as its `malloc`.
    let mut payload = Vec::with_capacity(encoded.len().div_ceil(4) * 3);
    payload_engine().decode_vec(encoded, &mut payload).ok()?;
    Some(payload)
}

/// Returns the id in a stored session's token, whose payload consists of a well-formed id only.
pub(crate) fn id(encoded: &[u8]) -> Option<SessionId> {
    // Nearly all payloads were made by this library or by Python's. Their start of twelve bytes is sixteen characters
    // of base64, so the rest can be decoded alone.
    if let Some(rest) = encoded.strip_prefix(ENCODED_ID_PAYLOAD_START)
        && rest.len() % 4 == 0
    {
        let text = rest.strip_suffix(b"==").or_else(|| rest.strip_suffix(b"=")).unwrap_or(rest);
        let mut buffer = [0; SessionId::MAX_LEN + ID_PAYLOAD_END.len()];
        if let Some(bytes) = buffer.get_mut(..text.len() * 3 / 4)
            && decode_short(text, &STANDARD, bytes)
            && let Some(id) = bytes.strip_suffix(ID_PAYLOAD_END.as_bytes()).and_then(SessionId::from_bytes)
        {
            return Some(id);
        }
    }
    let map = SessionMap::from_slice(&payload(encoded)?).ok()?;
    let id = map.get::<String>(ID_KEY).ok()??;
    if map.len() == 1 { SessionId::parse(&id) } else { None }
}

/// Returns the reason why a verified token holds no id: it holds a session, or another program made it.
#[cold]
pub(crate) fn no_id(encoded: &[u8]) -> Absence {
    let is_session = payload(encoded).is_some_and(|payload| SessionMap::from_slice(&payload).is_ok());
    if is_session { Absence::OtherMode } else { Absence::Malformed }
}

/// Returns the payload of a stored session's token.
pub(crate) fn id_payload(id: &SessionId) -> String {
    [ID_PAYLOAD_START, id.as_str(), ID_PAYLOAD_END].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_equals_the_one_that_starlette_makes() {
        let tokens = Tokens::new(TimestampSigner::new("secret"), 1_209_600);
        let mut text = Vec::new();
        tokens.issue(br#"{"data": "something"}"#, 1_700_000_000, &mut text);
        assert_eq!(text, b"eyJkYXRhIjogInNvbWV0aGluZyJ9.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44");
        let token = tokens.verify(&text, Some(1_700_000_001)).unwrap();
        let payload = payload(token.value).unwrap();
        assert_eq!(payload, br#"{"data": "something"}"#);
        assert_eq!((token.timestamp, token.by_signing_key), (1_700_000_000, true));
        assert_eq!(text.len(), tokens.len(payload.len(), 1_700_000_000));
    }

    fn id_in(payload: &str) -> Option<SessionId> {
        id(payload_engine().encode(payload).as_bytes())
    }

    #[test]
    fn an_id_comes_back_however_its_payload_is_written() {
        let own = SessionId::random().unwrap();
        assert_eq!(id_in(&id_payload(&own)), Some(own));
        for payload in
            [format!(r#"{{"_cssid":"{}"}}"#, own.as_str()), format!(r#" {{ "\u005fcssid" : "{}" }} "#, own.as_str())]
        {
            assert_eq!(id_in(&payload), Some(own), "{payload}");
        }
    }

    #[test]
    fn other_payloads_hold_no_id() {
        let uuid = "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6";
        for payload in [
            String::new(),
            "{}".to_owned(),
            format!(r#"{{"_cssid": "{uuid}", "admin": true}}"#),
            format!(r#"{{"_cssid": "{uuid}", "_cssid": 1}}"#),
            r#"{"_cssid": 1234567890123456789012}"#.to_owned(),
            r#"{"_cssid": "../../etc/passwd and more of it"}"#.to_owned(),
            format!(r#"["_cssid", "{uuid}"]"#),
        ] {
            assert_eq!(id_in(&payload), None, "{payload}");
        }
    }
}
