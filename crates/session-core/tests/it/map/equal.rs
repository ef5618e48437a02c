//! Equal values: inserting one in place of another is no change.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use session_core::SessionMap;

use super::{changed_by, map};
use crate::json::value;
use crate::support::many_cases;

/// Inserts a value in place of another one, and tells if this was a change.
fn changes(stored: &str, value: &str) -> bool {
    let mut map = map(&format!(r#"{{"a": {stored}}}"#));
    let value = RawValue::from_string(value.to_owned()).expect("the value is JSON");
    let changed = changed_by(&mut map, |map| map.insert("a", &value));
    assert_eq!(map.raw_json("a"), Some(if changed { value.get() } else { stored }));
    changed
}

#[test]
fn an_equal_hash_map_is_no_change() {
    let mut map = SessionMap::new();
    for repetition in 0..50 {
        // Each one has an order of its own.
        let cart: HashMap<String, u32> = (0..10).map(|number| (format!("item {number}"), number)).collect();
        let nested = HashMap::from([("carts", vec![cart.clone(), cart.clone()])]);
        assert_eq!(changed_by(&mut map, |map| map.insert("cart", cart)), repetition == 0);
        assert_eq!(changed_by(&mut map, |map| map.insert("nested", nested)), repetition == 0);
    }
}

#[test]
fn the_order_of_keys_and_white_space_are_no_change() {
    for (stored, value) in [
        (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        (r#"{"a" : 1, "b":2}"#, r#"{"b":2,"a":1}"#),
        (r#"[{"a":1,"b":2},{}]"#, r#"[{"b":2,"a":1},{}]"#),
        (r#"{"a":{"b":[],"c":{"d":1,"e":2}},"f":""}"#, r#"{"f":"","a":{"c":{"e":2,"d":1},"b":[]}}"#),
        (r#"{"":{},"\u0061":[ ]}"#, r#"{"\u0061":[],"":{}}"#),
        (r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#),
        (r#"[1, "a b" , true ]"#, r#"[1,"a b",true]"#),
        ("[NaN, {\"b\": -1.0E5, \"a\": 1}]", r#"[1,{"a":1,"b":-1.0E5}]"#),
    ] {
        assert_eq!(changes(stored, value), stored.contains("NaN"), "{stored} {value}");
    }
}

#[test]
fn all_else_is_a_change() {
    for (stored, value) in [
        ("1", "1.0"),
        ("[1,2]", "[2,1]"),
        ("[12]", "[21]"),
        (r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"a":1,"b":1.0}"#, r#"{"b":1,"a":1.0}"#),
        (r#"{"a":"b"}"#, r#"{"b":"a"}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
        (r#"{"a":[{},[]]}"#, r#"{"a":[[],{}]}"#),
        (r#"[{"a":[]},1]"#, r#"[{"a":[1]}]"#),
        ("[[{}],2]", "[[{},2]]"),
        (r#"{"ab":1}"#, r#"{"ba":1}"#),
        (r#"{"a":"\n"}"#, r#"{"a":"\u000a"}"#),
        (r#""a b""#, r#""ab""#),
        (r#"{"a":"x y"}"#, r#"{"a":"y x"}"#),
    ] {
        assert!(changes(stored, value), "{stored} {value}");
    }
}

#[test]
fn a_stored_value_that_is_no_json_is_replaced() {
    for (stored, value) in [
        ("[1,,2 3]", "[1,2,3]"),
        ("[1,2,]", "[1,2]"),
        ("[,]", "[]"),
        (r#"{"a":1,,"b" 2}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a"1:}"#, r#"{"a":1}"#),
        (r#"{1:"a"}"#, r#"{"a":1}"#),
        (r#"[1:2]"#, "[1,2]"),
    ] {
        assert!(changes(stored, value), "{stored} {value}");
    }
    assert_ne!(map(r#"{"a": [{},[1,],[2]]}"#), map(r#"{"a": [{},[1],[2,]]}"#));
}

#[test]
fn values_are_compared_however_deep_they_are() {
    const DEEP: usize = 100_000;
    let deep = |inner: &str| format!(r#"{{"a": {}{inner}{}}}"#, r#"[{"a":"#.repeat(DEEP), "}]".repeat(DEEP));
    assert_eq!(map(&deep(r#"{"b":1,"c":2}"#)), map(&deep(r#"{"c":2,"b":1}"#)));
    assert_ne!(map(&deep(r#"{"b":1,"c":2}"#)), map(&deep(r#"{"c":1,"b":2}"#)));
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn a_value_is_no_change_if_it_is_the_same_with_its_keys_sorted(one in value(), other in value()) {
        assert!(!changes(&one.written, &one.sorted) && !changes(&one.sorted, &one.compact));
        assert_eq!(changes(&one.written, &other.written), one.sorted != other.sorted);
    }
}
