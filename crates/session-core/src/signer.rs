//! Signed text, byte-compatible with Python's `itsdangerous` 2.2.
//!
//! [`Signer`] appends an HMAC to a value: `value.signature`. [`TimestampSigner`] puts the time of signing in between:
//! `value.timestamp.signature`, which is the token that Starlette and starlette-session keep in their cookies.
//!
//! Both work on bytes, know nothing about cookies or sessions, and take the time from their caller.

mod key;
mod timestamp;

pub use key::{Digest, Key, KeyDerivation};
pub use timestamp::{TimestampSigner, Unsigned};

pub(crate) use timestamp::{push_timestamp, timestamp_len};

use key::Mac;

/// The default salt of `itsdangerous`.
pub const DEFAULT_SALT: &str = "itsdangerous.Signer";

/// Separates value, timestamp and signature.
const SEPARATOR: u8 = b'.';

/// Signs values and verifies them: `value.signature`.
///
/// The signature is the unpadded base64url text of an HMAC of the value, under a key that is derived from the secret
/// and the salt. For rotation there may be several keys: all of them verify, and the last one signs.
///
/// Signatures are compared in constant time. Only the canonical text of a signature verifies. (Python's base64 decoder
/// also accepts texts that no signer writes.)
///
/// ```
/// use session_core::signer::Signer;
///
/// let signer = Signer::new("secret");
/// let signed = signer.sign("user-1");
/// assert_eq!(signer.unsign(&signed)?, b"user-1");
/// assert!(signer.unsign(b"user-2.forged").is_err());
/// # Ok::<(), session_core::signer::SignatureError>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    /// Oldest first; never empty.
    keys: Vec<Mac>,
}

impl Signer {
    /// Makes a signer with one secret, and the default salt, key derivation and digest of `itsdangerous`.
    ///
    /// As in Python, the secret may have any length and may even be empty. [`SessionConfig`](crate::SessionConfig) is
    /// stricter.
    #[must_use]
    pub fn new(key: impl Into<Key>) -> Self {
        Self::with_salt(key, DEFAULT_SALT)
    }

    /// Makes a signer with one secret and its own salt, so that a value that was signed for one purpose can't be used
    /// for another.
    #[must_use]
    pub fn with_salt(key: impl Into<Key>, salt: impl AsRef<[u8]>) -> Self {
        Self { keys: vec![key.into().derive(salt.as_ref())] }
    }

    /// Makes a signer with several keys, oldest first: all of them verify, and the last one signs.
    ///
    /// # Errors
    ///
    /// [`NoKey`] if the list is empty.
    ///
    /// ```
    /// use session_core::signer::{DEFAULT_SALT, Digest, Key, Signer};
    ///
    /// let old = Signer::new("old secret").sign("value");
    /// let rotating = Signer::with_keys([Key::new("old secret"), Key::new("new secret").digest(Digest::Sha256)], DEFAULT_SALT)?;
    /// assert_eq!(rotating.unsign(&old)?, b"value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_keys<K: Into<Key>>(keys: impl IntoIterator<Item = K>, salt: impl AsRef<[u8]>) -> Result<Self, NoKey> {
        let keys: Vec<Mac> = keys.into_iter().map(|key| key.into().derive(salt.as_ref())).collect();
        if keys.is_empty() { Err(NoKey) } else { Ok(Self { keys }) }
    }

    /// Signs a value. Returns `value.signature`.
    #[must_use]
    pub fn sign(&self, value: impl AsRef<[u8]>) -> Vec<u8> {
        let value = value.as_ref();
        let signature = self.signature(value);
        [value, &[SEPARATOR], signature.as_bytes()].concat()
    }

    /// Returns the value, if its signature verifies.
    ///
    /// # Errors
    ///
    /// [`SignatureError::BadSignature`] if there is no signature, or none of the keys made it.
    pub fn unsign<'a>(&self, signed: &'a [u8]) -> Result<&'a [u8], SignatureError> {
        self.verify(signed).map(|(value, _)| value)
    }

    /// Returns the signature of `value` by the signing key.
    pub(crate) fn signature(&self, value: &[u8]) -> Signature {
        self.signing_key().sign(value)
    }

    /// Returns the length of the signing key's signatures.
    pub(crate) fn signature_len(&self) -> usize {
        self.signing_key().signature_len()
    }

    /// Returns the value, and `true` if the signing key verified it rather than an older one.
    fn verify<'a>(&self, signed: &'a [u8]) -> Result<(&'a [u8], bool), SignatureError> {
        let newest_first = self.keys.iter().rev().enumerate();
        for (age, key) in newest_first {
            // No signature contains the separator, so the last separator of the text must be right before a signature
            // of this length.
            let start = signed.len().checked_sub(key.signature_len() + 1);
            if let Some((value, [SEPARATOR, signature @ ..])) = start.map(|start| signed.split_at(start))
                && key.verify(value, signature)
            {
                return Ok((value, age == 0));
            }
        }
        Err(SignatureError::BadSignature)
    }

    fn signing_key(&self) -> &Mac {
        &self.keys[self.keys.len() - 1]
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The text of a signature, on the stack.
pub(crate) struct Signature {
    text: [u8; Signature::MAX],
    len: usize,
}

impl Signature {
    /// SHA-512, 64 bytes, in unpadded base64.
    const MAX: usize = 86;

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

/// The reason why a signed text was refused. The error contains nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature, or none of the keys made it.
    #[error("signature does not match")]
    BadSignature,
    /// The signature is right, but the signed text has no timestamp.
    #[error("timestamp missing")]
    MissingTimestamp,
    /// The signature is right, but its timestamp is not a number of seconds.
    #[error("malformed timestamp")]
    MalformedTimestamp,
    /// The text was signed longer ago than allowed.
    #[error("signature age {age} s exceeds {max_age} s")]
    Expired {
        /// Seconds since it was signed.
        age: u64,
        /// Seconds allowed.
        max_age: u64,
    },
    /// The text was signed in the future, beyond the allowed clock skew.
    #[error("signature is from {ahead} s in the future")]
    FromTheFuture {
        /// Seconds until the clock reaches the timestamp.
        ahead: u64,
    },
}

/// The error for a signer without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signer needs at least one key")]
pub struct NoKey;
