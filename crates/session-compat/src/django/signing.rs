//! Texts that Django's `signing.dumps` signs: a payload, a colon, the time in base62, a colon, a signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

type HmacSha256 = Hmac<Sha256>;

const SEPARATOR: u8 = b':';

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Clone)]
pub(super) struct Signer {
    /// The first one signs, all verify.
    keys: Vec<HmacSha256>,
}

/// A text whose signature is valid.
#[cfg_attr(not(feature = "django-cookie"), expect(dead_code, reason = "a row of Django's table has times of its own"))]
pub(super) struct Signed<'a> {
    pub(super) payload: &'a [u8],
    /// In Unix seconds.
    pub(super) issued_at: u64,
    pub(super) by_older_key: bool,
}

impl Signer {
    /// The first of the secrets signs.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, salt: &str) -> Self {
        let mut signer = Self { keys: Vec::new() };
        secrets.into_iter().for_each(|secret| signer.verify_by(secret, salt));
        signer
    }

    /// Adds a secret that verifies.
    pub(super) fn verify_by(&mut self, secret: &[u8], salt: &str) {
        self.keys.push(keyed(&[salt.as_bytes(), b"signer", secret]));
    }

    pub(super) fn verify<'a>(&self, text: &'a [u8]) -> Option<Signed<'a>> {
        let (signed, signature) = split_last(text)?;
        // Only the canonical text of a signature is decoded.
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let verifies = |key: &HmacSha256| key.clone().chain_update(signed).verify_slice(&signature).is_ok();
        let key = self.keys.iter().position(verifies)?;
        let (payload, time) = split_last(signed)?;
        Some(Signed { payload, issued_at: base62(time)?, by_older_key: key > 0 })
    }

    /// Appends the text of a payload, issued at `now`.
    pub(super) fn sign(&self, payload: &str, now: u64, out: &mut Vec<u8>) {
        let Some(key) = self.keys.first() else { return };
        let start = out.len();
        out.extend(payload.as_bytes());
        out.push(SEPARATOR);
        push_base62(now, out);
        let signature = key.clone().chain_update(&out[start..]).finalize().into_bytes();
        out.push(SEPARATOR);
        out.extend(URL_SAFE_NO_PAD.encode(signature).as_bytes());
    }
}

/// Returns the MAC whose key is the SHA-256 of these parts, as in Django's `salted_hmac`.
pub(super) fn keyed(parts: &[&[u8]]) -> HmacSha256 {
    let key = parts.iter().fold(Sha256::new(), |key, part| key.chain_update(part)).finalize();
    HmacSha256::new_from_slice(&key).expect("HMAC takes keys of every length")
}

fn split_last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|&byte| byte == SEPARATOR)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Reads a time, 1970 or later. A time that is too large becomes the largest one.
fn base62(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = BASE62.iter().position(|known| known == byte)?;
        Some(value.saturating_mul(62).saturating_add(digit as u64))
    })
}

fn push_base62(mut value: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(BASE62[(value % 62) as usize]);
        value /= 62;
        if value == 0 {
            break;
        }
    }
    out[start..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_and_others_are_refused() {
        for (time, text) in [(0, "0"), (61, "z"), (62, "10"), (1_700_000_000, "1r31eq"), (u64::MAX, "LygHa16AHYF")] {
            let mut written = Vec::new();
            push_base62(time, &mut written);
            assert_eq!(String::from_utf8(written).unwrap(), text);
            assert_eq!(base62(text.as_bytes()), Some(time));
        }
        assert_eq!(base62(b"00z"), Some(61));
        for text in ["LygHa16AHYG", "zzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(base62(text.as_bytes()), Some(u64::MAX), "{text}");
        }
        for text in ["", "-1", "é", " 1"] {
            assert_eq!(base62(text.as_bytes()), None, "{text}");
        }
    }
}
