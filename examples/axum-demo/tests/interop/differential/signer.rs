//! The signers of both sides, in all their variants, on any bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use session_tower::session_core::signer::{
    DEFAULT_SALT, Digest, Key, KeyDerivation, SignatureError, Signer, TimestampSigner,
};

use super::for_random;
use crate::support::Oracle;

const DERIVATIONS: [(&str, KeyDerivation); 4] = [
    ("django-concat", KeyDerivation::DjangoConcat),
    ("concat", KeyDerivation::Concat),
    ("hmac", KeyDerivation::Hmac),
    ("none", KeyDerivation::None),
];

const DIGESTS: [(&str, Digest); 4] =
    [("sha1", Digest::Sha1), ("sha256", Digest::Sha256), ("sha384", Digest::Sha384), ("sha512", Digest::Sha512)];

/// The last second of the year 9999, beyond which Python knows no dates.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// How to sign, for both sides.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// Oldest first.
    secrets: Vec<Vec<u8>>,
    salt: Option<String>,
    derivation: (&'static str, KeyDerivation),
    digest: (&'static str, Digest),
}

impl Variant {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let secret = vec(any::<u8>(), 0..80);
        let salt = proptest::option::weighted(0.8, vec(any::<char>(), 0..40).prop_map(String::from_iter));
        let variant =
            (vec(secret, 1..4), salt, prop::sample::select(&DERIVATIONS[..]), prop::sample::select(&DIGESTS[..]));
        variant.prop_map(|(secrets, salt, derivation, digest)| Self { secrets, salt, derivation, digest })
    }

    pub(super) fn in_rust(&self) -> TimestampSigner {
        Self::signer(self.keys(), self.salt()).into()
    }

    /// A signer for each of the keys alone.
    pub(super) fn of_each_key(&self) -> Vec<TimestampSigner> {
        self.keys().map(|key| Self::signer([key], self.salt()).into()).collect()
    }

    /// Without timestamps.
    pub(super) fn plain(&self) -> Signer {
        Self::signer(self.keys(), self.salt())
    }

    pub(super) fn in_python(&self, now: u64, max_age: Option<u64>) -> Value {
        json!({
            "secrets_b64": self.secrets.iter().map(|secret| STANDARD.encode(secret)).collect::<Vec<_>>(),
            "salt": self.salt,
            "key_derivation": self.derivation.0,
            "digest": self.digest.0,
            "now": now,
            "max_age": max_age,
        })
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        let key = |secret: &Vec<u8>| Key::new(secret.clone()).derivation(self.derivation.1).digest(self.digest.1);
        self.secrets.iter().map(key)
    }

    fn salt(&self) -> &str {
        self.salt.as_deref().unwrap_or(DEFAULT_SALT)
    }

    fn signer(keys: impl IntoIterator<Item = Key>, salt: &str) -> Signer {
        Signer::with_keys(keys, salt).expect("there is a key")
    }
}

/// Any bytes, many of them dots.
pub(super) fn values() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => any::<u8>(), 1 => Just(b'.')], 0..150)
}

/// Any second that Python has a date for; leading zero bytes and 1970 are likely.
pub(super) fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..70_000_u64, 1_600_000_000..1_800_000_000_u64, 0..=LAST_SECOND]
}

#[test]
fn both_sides_sign_with_the_same_bytes_and_read_what_the_other_has_signed() {
    for_random(500, &(Variant::any(), values(), seconds()), |(variant, value, now)| {
        let (rust, python) = (variant.in_rust(), variant.in_python(now, Some(0)));
        let token = rust.sign(&value, now);
        prop_assert_eq!(&Oracle::shared().sign(&python, &value), &token);
        let unsigned = rust.unsign(&token, Some(0), now);
        prop_assert_eq!(unsigned.map(|unsigned| (unsigned.value, unsigned.timestamp)), Ok((&value[..], now)));
        prop_assert_eq!(Oracle::shared().unsign(&python, &token), Ok((value, now)));
        Ok(())
    });
}

#[test]
fn every_key_of_a_list_verifies_on_both_sides_and_other_lists_do_not() {
    for_random(200, &(Variant::any(), Variant::any(), values(), seconds()), |(variant, other, value, now)| {
        for signer in variant.of_each_key() {
            let token = signer.sign(&value, now);
            let unsigned = variant.in_rust().unsign(&token, Some(0), now);
            prop_assert_eq!(unsigned.map(|unsigned| unsigned.value), Ok(&value[..]));
            let python = variant.in_python(now, Some(0));
            prop_assert_eq!(Oracle::shared().unsign(&python, &token), Ok((value.clone(), now)));

            let by_others = other.in_rust().unsign(&token, Some(0), now).is_ok();
            prop_assert_eq!(Oracle::shared().unsign(&other.in_python(now, Some(0)), &token).is_ok(), by_others);
        }
        Ok(())
    });
}

#[test]
fn both_sides_agree_to_the_second_on_when_a_token_expires() {
    let ages = (Variant::any(), 10_000..LAST_SECOND - 10_000, -3_i64..70, 0..64_u64);
    for_random(300, &ages, |(variant, signed_at, age, max_age)| {
        let token = variant.in_rust().sign("value", signed_at);
        let now = signed_at.checked_add_signed(age).expect("far from both ends");
        let in_rust = variant.in_rust().unsign(&token, Some(max_age), now).map(|_| ());
        let in_python = Oracle::shared().unsign(&variant.in_python(now, Some(max_age)), &token).map(|_| ());
        let expected = match u64::try_from(age) {
            Err(_) => Err(SignatureError::FromTheFuture { ahead: age.unsigned_abs() }),
            Ok(age) if age > max_age => Err(SignatureError::Expired { age, max_age }),
            Ok(_) => Ok(()),
        };
        prop_assert_eq!(in_rust, expected);
        prop_assert_eq!(
            in_python.map_err(|refusal| refusal.exception),
            expected.map_err(|_| "SignatureExpired".to_owned())
        );
        Ok(())
    });
}
