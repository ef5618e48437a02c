//! Tampered tokens: both sides accept or refuse the same ones.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use session_tower::session_core::signer::SignatureError;

use super::for_random;
use super::signer::{LAST_SECOND, Variant, seconds, values};
use crate::support::{Oracle, Refusal};

#[test]
fn tokens_that_were_tampered_with_get_the_same_verdict_on_both_sides() {
    let max_ages = proptest::option::of(0..3_u64);
    let inputs = (Variant::any(), values(), seconds(), 0..4_u64, max_ages, vec(Edit::any(), 0..4));
    for_random(1500, &inputs, |(variant, value, signed_at, age, max_age, edits)| {
        let mut token = variant.in_rust().sign(&value, signed_at);
        edits.iter().for_each(|edit| edit.apply(&mut token));
        assert_same_verdict(&variant, &token, max_age, signed_at + age)
    });
}

#[test]
fn signed_timestamps_of_any_text_get_the_same_verdict_on_both_sides() {
    let timestamps = prop_oneof!["[A-Za-z0-9_-]{0,14}", "[A-Za-z0-9_=+/ .-]{0,14}", "[A-F]{6}", "\\PC{0,6}"];
    let inputs = (Variant::any(), values(), timestamps, seconds(), proptest::option::of(any::<u32>()));
    for_random(1000, &inputs, |(variant, value, timestamp, now, max_age)| {
        let token = variant.plain().sign([&value, &b"."[..], timestamp.as_bytes()].concat());
        assert_same_verdict(&variant, &token, max_age.map(u64::from), now)
    });
}

#[test]
fn signed_values_without_a_timestamp_get_the_same_verdict_on_both_sides() {
    for_random(200, &(Variant::any(), values(), seconds()), |(variant, value, now)| {
        assert_same_verdict(&variant, &variant.plain().sign(&value), Some(60), now)
    });
}

/// A change of a token.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
    Append(Vec<u8>),
}

impl Edit {
    /// Most characters are those of tokens.
    fn any() -> impl Strategy<Value = Self> {
        let byte = || prop_oneof![6 => prop::sample::select(&ALPHABET[..]), 1 => any::<u8>()];
        let at = any::<Index>;
        prop_oneof![
            3 => (at(), byte()).prop_map(|(at, byte)| Self::Replace(at, byte)),
            2 => (at(), byte()).prop_map(|(at, byte)| Self::Insert(at, byte)),
            2 => at().prop_map(Self::Remove),
            1 => (at(), at()).prop_map(|(one, other)| Self::Swap(one, other)),
            1 => at().prop_map(Self::Cut),
            1 => vec(byte(), 1..5).prop_map(Self::Append),
            // Bytes at the end of a signature that Python's base64 ignores.
            1 => prop::sample::select(&b"=* "[..]).prop_map(|byte| Self::Append(vec![byte])),
        ]
    }

    fn apply(&self, token: &mut Vec<u8>) {
        match self {
            Self::Insert(at, byte) => token.insert(at.index(token.len() + 1), *byte),
            Self::Append(bytes) => token.extend(bytes),
            Self::Cut(at) => token.truncate(at.index(token.len() + 1)),
            _ if token.is_empty() => {}
            Self::Replace(at, byte) => *at.get_mut(token) = *byte,
            Self::Remove(at) => {
                token.remove(at.index(token.len()));
            }
            Self::Swap(one, other) => {
                let len = token.len();
                token.swap(one.index(len), other.index(len));
            }
        }
    }
}

const ALPHABET: [u8; 69] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. ";

fn assert_same_verdict(variant: &Variant, token: &[u8], max_age: Option<u64>, now: u64) -> TestCaseResult {
    let rust = variant.in_rust();
    let in_python = Oracle::shared().unsign(&variant.in_python(now, max_age), token);
    match (rust.unsign(token, max_age, now), in_python) {
        (Ok(unsigned), Ok((value, timestamp))) => {
            prop_assert_eq!((unsigned.value, unsigned.timestamp), (&value[..], timestamp));
        }
        // Python's base64 accepts several texts for the same bytes. Rust accepts only the one that signers write.
        (Err(_), Ok((value, timestamp))) => {
            prop_assert!(variant.of_each_key().iter().all(|signer| signer.sign(&value, timestamp) != token));
        }
        // Without a maximum age, Python fails on the date alone.
        (Ok(unsigned), Err(refusal)) => {
            prop_assert!(unsigned.timestamp > LAST_SECOND && has_no_date(&refusal), "{refusal:?}")
        }
        (Err(error), Err(refusal)) => prop_assert!(is_same_reason(error, &refusal), "{error:?} and {refusal:?}"),
    }
    Ok(())
}

fn is_same_reason(error: SignatureError, refusal: &Refusal) -> bool {
    match error {
        // Python answers "malformed timestamp" for some of these. For others, which its base64 accepts, it checks the
        // age.
        SignatureError::BadSignature => true,
        SignatureError::MissingTimestamp => refusal.message == "timestamp missing",
        SignatureError::MalformedTimestamp => {
            refusal.message == "Malformed timestamp" || refusal.exception == "SignatureExpired" || has_no_date(refusal)
        }
        SignatureError::Expired { .. } => refusal.exception == "SignatureExpired",
        SignatureError::FromTheFuture { .. } => refusal.exception == "SignatureExpired" || has_no_date(refusal),
        _ => false,
    }
}

/// Returns true if Python failed on a timestamp after the year 9999.
fn has_no_date(refusal: &Refusal) -> bool {
    ["ValueError", "OverflowError", "OSError"].contains(&refusal.exception.as_str())
}
