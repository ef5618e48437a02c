//! The traits of the standard library that a map has.

use serde_json::{Value, json};
use session_core::SessionMap;

use super::map;

#[test]
fn a_map_is_iterated_like_a_collection() {
    let map = map(r#"{"b": 1, "\u0061": [ ], "b": 2}"#);
    let mut seen = Vec::new();
    for (key, raw) in &map {
        seen.push((key.into_owned(), raw));
    }
    assert_eq!(seen, [("a".to_owned(), "[ ]"), ("b".to_owned(), "2")]);
    let mut rows = map.iter();
    let rest = rows.clone();
    assert!(rows.next().is_some() && rows.next().is_some() && rows.next().is_none() && rows.next().is_none());
    assert_eq!(rest.count(), 2);
    assert_eq!(format!("{:?}", map.iter()), "Iter { .. }", "no session data");
}

#[test]
fn a_map_is_collected_from_values_and_extended() {
    let mut map: SessionMap = [("a", json!(1)), ("\n", json!({"b": null})), ("a", json!("c"))].into_iter().collect();
    assert_eq!(map.as_json(), r#"{"a":"c","\u000a":{"b":null}}"#);
    let Value::Object(more) = json!({"d": 1.5, "a": []}) else { unreachable!() };
    map.extend(more);
    assert_eq!(map.as_json(), r#"{"a":[],"\u000a":{"b":null},"d":1.5}"#);
    assert_eq!(SessionMap::from_iter(Vec::<(String, Value)>::new()), SessionMap::new());
}

#[test]
#[should_panic = "the value for session key \"b\" is nested deeper than 127 levels"]
fn a_map_is_not_extended_by_a_value_that_insert_refuses() {
    let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    SessionMap::new().extend([("a", json!(1)), ("b", deep)]);
}

#[test]
fn the_text_is_one_however_it_is_asked_for() {
    let long = format!(r#"{{ "a": "{}", "b": 1 }}"#, "x".repeat(5000));
    for text in ["{}", " { } ", r#"{"a": 1, "b": 2}"#, &long] {
        for removed in ["none", "a"] {
            let mut map = map(text);
            map.remove(removed);
            let json = map.as_json().into_owned();
            let mut written = String::new();
            map.write_json(&mut written);
            assert_eq!((&*written, map.json_len()), (&*json, json.len()));
            assert_eq!(map.clone().into_json(), json, "of a text that is shared");
            assert_eq!(map.into_json(), json, "of a text of its own");
        }
    }
    assert_eq!(SessionMap::new().into_json(), "{}");
    assert_eq!(map(r#"{"a": [ 1 ]}"#).raw_json("a"), Some("[ 1 ]"));
    assert_eq!(map("{}").raw_json("a"), None);
}

#[test]
fn a_map_is_a_part_of_other_json_with_its_values_as_they_are() {
    let text = r#"{"outer":{"b":1.50,"a":[1e400,"\u00e9"],"\u00e9":123456789012345678901234567890}}"#;
    let read: std::collections::HashMap<String, SessionMap> = serde_json::from_str(text).unwrap();
    assert_eq!(read["outer"], map(&text["{\"outer\":".len()..text.len() - 1]));
    assert_eq!(serde_json::to_string(&read).unwrap(), text.replace(r#""\u00e9":1"#, "\"\u{e9}\":1"));
    assert!(serde_json::to_string(&map(r#"{"a": NaN}"#)).is_err());
    assert!(serde_json::from_str::<SessionMap>("[]").is_err());
}
