//! Secrets, the derivation of keys from them, and the HMAC that is prepared once for each key.

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use zeroize::Zeroizing;

use super::Signature;
use crate::encoding::encode_short;
use crate::names::names;

/// The hash function of the key derivation and the HMAC.
///
/// `itsdangerous` calls it `digest_method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Digest {
    /// SHA-1: the default of `itsdangerous`, which Starlette uses. The known weaknesses of SHA-1 do not affect
    /// HMAC-SHA-1.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

names!(Digest, "digest", Sha1 = "sha1", Sha256 = "sha256", Sha384 = "sha384", Sha512 = "sha512");

/// The way in which the HMAC key is made from the secret and the salt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyDerivation {
    /// `digest(salt + "signer" + secret)`: the default of `itsdangerous`, called `django-concat` there.
    #[default]
    DjangoConcat,
    /// `digest(salt + secret)`.
    Concat,
    /// `HMAC(secret, salt)`; Flask's choice.
    Hmac,
    /// The secret itself; the salt has no effect.
    None,
}

names!(
    KeyDerivation,
    "key derivation",
    DjangoConcat = "django-concat",
    Concat = "concat",
    Hmac = "hmac",
    None = "none"
);

/// A secret, with its key derivation and digest.
///
/// Strings and byte slices convert into a key with the default derivation and digest. `Debug` does not print the
/// secret. Dropping the key overwrites the secret's memory.
///
/// ```
/// use session_core::signer::{Digest, Key, KeyDerivation, Signer};
///
/// let signer = Signer::with_salt(
///     Key::new("secret").derivation(KeyDerivation::Hmac).digest(Digest::Sha512),
///     "cookie-session",
/// );
/// assert!(signer.unsign(&signer.sign("value")).is_ok());
/// ```
#[derive(Clone)]
pub struct Key {
    secret: Zeroizing<Vec<u8>>,
    derivation: KeyDerivation,
    /// `None` until one was chosen.
    digest: Option<Digest>,
}

impl Key {
    /// Makes a key with the default derivation and digest.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self { secret: Zeroizing::new(secret.into()), derivation: KeyDerivation::default(), digest: None }
    }

    /// Sets the key derivation; default [`KeyDerivation::DjangoConcat`].
    #[must_use]
    pub fn derivation(mut self, derivation: KeyDerivation) -> Self {
        self.derivation = derivation;
        self
    }

    /// Sets the digest; default [`Digest::Sha1`], and [`Digest::Sha256`] under
    /// [`SessionConfigBuilder::hardened`](crate::SessionConfigBuilder::hardened).
    #[must_use]
    pub fn digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Sets the digest, unless one was chosen.
    pub(crate) fn or_digest(self, digest: Digest) -> Self {
        Self { digest: self.digest.or(Some(digest)), ..self }
    }

    pub(crate) fn key_derivation(&self) -> KeyDerivation {
        self.derivation
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Prepares the HMAC, including its inner and outer pads, once for all messages.
    pub(super) fn derive(&self, salt: &[u8]) -> Mac {
        let digest = self.digest.unwrap_or_default();
        let derived = Zeroizing::new(match self.derivation {
            KeyDerivation::DjangoConcat => hash(digest, &[salt, b"signer", &self.secret]),
            KeyDerivation::Concat => hash(digest, &[salt, &self.secret]),
            KeyDerivation::Hmac => Mac::new(digest, &self.secret).tag(salt),
            KeyDerivation::None => return Mac::new(digest, &self.secret),
        });
        Mac::new(digest, &derived)
    }
}

/// Compares the secrets in constant time.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        let same_secret = self.secret.ct_eq(&other.secret).into();
        same_secret && (self.derivation, self.digest) == (other.derivation, other.digest)
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("derivation", &self.derivation)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl From<&str> for Key {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Key {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<&[u8]> for Key {
    fn from(secret: &[u8]) -> Self {
        Self::new(secret)
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(secret: &[u8; N]) -> Self {
        Self::new(secret.as_slice())
    }
}

impl From<Vec<u8>> for Key {
    fn from(secret: Vec<u8>) -> Self {
        Self::new(secret)
    }
}

/// An HMAC with its key and without a message.
#[derive(Clone)]
pub(super) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

/// Evaluates one expression for the HMAC of any digest.
macro_rules! with_hmac {
    ($mac:expr, $keyed:ident => $body:expr) => {
        match $mac {
            Mac::Sha1($keyed) => $body,
            Mac::Sha256($keyed) => $body,
            Mac::Sha384($keyed) => $body,
            Mac::Sha512($keyed) => $body,
        }
    };
}

impl Mac {
    fn new(digest: Digest, key: &[u8]) -> Self {
        match digest {
            Digest::Sha1 => Self::Sha1(keyed(key)),
            Digest::Sha256 => Self::Sha256(keyed(key)),
            Digest::Sha384 => Self::Sha384(keyed(key)),
            Digest::Sha512 => Self::Sha512(keyed(key)),
        }
    }

    /// Returns the length of a signature's text.
    pub(super) fn signature_len(&self) -> usize {
        let tag_len: usize = match self {
            Self::Sha1(_) => 20,
            Self::Sha256(_) => 32,
            Self::Sha384(_) => 48,
            Self::Sha512(_) => 64,
        };
        (tag_len * 8).div_ceil(6)
    }

    /// Returns `true` if this is the canonical text of the message's signature. The comparison takes constant time.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        same(self.sign(message).as_bytes(), signature)
    }

    fn tag(&self, message: &[u8]) -> Vec<u8> {
        with_hmac!(self, keyed => keyed.clone().chain_update(message).finalize().into_bytes().to_vec())
    }

    /// Returns the text of the message's signature.
    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        let mut text = [0; Signature::MAX];
        let len = with_hmac!(self, keyed => {
            let tag = keyed.clone().chain_update(message).finalize().into_bytes();
            encode_short(&tag, &mut text)
        });
        Signature { text, len }
    }
}

/// Compares two byte strings in a time that depends on their lengths only: by words, with one constant-time comparison
/// at the end.
fn same(one: &[u8], other: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks(), other.as_chunks());
    let words = words.iter().zip(other_words).map(|(one, other)| u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other));
    let bytes = rest.iter().zip(other_rest).map(|(one, other)| u64::from(one ^ other));
    words.chain(bytes).fold(0, |all, difference| all | difference).ct_eq(&0).into()
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of every length (RFC 2104, section 2)")
}

fn hash(digest: Digest, parts: &[&[u8]]) -> Vec<u8> {
    fn run<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().fold(D::new(), |hasher, part| hasher.chain_update(part)).finalize().to_vec()
    }
    match digest {
        Digest::Sha1 => run::<Sha1>(parts),
        Digest::Sha256 => run::<Sha256>(parts),
        Digest::Sha384 => run::<Sha384>(parts),
        Digest::Sha512 => run::<Sha512>(parts),
    }
}
