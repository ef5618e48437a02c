//! The signer alone: the signatures that it accepts, and its errors for others.

use std::collections::HashSet;

use session_core::signer::{
    DEFAULT_SALT, Digest, Key, KeyDerivation, NoKey, SignatureError, Signer, TimestampSigner, Unsigned,
};

use crate::support::NOW;

const DIGESTS: [Digest; 4] = [Digest::Sha1, Digest::Sha256, Digest::Sha384, Digest::Sha512];
const DERIVATIONS: [KeyDerivation; 4] =
    [KeyDerivation::DjangoConcat, KeyDerivation::Concat, KeyDerivation::Hmac, KeyDerivation::None];

/// Values that could be mistaken for more than a value.
const RAW_VALUES: [&[u8]; 8] = [b"", b".", b"...", b"a.b", b"a.ZVPxAA", b"a.ZVPxAA.FdFGnltuWS2hDs3", b"\0\xff", b"\n"];

fn every_kind_of_key(secret: &str) -> impl Iterator<Item = Key> {
    DIGESTS.into_iter().flat_map(move |digest| {
        DERIVATIONS.into_iter().map(move |derivation| Key::new(secret).digest(digest).derivation(derivation))
    })
}

fn with_keys<K: Into<Key>>(keys: impl IntoIterator<Item = K>) -> Signer {
    Signer::with_keys(keys, DEFAULT_SALT).expect("there are keys")
}

#[test]
fn each_digest_and_derivation_signs_as_itsdangerous_does() {
    // `Signer("secret", salt="salt", key_derivation=…, digest_method=…).sign("value")` of itsdangerous 2.2.0.
    let signed_by_python = [
        "value.3nRqEICO7XSUZdHc9h3CUtppe6g",
        "value.qCvpum7-YUBe6NLoo3gcN-EDNgo",
        "value.4p13bMWQ8j6Z9vJq2434EMMsVz8",
        "value.Mwty04TfQa30QOHYrrVDq3Puy4o",
        "value.XVy7uJMd8X5sOPgzWThQFxTTDxShoWqwYoV3e_VgSZo",
        "value.3rrdzZ7LqrGBKJhwuvivSbCvCnBQ1iDRpj8eab2Hzrg",
        "value.TzATsKdMm8tO6FhILJ4UKek3WNgIrEXMsRMW7AekqNg",
        "value.UOA-vmW-mLuL8RuiyJLVTAeayisNOwFidpxtdXolQ08",
        "value.8Dm8m092NW45sYmWQSmEvqwpR9kVZ4QZ3NnvFuyKJ5df4Nrgg3Y6N2LySzdZcox5",
        "value.vXcytSQdJNVzKRA69AvxtwhRDBbgyYGm2o6mfGwFlGV1SwzBoR-KGPqTcgvt575u",
        "value.wlugrDmSBM3KkWfMAa1_KtKOItysa5dbnPPjPfMra68D5gzIvdITZ5pC1oo4YxKL",
        "value.AUeqPg9L5TycjDNgiRguKiWhGCaW6zSgLu6ES4C7DYFJlIRW8NL4-JUfnIR68RFZ",
        "value.1oF2VKy-pJoVguFjMNkX2FI4m03vpkX41Q3qE4ZH7PIMXLSvmq3kG_wQU-DWrLM1n6BEVUvSz9aD_9Vv4Q5l9g",
        "value.i85e6zkm0PkMcnIXdGcl4m3ibTEetrNM7OtHj4mstR0CunTtD5xPV5eyrl8CDUsi58FAml_x2WgEUCb9wZNuDg",
        "value.D4Kh06QEWuez7odgEaw4VO9X9FhpgxHHkBHndcTwXY5I2YZ62QcYM1ju83YIxeIH-3RWlzfhjeqTWNJKI_6wYA",
        "value._iWOsnPOj0kYE3wJLmvbGTaC_kUFhgWESna7hoKVwRQr5A4UDR7__KYh7f5s_i3_D8jwBIUbehw5IgHxYPlYdA",
    ];
    let keys: Vec<_> = every_kind_of_key("secret").collect();
    assert_eq!(keys.len(), signed_by_python.len());
    for (key, signed) in keys.into_iter().zip(signed_by_python) {
        let signer = Signer::with_salt(key.clone(), "salt");
        assert_eq!(signer.sign("value"), signed.as_bytes(), "{key:?}");
        assert_eq!(signer.unsign(signed.as_bytes()), Ok(&b"value"[..]), "{key:?}");
    }
}

#[test]
fn a_signature_is_bound_to_secret_salt_digest_and_derivation() {
    let signed: Vec<_> = every_kind_of_key("secret").chain(every_kind_of_key("Secret")).collect();
    let signers = signed.iter().flat_map(|key| ["salt", "Salt"].map(|salt| Signer::with_salt(key.clone(), salt)));
    let signatures: HashSet<_> = signers.map(|signer| signer.sign("value")).collect();
    // Two secrets, two salts, four digests, four derivations, of which one ignores the salt.
    assert_eq!(signatures.len(), 2 * 4 * (3 * 2 + 1));
}

#[test]
fn all_keys_of_a_list_verify_and_the_last_one_signs() {
    let keys: Vec<_> = every_kind_of_key("secret").collect();
    let list = with_keys(keys.clone());
    for key in &keys {
        assert_eq!(list.unsign(&Signer::new(key.clone()).sign("value")), Ok(&b"value"[..]), "{key:?}");
    }
    let last = keys.last().cloned().unwrap();
    assert_eq!(list.sign("value"), Signer::new(last).sign("value"));
    let of_another_secret = Signer::new("other").sign("value");
    assert_eq!(list.unsign(&of_another_secret), Err(SignatureError::BadSignature));
}

#[test]
fn a_token_by_an_older_key_says_so() {
    let list = TimestampSigner::from(with_keys(["oldest", "old", "new"]));
    for (secret, by_signing_key) in [("oldest", false), ("old", false), ("new", true)] {
        let token = TimestampSigner::new(secret).sign("value", NOW);
        assert_eq!(list.unsign(&token, Some(0), NOW).unwrap().by_signing_key, by_signing_key, "{secret}");
    }
}

#[test]
fn a_list_without_a_key_is_refused() {
    assert_eq!(Signer::with_keys(Vec::<Key>::new(), DEFAULT_SALT).map(drop), Err(NoKey));
    assert!(Signer::with_keys([""], DEFAULT_SALT).is_ok());
}

#[test]
fn an_empty_secret_is_one_like_others_to_the_signer() {
    for key in every_kind_of_key("") {
        let signer = Signer::new(key.clone());
        assert_eq!(signer.unsign(&signer.sign("value")), Ok(&b"value"[..]), "{key:?}");
        assert!(Signer::new("secret").unsign(&signer.sign("value")).is_err(), "{key:?}");
    }
}

#[test]
fn a_secret_may_be_text_or_bytes() {
    let signed = Signer::new("secret").sign("value");
    let keys =
        [Key::from("secret".to_owned()), Key::from(b"secret"), Key::from(&b"secret"[..]), b"secret".to_vec().into()];
    for key in keys {
        assert_eq!(Signer::new(key).sign("value"), signed);
    }
}

#[test]
fn raw_values_come_back_whatever_they_contain() {
    let signer = TimestampSigner::new("secret");
    for value in RAW_VALUES {
        let signed = Signer::new("secret").sign(value);
        assert_eq!(Signer::new("secret").unsign(&signed), Ok(value));
        let token = signer.sign(value, NOW);
        let Unsigned { value: found, timestamp, .. } = signer.unsign(&token, Some(0), NOW).unwrap();
        assert_eq!((found, timestamp), (value, NOW));
    }
}

#[test]
fn a_token_that_differs_in_any_byte_is_refused_with_the_same_words() {
    let signer = TimestampSigner::new("secret");
    let token = signer.sign("value", NOW);
    let verdict = |text: &[u8]| signer.unsign(text, Some(0), NOW).map(drop);
    assert_eq!(verdict(&token), Ok(()));
    for at in 0..token.len() {
        for other in (0..=u8::MAX).filter(|&byte| byte != token[at]) {
            let mut tampered = token.clone();
            tampered[at] = other;
            assert_eq!(verdict(&tampered), Err(SignatureError::BadSignature), "{other:#x} at {at}");
        }
        let cut = [&token[..at], &token[at + 1..]].concat();
        assert_eq!(verdict(&cut), Err(SignatureError::BadSignature), "without the byte at {at}");
        assert_eq!(verdict(&token[..at]), Err(SignatureError::BadSignature), "cut at {at}");
    }
}

#[test]
fn only_the_canonical_text_of_a_signature_verifies() {
    for key in every_kind_of_key("secret") {
        let signer = Signer::new(key.clone());
        let signed = String::from_utf8(signer.sign("value")).unwrap();
        let (text, last) = signed.split_at(signed.len() - 1);
        // Base64 decoders that are lax take what follows as the same bytes.
        let mut lax: Vec<String> = ["=", "==", "\n", " ", "."].map(|end| format!("{signed}{end}")).into();
        lax.extend(next_letters(last).map(|letter| format!("{text}{letter}")));
        lax.push(signed.replacen('.', ". ", 1));
        lax.extend([signed.replace('-', "+"), signed.replace('_', "/")].into_iter().filter(|other| *other != signed));
        for other in lax {
            assert_eq!(signer.unsign(other.as_bytes()), Err(SignatureError::BadSignature), "{key:?} {other:?}");
        }
    }
}

/// The letters that differ from one in the last two bits of the six that it stands for.
fn next_letters(letter: &str) -> impl Iterator<Item = char> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = ALPHABET.find(letter).expect("a letter of the alphabet");
    [1, 2, 3].into_iter().map(move |other| char::from(ALPHABET.as_bytes()[bits ^ other]))
}

#[test]
fn a_text_without_a_separator_is_not_signed() {
    for text in ["", "value", "FdFGnltuWS2hDs3eecuXCwu5b44"] {
        assert_eq!(Signer::new("secret").unsign(text.as_bytes()), Err(SignatureError::BadSignature));
        let outcome = TimestampSigner::new("secret").unsign(text.as_bytes(), None, NOW);
        assert_eq!(outcome, Err(SignatureError::BadSignature));
    }
}

#[test]
fn a_missing_timestamp_and_a_malformed_one_are_different_errors() {
    let verdict = |stamped: &str| {
        let token = Signer::new("secret").sign(stamped);
        TimestampSigner::new("secret").unsign(&token, Some(60), NOW).map(|unsigned| unsigned.timestamp)
    };
    assert_eq!(verdict("value.ZVPxAA"), Ok(NOW));
    assert_eq!(verdict("value"), Err(SignatureError::MissingTimestamp));
    // No letters of base64url, a length that base64 can't have, bits to spare, padding, more than eight bytes.
    for timestamp in ["!!!", "Z", "ZVPxA", "ZVPxAB", "ZVPxAA==", "Z VPxAA", "AAAAAAAAAAAAAAAAAAAA", "é"] {
        let stamped = format!("value.{timestamp}");
        assert_eq!(verdict(&stamped), Err(SignatureError::MalformedTimestamp), "{timestamp}");
    }
}

#[test]
fn a_token_is_good_up_to_its_maximum_age_and_not_a_second_longer() {
    let signer = TimestampSigner::new("secret");
    let token = signer.sign("value", NOW);
    let verdict = |max_age, now| signer.unsign(&token, max_age, now).map(|unsigned| unsigned.timestamp);
    assert_eq!(verdict(Some(60), NOW + 60), Ok(NOW));
    assert_eq!(verdict(Some(60), NOW + 61), Err(SignatureError::Expired { age: 61, max_age: 60 }));
    assert_eq!(verdict(Some(60), NOW - 1), Err(SignatureError::FromTheFuture { ahead: 1 }));
    for now in [0, NOW - 1, NOW + 61, u64::MAX] {
        assert_eq!(verdict(None, now), Ok(NOW));
    }
}

#[test]
fn a_clock_skew_admits_the_near_future_and_makes_no_token_last_longer() {
    let signer = TimestampSigner::new("secret").clock_skew(10);
    let token = signer.sign("value", NOW);
    let verdict = |now| signer.unsign(&token, Some(60), now).map(|unsigned| unsigned.timestamp);
    assert_eq!(verdict(NOW - 10), Ok(NOW));
    assert_eq!(verdict(NOW - 11), Err(SignatureError::FromTheFuture { ahead: 11 }));
    assert_eq!(verdict(NOW + 60), Ok(NOW));
    assert_eq!(verdict(NOW + 61), Err(SignatureError::Expired { age: 61, max_age: 60 }));
}

#[test]
fn the_ends_of_time_are_times_like_others() {
    let signer = TimestampSigner::new("secret").clock_skew(u64::MAX);
    for timestamp in [0, u64::MAX] {
        let token = signer.sign("value", timestamp);
        for now in [0, NOW, u64::MAX] {
            let unsigned = signer.unsign(&token, Some(u64::MAX), now).unwrap();
            assert_eq!(unsigned.timestamp, timestamp);
        }
    }
}

#[test]
fn errors_are_lower_case_and_quote_nothing_of_the_token() {
    let signer = TimestampSigner::new("secret");
    let stamped = |stamped: &str| Signer::new("secret").sign(stamped);
    let messages = [
        (b"CONFIDENTIAL.ZVPxAA.forged".to_vec(), "signature does not match"),
        (stamped("CONFIDENTIAL"), "timestamp missing"),
        (stamped("value.CONFIDENTIAL!"), "malformed timestamp"),
        (signer.sign("CONFIDENTIAL", NOW - 61), "signature age 61 s exceeds 60 s"),
        (signer.sign("CONFIDENTIAL", NOW + 1), "signature is from 1 s in the future"),
    ];
    for (token, message) in messages {
        let error = signer.unsign(&token, Some(60), NOW).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("CONFIDENTIAL"));
    }
    assert_eq!(NoKey.to_string(), "a signer needs at least one key");
}

#[test]
fn debug_prints_no_secret() {
    let (text, bytes) = ("hunter2", format!("{:?}", b"hunter2"));
    let key = Key::new(text);
    let signer = with_keys([key.clone()]);
    for printed in [format!("{key:?}"), format!("{signer:?}"), format!("{:#?}", TimestampSigner::from(signer))] {
        assert!(!printed.contains(text) && !printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
        assert!(printed.contains("Key") || printed.contains("Signer"), "{printed}");
    }
}
