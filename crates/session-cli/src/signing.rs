//! The ways to sign a token.

use std::time::{SystemTime, UNIX_EPOCH};

use session_core::signer::{Digest, Key, KeyDerivation, Signer, TimestampSigner};

use crate::args::{DerivationArg, DigestArg, SigningArgs};

/// A way to sign: the salt, the digest and the derivation of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheme {
    pub(crate) salt: String,
    pub(crate) digest: DigestArg,
    pub(crate) derivation: DerivationArg,
}

impl Scheme {
    pub(crate) fn new(args: &SigningArgs) -> Self {
        Self { salt: args.salt.clone(), digest: args.digest, derivation: args.derivation }
    }

    pub(crate) fn signer(&self, secret: &[u8]) -> Signer {
        let digest = match self.digest {
            DigestArg::Sha1 => Digest::Sha1,
            DigestArg::Sha256 => Digest::Sha256,
            DigestArg::Sha384 => Digest::Sha384,
            DigestArg::Sha512 => Digest::Sha512,
        };
        let derivation = match self.derivation {
            DerivationArg::DjangoConcat => KeyDerivation::DjangoConcat,
            DerivationArg::Concat => KeyDerivation::Concat,
            DerivationArg::Hmac => KeyDerivation::Hmac,
            DerivationArg::None => KeyDerivation::None,
        };
        Signer::with_salt(Key::new(secret).digest(digest).derivation(derivation), &self.salt)
    }

    pub(crate) fn timestamp_signer(&self, secret: &[u8]) -> TimestampSigner {
        self.signer(secret).into()
    }
}

impl SigningArgs {
    /// Returns the time to use as the current time, in Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now.unwrap_or(since_epoch.as_secs())
    }
}
