//! The nesting of values: any depth is kept, and no reader overflows its stack.

use serde_json::Value;
use serde_json::value::RawValue;
use session_core::{MapError, SessionMap, ValueError};

use super::map;

/// Deeper than any recursion survives.
const DEEP: usize = 100_000;

/// Ways to nest a value once more.
const NESTINGS: [(&str, &str); 3] = [("[", "]"), ("{\"a\":", "}"), ("[\"]}\\\"[\",", "]")];

fn nested((open, close): (&str, &str), depth: usize) -> String {
    [&open.repeat(depth - 1), "[]", &close.repeat(depth - 1)].concat()
}

fn too_deep(key: &str) -> ValueError {
    ValueError::TooDeep { key: key.into() }
}

#[test]
fn nesting_of_any_depth_is_carried_and_fails_only_its_reader() {
    for nesting in NESTINGS {
        let deep = nested(nesting, DEEP);
        let mut map = map(&format!(r#"{{"deep": {deep}, "n": 1}}"#));
        let error = map.get::<Value>("deep").unwrap_err();
        assert!(matches!(error, ValueError::Decode { problem: "nested too deeply", .. }), "{error:?}");
        assert_eq!(map.validate(), Err(too_deep("deep")));
        assert_eq!(map.get("n"), Ok(Some(1)));
        map.insert("n", 2).unwrap();
        assert_eq!(map.as_json(), format!(r#"{{"deep": {deep}, "n": 2}}"#));
        assert!(map == map.clone());
    }
}

#[test]
fn values_that_insert_takes_can_be_read_back() {
    for nesting in NESTINGS {
        let mut map = SessionMap::new();
        for depth in [1, 2, 64, SessionMap::MAX_DEPTH] {
            let text = nested(nesting, depth);
            assert_eq!(map.insert("a", RawValue::from_string(text.clone()).unwrap()), Ok(()), "{depth}");
            assert_eq!(map.get("a"), Ok(Some(serde_json::from_str::<Value>(&text).unwrap())), "{depth}");
            assert_eq!(map.validate(), Ok(()));
        }
    }
}

#[test]
fn a_value_that_could_not_be_read_back_is_refused_and_changes_nothing() {
    let mut map = map(r#"{"a": 1}"#);
    for nesting in NESTINGS {
        for depth in [SessionMap::MAX_DEPTH + 1, DEEP] {
            let text = nested(nesting, depth);
            assert!(serde_json::from_str::<Value>(&text).is_err(), "the limit is serde_json's");
            for key in ["a", "b"] {
                assert_eq!(map.insert(key, RawValue::from_string(text.clone()).unwrap()), Err(too_deep(key)));
            }
        }
    }
    assert_eq!(map.as_json(), r#"{"a": 1}"#);
    assert_eq!(too_deep("b").to_string(), "the value for session key \"b\" is nested deeper than 127 levels");
}

#[test]
fn brackets_side_by_side_or_in_strings_are_not_deep() {
    let mut map = SessionMap::new();
    assert_eq!(map.insert("siblings", vec![[[0; 0]; 2]; DEEP]), Ok(()));
    assert_eq!(map.insert("text", ["[{\"".repeat(DEEP)]), Ok(()));
    assert_eq!(map.validate(), Ok(()));
}

#[test]
fn nesting_that_does_not_end_is_refused_at_any_depth() {
    for nested in ["[".repeat(DEEP), "{\"a\":".repeat(DEEP), format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP - 1))] {
        let text = format!(r#"{{"deep": {nested}}}"#);
        assert!(matches!(SessionMap::from_json(text), Err(MapError::NotAnObject { .. })));
    }
}
