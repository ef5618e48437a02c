//! Random objects, written in random ways, and random edits, compared with a list that knows nothing of JSON.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;
use session_core::starlette::BackendType;
use session_core::{SessionConfig, SessionManager, SessionMap};

use super::{changed_by, map, rows};
use crate::json::{Text, large_object, numbered, object, string, value};
use crate::support::{SECRET, at_once, many_cases, open, pair};

/// Keys and values in order, with those that occur more than once.
#[derive(Clone, Debug, Default)]
struct Model(Vec<(String, Text)>);

#[derive(Clone, Debug)]
enum Edit {
    Insert(String, Text),
    Remove(String),
    Clear,
    /// A value that makes the text of the whole a long one, or a shorter one again.
    Long(usize),
    /// Continues with the map that another program reads.
    Reparse,
}

fn edit(key: impl Strategy<Value = (String, String)> + Clone) -> impl Strategy<Value = Edit> {
    let key = key.prop_map(|(key, _)| key);
    prop_oneof![
        8 => (key.clone(), value()).prop_map(|(key, value)| Edit::Insert(key, value)),
        4 => key.prop_map(Edit::Remove),
        1 => Just(Edit::Clear),
        2 => (0_usize..9000).prop_map(Edit::Long),
        1 => Just(Edit::Reparse),
    ]
}

impl Model {
    /// Edits the map and the model, and compares what they say of it.
    fn apply(&mut self, edit: Edit, map: &mut SessionMap) {
        match edit {
            Edit::Insert(key, value) => {
                let count = self.0.iter().filter(|(other, _)| *other == key).count();
                let last = self.0.iter().rposition(|(other, _)| *other == key);
                let same = count == 1 && last.is_some_and(|at| self.0[at].1.sorted == value.sorted);
                let json = RawValue::from_string(value.written.clone()).expect("the text is JSON");
                assert_eq!(changed_by(map, |map| map.insert(&key, json)), !same);
                match last {
                    _ if same => {}
                    Some(at) => {
                        self.0[at].1 = value;
                        let mut index = 0..;
                        self.0.retain(|(other, _)| index.next() == Some(at) || *other != key);
                    }
                    None => self.0.push((key, value)),
                }
            }
            Edit::Remove(key) => {
                assert_eq!(map.remove(&key), self.0.iter().any(|(other, _)| *other == key));
                self.0.retain(|(other, _)| *other != key);
            }
            Edit::Clear => {
                map.clear();
                self.0.clear();
            }
            Edit::Long(len) => self.apply(Edit::Insert("long".to_owned(), Text::token("1".repeat(len + 1))), map),
            Edit::Reparse => *map = map.as_json().parse().expect("a map writes what it reads"),
        }
    }

    /// Returns the last row of each key.
    fn counting(&self) -> Vec<(String, &str)> {
        let is_last = |at: &usize| self.0[at + 1..].iter().all(|(key, _)| *key != self.0[*at].0);
        (0..self.0.len()).filter(is_last).map(|at| (self.0[at].0.clone(), &*self.0[at].1.written)).collect()
    }

    fn check(&self, map: &SessionMap) {
        let expected = self.counting();
        assert_eq!(rows(map), expected);
        assert_eq!(map.keys().collect::<Vec<_>>(), expected.iter().map(|(key, _)| &**key).collect::<Vec<_>>());
        assert_eq!((map.len(), map.is_empty()), (expected.len(), expected.is_empty()));
        for (key, written) in &expected {
            assert_eq!((map.raw_json(key), map.contains_key(key)), (Some(*written), true));
        }
        assert_eq!((map.raw_json("absent"), map.contains_key("absent")), (None, false));

        let json = map.as_json();
        assert_eq!((map.json_len(), &*map.as_json()), (json.len(), &*json));
        let mut appended = "before".to_owned();
        map.write_json(&mut appended);
        assert_eq!(appended, format!("before{json}"));
        assert_eq!(SessionMap::from_json(&*json).as_ref(), Ok(map));
        let read: BTreeMap<String, &RawValue> = serde_json::from_str(&json).expect("a map is JSON to others too");
        let read: BTreeMap<_, _> = read.into_iter().map(|(key, value)| (key, value.get())).collect();
        assert_eq!(read, expected.into_iter().collect());
    }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn an_object_reads_the_same_however_it_is_written((rows, text) in object()) {
        let map = SessionMap::from_slice(text.as_bytes()).unwrap();
        assert_eq!(map.as_json(), text);
        Model(rows).check(&map);
    }

    #[test]
    fn edits_change_what_they_name_and_nothing_else((rows, text) in object(), edits in vec(edit(string()), 0..12)) {
        edit_and_check(rows, text, edits);
    }

    #[test]
    fn clones_do_not_see_each_others_writes(
        (rows, text) in object(),
        edits in vec((0_usize..3, edit(string())), 0..12),
    ) {
        edit_clones_and_check(rows, text, edits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..many_cases() })]

    #[test]
    fn a_large_object_reads_the_same_however_it_is_written((rows, text) in large_object()) {
        let map = SessionMap::from_slice(text.as_bytes()).unwrap();
        assert_eq!(map.as_json(), text);
        Model(rows).check(&map);
    }

    #[test]
    fn edits_of_a_large_object_change_what_they_name_and_nothing_else(
        (rows, text) in large_object(),
        edits in vec(edit(numbered()), 0..60),
    ) {
        edit_and_check(rows, text, edits);
    }

    #[test]
    fn clones_of_a_large_object_do_not_see_each_others_writes(
        (rows, text) in large_object(),
        edits in vec((0_usize..3, edit(numbered())), 0..30),
    ) {
        edit_clones_and_check(rows, text, edits);
    }
}

/// Edits a map that shares its text with clones before some edits, and checks it after each.
fn edit_and_check(rows: Vec<(String, Text)>, text: String, edits: Vec<Edit>) {
    let mut model = Model(rows);
    let mut map = map(&text);
    let mut clones = Vec::new();
    for (number, edit) in edits.into_iter().enumerate() {
        // A map that has no clone is edited in place.
        if number % 4 == 0 {
            clones.push((model.clone(), map.clone()));
        }
        model.apply(edit, &mut map);
        model.check(&map);
    }
    clones.iter().for_each(|(model, clone)| model.check(clone));
}

/// Edits one of three clones after the other, and checks all of them after each edit.
fn edit_clones_and_check(rows: Vec<(String, Text)>, text: String, edits: Vec<(usize, Edit)>) {
    let mut clones = vec![(Model(rows), map(&text)); 3];
    for (which, edit) in edits {
        let (model, map) = &mut clones[which];
        model.apply(edit, map);
        clones.iter().for_each(|(model, clone)| model.check(clone));
    }
}

#[test]
fn a_long_text_that_is_rewritten_many_times_loses_nothing_but_white_space() {
    let long = "x".repeat(5000);
    let mut map = SessionMap::from_json(format!(r#"{{"kept": "{long}", "\u0061": 0}}"#)).unwrap();
    for number in 0..10_000 {
        map.insert("a", number).unwrap();
        map.insert("b", [number]).unwrap();
        map.remove("b");
    }
    assert_eq!(map.as_json(), format!(r#"{{"kept":"{long}","\u0061":9999}}"#));
}

#[test]
fn ten_thousand_keys_are_kept_and_found() {
    const COUNT: usize = 10_000;
    let rows = |numbers: std::ops::Range<usize>| numbers.map(|number| (format!("key-{number}"), number));
    let text: Vec<_> = rows(0..COUNT).map(|(key, number)| format!("\"{key}\": {number}")).collect();
    let mut map = SessionMap::from_json(format!("{{{}}}", text.join(", "))).unwrap();
    for (key, number) in rows(COUNT..COUNT + 100) {
        assert_eq!(map.insert(&key, number), Ok(()));
    }
    for (key, _) in rows(0..100) {
        assert!(map.remove(&key));
    }
    assert_eq!(map.len(), COUNT);
    assert!(map.keys().eq(rows(100..COUNT + 100).map(|(key, _)| key)));
    for (key, number) in rows(0..COUNT + 100).step_by(99) {
        assert_eq!(map.get(&key), Ok((number >= 100).then_some(number)));
    }
}

#[test]
fn a_large_map_is_merged_in_a_time_that_grows_with_its_size() {
    let config = SessionConfig::builder(SECRET, "id").backend_type(BackendType::Memory).max_keys(20_000);
    let manager = SessionManager::new(config.build().unwrap());
    let mut cookie = String::new();
    // Into a new session, and then into the stored one that has all of its keys: with values as long as these, and longer.
    for value in ["0", "1", "10"] {
        let members: Vec<_> = (0..20_000).map(|number| format!("\"{number}\":{value}")).collect();
        let map = SessionMap::from_json(format!("{{{}}}", members.join(","))).unwrap();
        let (handle, session) = open(&manager, [cookie.as_bytes()]);
        let start = Instant::now();
        session.extend(&map).unwrap();
        // A hundred times what it takes if the cost grows with the size, and less than if it grows with the square.
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!((session.to_map().len(), session.raw_json("19999").as_deref()), (20_000, Some(value)));
        if let Some(set_cookie) = at_once(handle.commit(200)).set_cookie {
            cookie = pair(set_cookie.as_str()).to_owned();
        }
    }
}
