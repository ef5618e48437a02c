//! The cookie of express-session: `s:`, the id, a dot and the id's signature, percent-encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use session_core::format::{FormatKeys, ReadToken, TokenContent, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, SessionError, SessionId};
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

const PREFIX: &[u8] = b"s:";

pub(super) struct Tokens {
    /// The first one signs, all verify.
    keys: Vec<HmacSha256>,
}

impl Tokens {
    pub(super) fn new(keys: FormatKeys<'_>) -> Self {
        let keyed = |secret| HmacSha256::new_from_slice(secret).expect("HMAC takes keys of every length");
        Self { keys: keys.all().map(keyed).collect() }
    }
}

impl TokenFormat for Tokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let signed = text.strip_prefix(PREFIX)?;
        let dot = signed.iter().rposition(|&byte| byte == b'.')?;
        let (id, signature) = (&signed[..dot], &signed[dot + 1..]);
        // Only the canonical text of a signature is decoded.
        let signature = STANDARD_NO_PAD.decode(signature).ok()?;
        let verifies = |key: &HmacSha256| key.clone().chain_update(id).verify_slice(&signature).is_ok();
        let key = self.keys.iter().position(verifies)?;
        Some(ReadToken::of_id(SessionId::parse_foreign(id)?).by_older_key(key > 0))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let (TokenContent::Id(id), Some(key)) = (content, self.keys.first()) else {
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).into());
        };
        let signature = key.clone().chain_update(id.as_str()).finalize().into_bytes();
        for part in ["s:", id.as_str(), ".", &STANDARD_NO_PAD.encode(signature)] {
            push_component(part, out);
        }
        Ok(())
    }
}

/// Appends a text as JavaScript's `encodeURIComponent` writes it.
fn push_component(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}
