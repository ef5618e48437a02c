//! Numbers that JSON lacks, such as NaN: an insert refuses them, a read reports them.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::value::RawValue;
use session_core::{SessionMap, ValueError};

#[derive(Serialize)]
struct Record {
    nothing: Option<u8>,
    number: f64,
}

#[derive(Serialize)]
struct Pair(Option<u8>, f64);

#[derive(Serialize)]
struct Wrapped(f64);

#[derive(Serialize)]
enum Choice {
    Nothing,
    Wrapped(f64),
    Pair(Option<u8>, f64),
    Record { nothing: Option<u8>, number: f64 },
}

/// Inserts what `make` makes of ordinary numbers, and then of numbers that JSON lacks.
fn refuses_only_what_is_not_finite<T: Serialize>(make: impl Fn(f64) -> T) {
    let mut map = SessionMap::new();
    for finite in [0.0, -1.5, 1e300] {
        assert_eq!(map.insert("n", make(finite)), Ok(()));
    }
    let before = map.clone();
    for other in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for key in ["n", "new"] {
            assert_eq!(map.insert(key, make(other)), Err(ValueError::NotFinite { key: key.into() }));
        }
    }
    assert_eq!(map, before);
}

#[test]
fn a_nan_or_infinity_is_refused_wherever_it_is() {
    refuses_only_what_is_not_finite(|n| n);
    refuses_only_what_is_not_finite(|n| if n.abs() > 1e10 && n.is_finite() { 2.0 } else { n as f32 });
    refuses_only_what_is_not_finite(Some);
    refuses_only_what_is_not_finite(|n| vec![None, Some(n)]);
    refuses_only_what_is_not_finite(|n| (None::<u8>, n));
    refuses_only_what_is_not_finite(|n| BTreeMap::from([("nothing", None), ("number", Some(n))]));
    refuses_only_what_is_not_finite(|number| Record { nothing: None, number });
    refuses_only_what_is_not_finite(|n| Pair(None, n));
    refuses_only_what_is_not_finite(Wrapped);
    refuses_only_what_is_not_finite(Choice::Wrapped);
    refuses_only_what_is_not_finite(|n| Choice::Pair(None, n));
    refuses_only_what_is_not_finite(|number| Choice::Record { nothing: None, number });
    refuses_only_what_is_not_finite(|n| vec![HashMap::from([("a", Some([Choice::Nothing, Choice::Wrapped(n)]))])]);
}

#[test]
fn a_null_that_is_meant_is_inserted() {
    #[derive(Serialize)]
    struct Unit;

    /// A value of every type that serde knows, each beside a null.
    type Everything<'a> = (Option<()>, bool, char, &'a str, (i8, i16, i32, i64, i128), (u8, u16, u32, u64, u128), Unit);

    let mut map = SessionMap::new();
    map.insert("unit", ()).unwrap();
    map.insert("none", None::<f64>).unwrap();
    map.insert("text", "null").unwrap();
    let everything: Everything<'_> =
        (None, true, 'c', "null", (-1, -2, -3, -4, i128::MIN), (1, 2, 3, 4, u128::MAX), Unit);
    map.insert("all", everything).unwrap();
    assert_eq!(
        map.as_json(),
        format!(
            r#"{{"unit":null,"none":null,"text":"null","all":[null,true,"c","null",[-1,-2,-3,-4,{}],[1,2,3,4,{}],null]}}"#,
            i128::MIN,
            u128::MAX,
        )
    );
    assert_eq!(map.get::<Option<f64>>("none"), Ok(Some(None)));
}

#[test]
fn a_value_that_is_no_json_is_refused_and_changes_nothing() {
    let mut map = SessionMap::from_json(r#"{"a": 1}"#).unwrap();
    for key in ["a", "b"] {
        let outcome = map.insert(key, HashMap::from([(vec![1], 1)]));
        assert_eq!(outcome, Err(ValueError::Encode { key: key.into() }));
    }
    assert_eq!(map.as_json(), r#"{"a": 1}"#);
}

#[test]
fn a_value_that_was_no_json_is_replaced_by_one_that_is() {
    // White space tells tokens apart: without it these would be the same.
    for (stored, value) in [("[1 2]", "[12]"), ("[tr ue]", "[true]"), ("[- 1]", "[-1]")] {
        let mut map = SessionMap::from_json(format!(r#"{{"a": {stored}}}"#)).unwrap();
        assert_eq!(map.insert("a", RawValue::from_string(value.to_owned()).unwrap()), Ok(()), "{stored}");
        assert_eq!(map.raw_json("a"), Some(value));
    }
}

#[test]
fn validation_finds_the_value_that_is_no_json() {
    for value in ["1", "-0.5e-3", "1e400", "null", "[]", "{ }", r#"[true, {"a": "\u00e9"}]"#] {
        assert_eq!(
            SessionMap::from_json(format!(r#"{{"a": {value}, "b": 1}}"#)).unwrap().validate(),
            Ok(()),
            "{value}"
        );
    }
    for value in
        ["NaN", "-Infinity", "[1, Infinity]", "01", "1.", "+1", "tru", "[1 2]", "[1,]", r#"{"b" 1}"#, r#""\x""#]
    {
        let map = SessionMap::from_json(format!(r#"{{"b": 1, "a": {value}, "c": NaN}}"#)).unwrap();
        let error = map.validate().unwrap_err();
        assert!(matches!(&error, ValueError::Decode { key, problem: "not JSON", .. } if **key == *"a"), "{error:?}");
    }
}

#[test]
fn validation_finds_a_value_that_does_not_count_too() {
    let map = SessionMap::from_json(r#"{"a": NaN, "a": 1}"#).unwrap();
    assert_eq!(map.get("a"), Ok(Some(1)));
    assert!(map.validate().is_err(), "it is part of {}", map.as_json());
}
