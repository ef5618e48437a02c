//! What is in the cookie: a payload with its time of issue, as text that can't be forged.
//!
//! The one place that knows the format: base64 of the payload, signed with a timestamp.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::SessionId;
use crate::map::SessionMap;
use crate::signer::{SignatureError, TimestampSigner, push_timestamp};

/// The key of the payload under which the id of a stored session stands, as in starlette-session.
pub(crate) const ID_KEY: &str = "_cssid";

/// The payload of a stored session's token is this, the id, and [`ID_PAYLOAD_END`].
const ID_PAYLOAD_START: &str = "{\"_cssid\": \"";
const ID_PAYLOAD_END: &str = "\"}";

/// Issues tokens and reads them.
#[derive(Clone)]
pub(crate) struct Tokens {
    signer: TimestampSigner,
    /// The longest lifetime of any session, in seconds.
    longest_max_age: u64,
}

/// A token that was verified and has not expired.
pub(crate) struct Token {
    pub(crate) payload: Vec<u8>,
    /// Unix seconds.
    pub(crate) issued_at: u64,
    pub(crate) by_signing_key: bool,
}

impl Tokens {
    pub(crate) fn new(signer: TimestampSigner, longest_max_age: u64) -> Self {
        Self { signer, longest_max_age }
    }

    /// Appends the token of a payload, issued at `now`.
    pub(crate) fn issue(&self, payload: &[u8], now: u64, out: &mut String) {
        let start = out.len();
        STANDARD.encode_string(payload, out);
        out.push('.');
        push_timestamp(out, now);
        let signature = self.signer.signer().signature(&out.as_bytes()[start..]);
        out.push('.');
        out.push_str(signature.as_str());
    }

    /// The length of a token, or a little more.
    pub(crate) fn len(&self, payload_len: usize) -> usize {
        const TIMESTAMP: usize = 11;
        payload_len.div_ceil(3) * 4 + 1 + TIMESTAMP + 1 + self.signer.signer().signature_len()
    }

    /// Verifies a token and decodes its payload.
    ///
    /// # Errors
    ///
    /// If the signature, its age or the encoding is wrong.
    pub(crate) fn read(&self, token: &[u8], now: u64) -> Result<Token, SignatureError> {
        let unsigned = self.signer.unsign(token, Some(self.longest_max_age), now)?;
        let payload = STANDARD.decode(unsigned.value).map_err(|_| SignatureError::BadSignature)?;
        Ok(Token { payload, issued_at: unsigned.timestamp, by_signing_key: unsigned.by_signing_key })
    }
}

/// The payload of a stored session's token.
pub(crate) fn id_payload(id: &SessionId) -> String {
    [ID_PAYLOAD_START, id.as_str(), ID_PAYLOAD_END].concat()
}

/// The id in the payload of a stored session's token: an object with nothing but a well-formed id.
pub(crate) fn parse_id(payload: &[u8]) -> Option<SessionId> {
    let plain = payload
        .strip_prefix(ID_PAYLOAD_START.as_bytes())
        .and_then(|rest| rest.strip_suffix(ID_PAYLOAD_END.as_bytes()))
        .and_then(SessionId::from_bytes);
    plain.or_else(|| {
        let map = SessionMap::from_slice(payload).ok()?;
        let id = map.get::<String>(ID_KEY).ok()??;
        if map.len() == 1 { SessionId::parse(&id) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_starlette_makes() {
        let tokens = Tokens::new(TimestampSigner::new("secret"), 1_209_600);
        let mut text = String::new();
        tokens.issue(br#"{"data": "something"}"#, 1_700_000_000, &mut text);
        assert_eq!(text, "eyJkYXRhIjogInNvbWV0aGluZyJ9.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44");
        let token = tokens.read(text.as_bytes(), 1_700_000_001).unwrap();
        assert_eq!(token.payload, br#"{"data": "something"}"#);
        assert_eq!((token.issued_at, token.by_signing_key), (1_700_000_000, true));
        assert!(text.len() <= tokens.len(token.payload.len()));
    }

    #[test]
    fn an_id_comes_back_however_its_payload_is_written() {
        let id = SessionId::random().unwrap();
        assert_eq!(parse_id(id_payload(&id).as_bytes()), Some(id));
        for payload in
            [format!(r#"{{"_cssid":"{}"}}"#, id.as_str()), format!(r#" {{ "\u005fcssid" : "{}" }} "#, id.as_str())]
        {
            assert_eq!(parse_id(payload.as_bytes()), Some(id), "{payload}");
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
            assert_eq!(parse_id(payload.as_bytes()), None, "{payload}");
        }
    }
}
