//! Values that the crate `cookie` signs or encrypts.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use session_core::SessionError;
use session_core::format::FormatKeys;
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

/// The length of a signature's text.
const SIGNATURE: usize = 44;

const NONCE: usize = 12;

/// The context of a derived key.
const INFO: &[u8] = b"COOKIE;SIGNED:HMAC-SHA256;PRIVATE:AEAD-AES-256-GCM";

pub(crate) struct Sealing {
    /// The first one seals, all open.
    keys: Vec<Key>,
    /// An encrypted value is bound to it.
    cookie_name: Vec<u8>,
}

enum Key {
    Signing(HmacSha256),
    Encrypting(Box<Aes256Gcm>),
}

impl Sealing {
    pub(crate) fn new(keys: FormatKeys<'_>, signed: bool) -> Self {
        let key = |secret: &[u8]| {
            let (signing, encrypting) = halves(secret);
            if signed {
                Key::Signing(keyed(&signing))
            } else {
                Key::Encrypting(Box::new(Aes256Gcm::new_from_slice(&encrypting).expect("it takes keys of 32 bytes")))
            }
        };
        Self { keys: keys.all().map(key).collect(), cookie_name: keys.cookie_name().into() }
    }

    /// Returns a value, and `true` if a key other than the first one has sealed it.
    pub(crate) fn open(&self, text: &[u8]) -> Option<(Vec<u8>, bool)> {
        self.keys.iter().enumerate().find_map(|(at, key)| Some((self.open_with(key, text)?, at > 0)))
    }

    fn open_with(&self, key: &Key, text: &[u8]) -> Option<Vec<u8>> {
        match key {
            Key::Signing(key) => {
                let (signature, value) = text.split_at_checked(SIGNATURE)?;
                let signature = STANDARD.decode(signature).ok()?;
                key.clone().chain_update(value).verify_slice(&signature).ok()?;
                Some(value.to_vec())
            }
            Key::Encrypting(key) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (nonce, msg) = bytes.split_first_chunk::<NONCE>()?;
                key.decrypt(&Nonce::from(*nonce), Payload { msg, aad: &self.cookie_name }).ok()
            }
        }
    }

    /// Returns the sealed text of a value. It begins with base64.
    pub(crate) fn seal(&self, value: &str) -> Result<String, SessionError> {
        match self.keys.first() {
            Some(Key::Signing(key)) => {
                let signature = key.clone().chain_update(value).finalize().into_bytes();
                Ok(STANDARD.encode(signature) + value)
            }
            Some(Key::Encrypting(key)) => {
                let mut nonce = [0; NONCE];
                getrandom::fill(&mut nonce).map_err(|_| SessionError::NoRandomNumbers)?;
                let payload = Payload { msg: value.as_bytes(), aad: &self.cookie_name };
                let sealed = key.encrypt(&Nonce::from(nonce), payload).map_err(|_| SessionError::NoRandomNumbers)?;
                Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
            }
            None => Ok(String::new()),
        }
    }
}

/// Returns the signing and the encrypting half of a key. The key is the secret itself, or is derived from a shorter
/// secret.
fn halves(secret: &[u8]) -> ([u8; 32], [u8; 32]) {
    if let Some((signing, rest)) = secret.split_first_chunk()
        && let Some((encrypting, _)) = rest.split_first_chunk()
    {
        return (*signing, *encrypting);
    }
    // The second step of HKDF.
    let signing = keyed(secret).chain_update(INFO).chain_update([1]).finalize().into_bytes();
    let encrypting = keyed(secret).chain_update(signing).chain_update(INFO).chain_update([2]).finalize().into_bytes();
    (signing.into(), encrypting.into())
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of every length")
}
