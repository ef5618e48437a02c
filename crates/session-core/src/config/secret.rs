//! The strength of a secret.

use zeroize::Zeroizing;

use super::error::ConfigError;
use crate::signer::Key;

/// Shorter secrets can be found by brute force.
const STRONG_SECRET_BYTES: usize = 32;

/// A random secret has at least this many different bytes, even one of 32 hexadecimal digits.
const FEWEST_DIFFERENT_BYTES: usize = 5;

/// Parts of the placeholders that documentation uses instead of a secret. No random secret contains one of them.
const PLACEHOLDERS: &[&str] = &[
    "bytes from a secret store",
    "change-me",
    "change me",
    "change_me",
    "changeme",
    "django-insecure-",
    "placeholder",
    "secret key here",
    "secret-key-here",
    "secret_key_here",
    "your secret",
    "your-256-bit-secret",
    "your-secret",
    "your_secret",
    // These two are in FastAPI's tutorial and in Rocket's guide.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "hpryyvrimyxpw5sbb1xecmn1kfsdcqkvbi2qjxbvhqk=",
];

/// Checks that a secret does not look like one that an attacker can guess.
pub(super) fn check_strength(secret: &[u8]) -> Result<(), ConfigError> {
    if secret.len() < STRONG_SECRET_BYTES {
        return Err(ConfigError::WeakSecret { bytes: secret.len() });
    }
    let lower = Zeroizing::new(secret.to_ascii_lowercase());
    if PLACEHOLDERS.iter().any(|placeholder| memchr::memmem::find(&lower, placeholder.as_bytes()).is_some()) {
        return Err(ConfigError::PlaceholderSecret);
    }
    if is_regular(secret) {
        return Err(ConfigError::RegularSecret);
    }
    Ok(())
}

/// Returns `true` if bytes repeat a few values, or count up or down.
fn is_regular(secret: &[u8]) -> bool {
    let mut steps = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = steps.next();
    let counts = steps.all(|step| Some(step) == first);
    let mut different = Zeroizing::new(secret.to_vec());
    different.sort_unstable();
    different.dedup();
    counts || different.len() < FEWEST_DIFFERENT_BYTES
}

/// Makes a secret that ends with the process; an empty one if the operating system has no random numbers.
pub(super) fn random() -> Key {
    let mut secret = Zeroizing::new([0; STRONG_SECRET_BYTES]);
    match getrandom::fill(&mut *secret) {
        Ok(()) => Key::from(&*secret),
        Err(_) => Key::new(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_documentation_are_refused() {
        for secret in PLACEHOLDERS {
            let padded = format!("{secret:-<40}");
            assert_eq!(check_strength(padded.as_bytes()), Err(ConfigError::PlaceholderSecret), "{secret}");
        }
        let shouted = b"CHANGEME-CHANGEME-CHANGEME-CHANGEME";
        assert_eq!(check_strength(shouted), Err(ConfigError::PlaceholderSecret));
    }

    #[test]
    fn bytes_that_repeat_or_count_are_refused() {
        let counting: Vec<u8> = (0..64).collect();
        let down: Vec<u8> = (0..64).rev().collect();
        for secret in [&[0; 32][..], &[0xff; 64], &b"abcd".repeat(8), &counting, &down] {
            assert_eq!(check_strength(secret), Err(ConfigError::RegularSecret), "{secret:?}");
        }
    }

    #[test]
    fn random_secrets_are_taken_as_bytes_and_as_text() {
        for _ in 0..1000 {
            let key = random();
            let hex: String = key.secret().iter().map(|byte| format!("{byte:02x}")).collect();
            let half = &hex.as_bytes()[..32];
            for secret in [key.secret(), hex.as_bytes(), half] {
                assert_eq!(check_strength(secret), Ok(()), "{secret:?}");
            }
        }
    }
}
