//! The salts and digests of configurations.

use crate::absence::Absence;
use crate::signer::{DEFAULT_SALT, Digest, Key, Signer};
use crate::token::OtherSigner;

/// Returns the salt of the hardened preset.
pub(super) fn hardened_salt(cookie_name: &str, mode: &str) -> String {
    format!("{cookie_name}.{mode}")
}

/// Returns the keys with the digest of the hardened preset: no other library makes tokens with its salt.
pub(super) fn hardened(keys: &[Key]) -> Vec<Key> {
    keys.iter().map(|key| key.clone().or_digest(Digest::Sha256)).collect()
}

/// Returns the signers that other configurations make of the same keys, so that the log can recognise their tokens.
pub(super) fn other_signers(keys: &[Key], salt: &str, cookie_name: &str, mode: &str) -> Vec<OtherSigner> {
    let name = cookie_name.strip_prefix("__Host-").unwrap_or(cookie_name);
    let is_hardened = salt == hardened_salt(name, mode);
    let of_mode = |mode| {
        let absence = if is_hardened { Absence::OtherMode } else { Absence::OtherSalt };
        (hardened_salt(name, mode), hardened(keys), absence)
    };
    [(DEFAULT_SALT.to_owned(), keys.to_vec(), Absence::OtherSalt), of_mode("cookie"), of_mode("server")]
        .into_iter()
        .filter(|(other, ..)| other != salt)
        .filter_map(|(salt, keys, absence)| Some(OtherSigner { signer: Signer::with_keys(keys, salt).ok()?, absence }))
        .collect()
}
