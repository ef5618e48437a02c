//! Signed payloads of any JSON, good and bad.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::for_random;
use super::sessions::{manager, open, python};
use crate::support::{NOW, Oracle, Token};

/// Rust reads every payload that Python reads, with equal values. A payload that only Rust reads has a value that is
/// not JSON, because Rust checks a value when the handler reads it.
#[test]
fn rust_reads_the_signed_objects_that_python_reads_and_no_other_json() {
    let rust = manager();
    for_random(2000, &payloads(), |payload| {
        let cookie = Token::signed(&payload, NOW).to_string();
        let (in_rust, in_python) = (open(&rust, &cookie), Oracle::shared().load_session(&python(), &cookie));
        let json = serde_json::from_slice::<Value>(&payload);
        match (in_rust.is_new(), in_python) {
            // Python reads an integer, serde_json a float.
            (false, Ok(_)) if payload.windows(2).any(|pair| pair == b"-0") => {}
            (false, Ok(session)) if json.is_ok() => {
                prop_assert_eq!(parsed(&in_rust.to_map().into_json()), parsed(&session))
            }
            (false, Ok(session)) => prop_assert!(is_object(&session)),
            (false, Err(refusal)) => prop_assert!(json.is_err(), "{:?}", refusal),
            (true, Ok(session)) => {
                // Only Python skips a byte order mark, which no library writes.
                let marked = payload.starts_with("\u{feff}".as_bytes());
                prop_assert!(marked || !is_object(&session), "only Python reads {}", session);
            }
            (true, Err(_)) => {}
        }
        Ok(())
    });
}

/// Objects, of which half are edited at random. Some values are not JSON.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let good = || prop::sample::select(GOOD.split(' ').collect::<Vec<_>>());
    let bad = || prop::sample::select(BAD.split('|').collect::<Vec<_>>());
    let value = prop_oneof![12 => good(), 1 => bad()];
    let piece = prop_oneof![2 => good(), 2 => bad(), 1 => Just("")];
    let edit = (any::<Index>(), 0..4_usize, piece);
    let edits = prop_oneof![Just(Vec::new()), vec(edit, 1..4)];
    (vec(value, 0..8), edits).prop_map(|(values, edits)| {
        let mut payload = object_of(&values);
        for (start, removed, piece) in edits {
            let start = start.index(payload.len() + 1);
            let end = payload.len().min(start + removed);
            payload.splice(start..end, piece.bytes());
        }
        payload
    })
}

/// Values that Python reads, separated by spaces.
const GOOD: &str = r#"1 -1 0.5 1.5e3 -2E-7 1e400 NaN -Infinity null true {} [] {"a":{"a":[1]}} [1,[2,{"b":null}]] "" "a" "é" "\u00e9" "\ud83e\udd80" "\ud800" "\"""#;

/// Texts that Python can't read as a value.
const BAD: &str = "01|+1|.5|1.|- 1|0x1|1_0|nul|True|[1,]|{\"a\"}|[|}|,|:|\"|\\|\"\\u00g9\"|\"\\x\"|\"\t\"|\"a\": 1|\u{feff}| |\n|\u{a0}";

/// An object of these values; some of its keys occur twice, or are written in two ways.
fn object_of(values: &[&str]) -> Vec<u8> {
    let keys = ["\"a\"", "\"b\"", "\"\\u0061\"", "\"\u{e9}\""];
    let entries: Vec<_> =
        values.iter().zip(keys.iter().cycle()).map(|(value, key)| format!("{key}: {value}")).collect();
    format!("{{{}}}", entries.join(", ")).into_bytes()
}

fn is_object(json: &str) -> bool {
    json.starts_with('{')
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("both sides have read it")
}
