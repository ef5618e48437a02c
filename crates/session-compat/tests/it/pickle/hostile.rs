//! Pickles that are made to run code, to fill memory, or at random.

use std::time::Duration;

use proptest::prelude::*;
use session_compat::PickleError;

use super::{read, write};
use crate::support::fastest;

/// Lists of lists of one list: ten times ten times ten, and so on.
fn memo_bomb() -> Vec<u8> {
    let mut pickle = b"\x80\x05}\x94\x8c\x01b\x94]\x94".to_vec();
    for level in 2..12 {
        pickle.extend(b"]\x94(");
        pickle.extend([b'h', level].repeat(10));
        pickle.push(b'e');
    }
    pickle.extend(b"s.");
    pickle
}

fn nested(depth: usize) -> Vec<u8> {
    [&b"\x80\x05}\x8c\x01d"[..], &b"]".repeat(depth), &b"a".repeat(depth - 1), b"s."].concat()
}

fn refused_within(pickle: &[u8], limit: Duration) -> PickleError {
    let refusal = read(pickle).expect_err("it is hostile");
    let time = fastest(|| drop(read(pickle)));
    assert!(time < limit, "{time:?} for {refusal}");
    refusal
}

#[test]
fn bombs_and_code_are_refused_within_a_millisecond() {
    let long = Duration::from_millis(1);
    let code =
        b"\x80\x05\x95\x1f\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.";
    assert!(refused_within(code, long).to_string().contains("runs code"));
    assert!(memo_bomb().len() < 300);
    assert!(refused_within(&memo_bomb(), long).to_string().contains("twice"));
    assert!(refused_within(&nested(30_000), long).to_string().contains("128 levels"));
    // Texts of 2 KiB that are repeated by two bytes each, and lengths that the data does not have.
    let repeated =
        [&b"\x80\x04}\x8c\x01t](X\0\x08\0\0"[..], &[b'x'; 2048], b"\x94", &b"h\0".repeat(5000), b"es."].concat();
    assert!(refused_within(&repeated, 4 * long).to_string().contains("8 MiB of text"));
    for lengths in
        [&b"\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."[..], b"\x80\x04X\xff\xff\xff\xffx.", b"\x80\x04\x8a\xff."]
    {
        refused_within(lengths, long);
    }
}

#[test]
fn values_of_the_deepest_nesting_are_read_and_written() {
    assert!(read(&nested(127)).is_ok());
    assert!(read(&nested(128)).is_err());
    let json = format!(r#"{{"d":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    assert_eq!(read(&write(&json)).unwrap().as_json(), json);
}

pub(super) fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,9}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("\\PC{0,5}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_written_pickle_is_read_back(map in prop::collection::btree_map("\\PC{0,9}", json(), 0..6)) {
        let json = serde_json::to_string(&map).expect("it is JSON");
        prop_assert_eq!(read(&write(&json)).expect("it is JSON").into_json(), serde_json::to_string(&map).expect("it is JSON"));
    }

    /// Cuts, repeats and replaces bytes: a reader may refuse, and must not panic.
    #[test]
    fn damaged_pickles_are_refused_or_read(
        map in prop::collection::btree_map("[a-z]{0,4}", json(), 0..4),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6),
    ) {
        let mut pickle = write(&serde_json::to_string(&map).expect("it is JSON"));
        for (at, byte, kind) in edits {
            let at = at.index(pickle.len().max(1));
            match kind {
                0 if at < pickle.len() => pickle[at] = byte,
                1 => pickle.insert(at, byte),
                2 if at < pickle.len() => drop(pickle.remove(at)),
                _ => pickle.truncate(at),
            }
        }
        if let Ok(session) = read(&pickle) {
            prop_assert!(session.validate().is_ok());
        }
    }

    #[test]
    fn operations_at_random_are_refused_or_read(
        operations in prop::collection::vec(
            prop::sample::select(&b"}](ueasNKMJGXh\x8c\x94q\x8a\x95\x88.\x93R)t0\x00\x01\x02a"[..]), 0..60),
    ) {
        let pickle = [b"\x80\x04}", &*operations].concat();
        if let Ok(session) = read(&pickle) {
            prop_assert!(session.validate().is_ok());
        }
    }
}
