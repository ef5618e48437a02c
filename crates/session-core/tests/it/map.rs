//! The session map: what it takes over, keeps as it came, reads and refuses.

mod depth;
mod edits;
mod equal;
mod finite;
mod large;
mod traits;

use std::collections::HashMap;

use serde_json::Value;
use session_core::{MapError, SessionMap, ValueError};

fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("a JSON object")
}

/// Returns `true` if an insertion has changed the map's text.
fn changed_by(map: &mut SessionMap, insert: impl FnOnce(&mut SessionMap) -> Result<(), ValueError>) -> bool {
    let before = map.as_json().into_owned();
    insert(map).expect("the value can be inserted");
    map.as_json() != before
}

fn rows(map: &SessionMap) -> Vec<(String, &str)> {
    map.iter().map(|(key, raw)| (key.into_owned(), raw)).collect()
}

#[test]
fn keys_keep_their_order() {
    let mut map = map(r#"{"z": 1, "a": 2, "m": 3}"#);
    map.insert("b", 4).unwrap();
    map.insert("a", 5).unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["z", "a", "m", "b"]);
    map.remove("z");
    map.insert("z", 6).unwrap();
    assert_eq!(map.as_json(), r#"{"a": 5, "m": 3,"b":4,"z":6}"#);
}

#[test]
fn untouched_values_stay_as_they_were_written() {
    let values = [
        "1",
        "1.0",
        "1.00",
        "-0.0",
        "1e400",
        "1E-400",
        "298902.5680000000000001",
        "123456789012345678901234567890123456789012345678901234567890",
        r#""\u00e9\ud83d\ude00\/é""#,
        r#""\ud800""#,
        r#"{ "b" : [ 1 ,2 ] , "a":{}, "b":null }"#,
        "[\n\t1.10\r\n]",
        r#""]}\"{[,:""#,
    ];
    for value in values {
        let mut map = map(&format!(r#" {{ "before" : 0 , "kept" : {value} , "after" : 0 }} "#));
        assert_eq!(map.raw_json("kept"), Some(value));
        map.insert("before", 1).unwrap();
        map.remove("after");
        map.insert("after", "new").unwrap();
        assert_eq!(map.as_json(), format!(r#" {{ "before" : 1 , "kept" : {value},"after":"new"}}"#));
    }
}

#[test]
fn an_unchanged_object_keeps_its_white_space_too() {
    for text in ["{}", " {\n} ", "{ \"a\" :\t1 }\r\n", r#"{"a":1,"b":2}"#] {
        assert_eq!((map(text).into_json(), map(text).json_len()), (text.to_owned(), text.len()));
    }
}

#[test]
fn keys_are_found_however_they_are_escaped() {
    let mut map = map(r#"{"\u0061\/b\n": 1, "\u00e9": 2, "\uD83d\uDe00": 3, "\"\\\b\f\r\t": 4}"#);
    for (key, value) in [("a/b\n", 1), ("é", 2), ("😀", 3), ("\"\\\u{8}\u{c}\r\t", 4)] {
        assert_eq!(map.get(key), Ok(Some(value)), "{key:?}");
    }
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a/b\n", "é", "😀", "\"\\\u{8}\u{c}\r\t"]);
    // A write does not change the text of the key.
    map.insert("é", 5).unwrap();
    map.remove("a/b\n");
    assert_eq!(map.as_json(), r#"{"\u00e9": 5, "\uD83d\uDe00": 3, "\"\\\b\f\r\t": 4}"#);
}

#[test]
fn inserted_keys_are_escaped_where_json_requires_it() {
    let mut map = SessionMap::new();
    let keys = ["", "\"", "\\", "\u{0}\n\u{1f}", "\u{7f}é😀\u{2028}", "</script>", "\\u0061"];
    for (number, key) in keys.into_iter().enumerate() {
        assert_eq!(map.insert(key, number), Ok(()));
    }
    let read: HashMap<String, usize> = serde_json::from_str(&map.as_json()).unwrap();
    for (number, key) in keys.into_iter().enumerate() {
        assert_eq!((read[key], map.get(key)), (number, Ok(Some(number))), "{key:?}");
    }
}

#[test]
fn a_lone_surrogate_in_a_key_reads_as_the_replacement_character_and_stays_as_it_is() {
    let mut map = map(r#"{"\ud800x": 1, "\udc00\ud83d": 2, "n": 3}"#);
    assert_eq!(map.keys().collect::<Vec<_>>(), ["\u{fffd}x", "\u{fffd}\u{fffd}", "n"]);
    map.insert("n", 4).unwrap();
    assert_eq!(map.as_json(), r#"{"\ud800x": 1, "\udc00\ud83d": 2, "n": 4}"#);
}

#[test]
fn of_a_key_that_occurs_twice_the_last_occurrence_counts_and_all_are_kept() {
    let text = r#"{"a": 1, "b": 2, "\u0061": 3, "a": 4, "c": 5}"#;
    let mut map = map(text);
    assert_eq!(map.get("a"), Ok(Some(4)));
    assert_eq!(rows(&map), [("b".to_owned(), "2"), ("a".to_owned(), "4"), ("c".to_owned(), "5")]);
    assert_eq!((map.len(), map.keys().count()), (3, 3));
    map.insert("b", 6).unwrap();
    assert_eq!(map.as_json(), r#"{"a": 1, "b": 6, "\u0061": 3, "a": 4, "c": 5}"#);
}

#[test]
fn writing_a_key_that_occurs_twice_leaves_one_and_removing_it_none() {
    let text = r#"{"a": 1, "b": 2, "\u0061": 3, "a": 4, "c": 5}"#;
    let mut written = map(text);
    assert_eq!(written.insert("a", 4), Ok(()));
    assert_eq!(written.as_json(), r#"{"b": 2, "a": 4, "c": 5}"#);
    assert!(!changed_by(&mut written, |map| map.insert("a", 4)));
    let mut removed = map(text);
    assert!(removed.remove("a"));
    assert_eq!(removed.as_json(), r#"{"b": 2, "c": 5}"#);
    assert!(!removed.remove("a"));
}

#[test]
fn nan_and_infinity_of_python_are_carried_and_fail_only_their_readers() {
    let mut map = map(r#"{"a": NaN, "b": -Infinity, "c": [Infinity, {"d": NaN}], "e": 1}"#);
    for (key, raw) in [("a", "NaN"), ("b", "-Infinity"), ("c", r#"[Infinity, {"d": NaN}]"#)] {
        assert_eq!(map.raw_json(key), Some(raw));
        let error = map.get::<Value>(key).unwrap_err();
        assert!(matches!(error, ValueError::Decode { problem: "not JSON", .. }), "{error:?}");
        assert!(map.get::<Option<f64>>(key).is_err(), "it is no null");
    }
    assert_eq!(map.get("e"), Ok(Some(1)));
    map.insert("e", 2).unwrap();
    assert_eq!(map.as_json(), r#"{"a": NaN, "b": -Infinity, "c": [Infinity, {"d": NaN}], "e": 2}"#);
    map.insert("a", 0.5).unwrap();
    assert_eq!(map.get("a"), Ok(Some(0.5)));
}

#[test]
fn a_value_of_another_type_fails_its_reader_and_stays() {
    let map = map(r#"{"n": 300, "s": "text"}"#);
    assert_eq!(map.get::<u16>("n"), Ok(Some(300)));
    for error in [map.get::<u8>("n").map(drop), map.get::<String>("n").map(drop), map.get::<u8>("s").map(drop)] {
        assert!(matches!(error, Err(ValueError::Decode { problem: "another type", .. })), "{error:?}");
    }
    assert_eq!(map.get::<u8>("absent"), Ok(None));
    assert_eq!(map.as_json(), r#"{"n": 300, "s": "text"}"#);
}

#[test]
fn a_text_that_is_not_one_object_is_refused() {
    let texts = [
        ("", 0),
        (" ", 1),
        ("null", 0),
        ("NaN", 0),
        ("[]", 0),
        ("\"{}\"", 0),
        ("\u{feff}{}", 0),
        ("{}{}", 2),
        ("{} x", 3),
        ("{}}", 2),
        ("{\0}", 1),
        ("{]", 1),
        ("{,}", 1),
        (r#"{a: 1}"#, 1),
        (r#"{'a': 1}"#, 1),
        (r#"{1: 1}"#, 1),
        (r#"{null: 1}"#, 1),
        (r#"{["a"]: 1}"#, 1),
        (r#"{"a" 1}"#, 5),
        (r#"{"a":: 1}"#, 5),
        (r#"{"a": }"#, 6),
        (r#"{"a": ,"b": 1}"#, 6),
        (r#"{"a": @}"#, 6),
        (r#"{"a": 1,}"#, 8),
        (r#"{"a": 1 "b": 2}"#, 8),
        (r#"{"a": 1; "b": 2}"#, 7),
        (r#"{"a": 1 2}"#, 8),
        (r#"{"a": "b" "c"}"#, 10),
        (r#"{"a": [1}"#, 8),
        (r#"{"a": [{]}}"#, 8),
        (r#"{"a": [1]]}"#, 9),
        (r#"{"a": {"b": "}}"#, 15),
        (r#"{"a": "\"}"#, 10),
        (r#"{"\x": 1}"#, 1),
        (r#"{"\u12": 1}"#, 1),
        (r#"{"\u+123": 1}"#, 1),
        (r#"{"\u00g0": 1}"#, 1),
        ("{\"a\nb\": 1}", 1),
    ];
    for (text, offset) in texts {
        assert_eq!(SessionMap::from_json(text), Err(MapError::NotAnObject { offset }), "{text:?}");
        assert_eq!(text.parse::<SessionMap>().map(drop), Err(MapError::NotAnObject { offset }), "{text:?}");
    }
}

#[test]
fn an_object_that_is_cut_off_anywhere_is_refused() {
    let text = r#"{"a\u00e9": [1, {"b": "c]\""}], "n": -1.5e3, "l": true, "o": {"p": []}}"#;
    assert!(SessionMap::from_json(text).is_ok());
    for at in 0..text.len() {
        assert!(SessionMap::from_json(&text[..at]).is_err(), "{}", &text[..at]);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_where_they_stop_being_it() {
    assert_eq!(SessionMap::from_slice("{\"é\": 1}".as_bytes()).unwrap().get("é"), Ok(Some(1)));
    for (bytes, offset) in
        [(&b"{\"a\": \"\xff\"}"[..], 7), (b"{\"\xc3\": 1}", 2), (b"\xff\xfe{}", 0), (b"{\"\xed\xa0\x80\": 1}", 2)]
    {
        assert_eq!(SessionMap::from_slice(bytes), Err(MapError::NotUtf8 { offset }));
    }
}

#[test]
fn maps_are_equal_if_keys_order_and_values_are_whatever_the_white_space() {
    let one = map(r#"{"a": [1, "x y"], "b": {"c": 2.0}}"#);
    assert_eq!(one, map(r#"{"a":[1,"x y"],"b":{"c":2.0}}"#));
    assert_eq!(one, map(r#"{"b": 0, "a": [1, "x y"], "b": {"c": 2.0}}"#));
    for other in [
        "{}",
        r#"{"a":[1,"x y"]}"#,
        r#"{"a":[1,"x y"],"b":{"c":2.0},"d":0}"#,
        r#"{"b":{"c":2.0},"a":[1,"x y"]}"#,
        r#"{"a":[1,"xy"],"b":{"c":2.0}}"#,
        r#"{"a":[1,"x y"],"b":{"c":2}}"#,
        r#"{"A":[1,"x y"],"b":{"c":2.0}}"#,
    ] {
        assert_ne!(one, map(other));
        assert_ne!(map(other), one);
    }
    // A string ends at a quote that is not escaped.
    assert_ne!(map(r#"{"a": "\\\" x"}"#), map(r#"{"a": "\\\"x"}"#));
    assert_eq!(map(r#"{"a": ["\\" , 1]}"#), map(r#"{"a":["\\",1]}"#));
    assert_eq!(SessionMap::new(), map("{ }"));
}

#[test]
fn debug_and_errors_show_no_data() {
    let mut map = map(r#"{"card": "4111111111111111", "pin": [4111]}"#);
    assert_eq!(format!("{map:?}"), "SessionMap { keys: 2, bytes: 43 }");
    let errors = [
        map.get::<u8>("card").unwrap_err(),
        map.get::<Vec<bool>>("pin").unwrap_err(),
        map.insert("card", HashMap::from([([4111], 4111)])).unwrap_err(),
        map.insert("card", [f64::NAN, 4111.0]).unwrap_err(),
    ];
    for error in errors {
        let printed = [error.to_string(), format!("{error:?}")];
        assert!(printed.iter().all(|text| !text.contains("4111")), "{printed:?}");
        assert!(printed[0].starts_with("the value ") && !printed[0].ends_with('.'), "{printed:?}");
    }
    let error = SessionMap::from_json(r#"{"card": 4111 4111}"#).unwrap_err();
    assert_eq!(error.to_string(), "not a JSON object: unexpected at byte 14");
    assert_eq!(SessionMap::from_slice(b"4111\xff").unwrap_err().to_string(), "not UTF-8 from byte 4");
}
