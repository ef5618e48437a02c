//! The time of each operation on maps of many keys, which hardly depends on their number.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use session_core::SessionMap;

use super::map;
use crate::support::processor_time;

const COUNT: usize = 20_000;

/// Ten times what a debug build takes, and a small part of what it would take if each operation looked at all keys.
const LIMIT: Duration = Duration::from_secs(2);

/// Measures if work takes too long. On a busy machine, the processor time of its thread counts.
struct Stopwatch {
    start: Instant,
    used: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { start: Instant::now(), used: processor_time() }
    }

    fn is_in_time(&self) -> bool {
        self.start.elapsed() < LIMIT || processor_time().saturating_sub(self.used) < LIMIT
    }
}

/// Ways in which a client may name keys: plain, with an escape each, and with many escapes that are alike in all keys.
const STYLES: [fn(usize) -> String; 3] =
    [|number| format!("{number}"), |number| format!("\n{number:x}"), |number| format!("{}{number}", "\n\"".repeat(4))];

fn keys(style: fn(usize) -> String) -> Vec<String> {
    (0..COUNT).map(style).collect()
}

/// The text of an object with these keys, in order, each with this value.
fn text<'a>(keys: impl IntoIterator<Item = &'a String>, value: &str) -> String {
    let members: Vec<_> =
        keys.into_iter().map(|key| format!("{}:{value}", serde_json::to_string(key).expect("a string"))).collect();
    format!("{{{}}}", members.join(","))
}

fn parsed(keys: &[String]) -> SessionMap {
    map(&text(keys, "1"))
}

/// Asserts that work on every key ends in time, with this outcome each time.
fn each<T: Debug + PartialEq>(name: &str, keys: &[String], outcome: T, mut work: impl FnMut(&str) -> T) {
    let watch = Stopwatch::start();
    for key in keys {
        assert_eq!(work(key), outcome, "{name} {key:?}");
        assert!(watch.is_in_time(), "{name} takes too long");
    }
}

/// Asserts that all operations end in time, on a map without these keys.
fn all_operations(map: &mut SessionMap, keys: &[String]) {
    let rest = map.len();
    each("a new key", keys, Ok(()), |key| map.insert(key, 1));
    each("get", keys, Ok(Some(1)), |key| map.get(key));
    each("an equal value", keys, Ok(()), |key| map.insert(key, 1));
    each("a value as long", keys, Ok(()), |key| map.insert(key, 2));
    each("a longer value", keys, Ok(()), |key| map.insert(key, 345));
    each("a shorter value", keys, Ok(()), |key| map.insert(key, 6));
    assert_eq!(map.len(), rest + keys.len());
    each("remove", keys, true, |key| map.remove(key));
    each("absent", keys, (false, None), |key| (map.contains_key(key), map.raw_json(key)));
    assert_eq!(map.len(), rest);
}

#[test]
fn each_operation_on_many_keys_ends_in_time() {
    for style in STYLES {
        let keys = keys(style);
        let mut map = SessionMap::new();
        all_operations(&mut map, &keys);
        assert!(map.is_empty());
    }
}

#[test]
fn each_operation_on_a_text_with_many_keys_ends_in_time() {
    for style in STYLES {
        let (keys, more) = (keys(style), keys(|number| format!("more {number}")));
        each("get", &keys, Ok(Some(1)), {
            let map = parsed(&keys);
            move |key| map.get(key)
        });
        each("an equal value", &keys, Ok(()), {
            let mut map = parsed(&keys);
            move |key| map.insert(key, 1)
        });
        each("a longer value", &keys, Ok(()), {
            let mut map = parsed(&keys);
            move |key| map.insert(key, 234)
        });
        let mut map = parsed(&keys);
        let mut last = keys.clone();
        last.reverse();
        each("remove, from the end", &last[..COUNT / 2], true, |key| map.remove(key));
        all_operations(&mut map, &more);
        each("remove", &keys[..COUNT / 2], true, |key| map.remove(key));
        assert_eq!(map.as_json(), "{}");
    }
}

#[test]
fn keys_that_occur_many_times_are_read_written_and_removed_in_time() {
    for style in STYLES {
        let keys = keys(style);
        let twice = SessionMap::from_json(text(keys.iter().chain(&keys), "1")).unwrap();
        assert_eq!((twice.len(), twice.iter().count()), (COUNT, COUNT));
        let mut written = twice.clone();
        each("an equal value", &keys, Ok(()), |key| written.insert(key, 1));
        assert_eq!(written.as_json(), text(&keys, "1"));
        let mut removed = twice;
        each("remove", &keys, true, |key| removed.remove(key));
        assert_eq!(removed.as_json(), "{}");

        let one = std::iter::repeat_n(&keys[0], COUNT);
        let mut map = SessionMap::from_json(text(one, "1")).unwrap();
        each("the one key", &keys[..1], (Ok(()), Ok(()), 1), |key| (map.insert(key, 1), map.insert(key, 1), map.len()));
    }
}

#[test]
fn keys_with_lone_surrogates_are_kept_apart_in_time() {
    let surrogates = (0..COUNT).map(|number| format!("\"\\ud8{:02x}{number}\":{number}", number % 256));
    let text = format!("{{{}}}", surrogates.collect::<Vec<_>>().join(","));
    let map = SessionMap::from_json(&*text).unwrap();
    let watch = Stopwatch::start();
    assert_eq!((map.len(), map.keys().count(), map.contains_key("\u{fffd}0")), (COUNT, COUNT, false));
    assert!(watch.is_in_time());
}

#[test]
fn a_clone_of_many_keys_is_edited_in_time() {
    let keys = keys(STYLES[1]);
    let map = parsed(&keys);
    let mut clone = map.clone();
    each("a longer value", &keys, Ok(()), |key| clone.insert(key, 234));
    each("the original", &keys, Ok(Some(1)), |key| map.get(key));
    each("the clone", &keys, Ok(Some(234)), |key| clone.get(key));
}

#[test]
fn values_that_are_large_objects_are_compared_in_time() {
    for style in STYLES {
        let keys = keys(style);
        let mut map = SessionMap::from_json(format!(r#"{{"value": {}}}"#, text(&keys, "1"))).unwrap();
        let raw = |text: String| RawValue::from_string(text).unwrap();
        let watch = Stopwatch::start();
        let reversed = text(keys.iter().rev(), "1");
        assert_eq!(map.insert("value", raw(reversed.clone())), Ok(()));
        assert_eq!(map.raw_json("value"), Some(&*text(&keys, "1")));
        assert_eq!(map.insert("value", raw(reversed.replacen('1', "2", 1))), Ok(()));
        assert!(watch.is_in_time());
    }
}
