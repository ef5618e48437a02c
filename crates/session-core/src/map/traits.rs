//! Trait implementations of a map: iteration, collection, comparison and printing.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::str::FromStr;

use serde_json::Value;

use super::entries::Entries;
use super::{MapError, SessionMap, same_json};

/// An iterator over the keys of a [`SessionMap`], in order, with the JSON text of their values.
#[derive(Clone)]
pub struct Iter<'a> {
    entries: &'a Entries,
    at: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn new(map: &'a SessionMap) -> Self {
        Self { entries: map.inner(), at: 0 }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Cow<'a, str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, raw, behind) = self.entries.next(self.at)?;
        self.at = behind;
        Some((key, raw))
    }
}

impl FusedIterator for Iter<'_> {}

/// Prints no session data.
impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a SessionMap {
    type Item = (Cow<'a, str>, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Sets keys to values, in order.
///
/// # Panics
///
/// If [`SessionMap::insert`] refuses a value: it is nested deeper than [`SessionMap::MAX_DEPTH`], or the map would grow
/// beyond [`SessionMap::MAX_BYTES`]. A value that was read from JSON text is never too deep.
///
/// ```
/// use serde_json::json;
/// use session_core::SessionMap;
///
/// let mut map = SessionMap::from_iter([("user", json!("ann")), ("n", json!(1))]);
/// map.extend([("n", json!(2))]);
/// assert_eq!(map.as_json(), r#"{"user":"ann","n":2}"#);
/// ```
impl<K: AsRef<str>> Extend<(K, Value)> for SessionMap {
    fn extend<I: IntoIterator<Item = (K, Value)>>(&mut self, rows: I) {
        for (key, value) in rows {
            if let Err(error) = self.insert(key.as_ref(), value) {
                panic!("{error}");
            }
        }
    }
}

impl<K: AsRef<str>> FromIterator<(K, Value)> for SessionMap {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(rows: I) -> Self {
        let mut map = Self::new();
        map.extend(rows);
        map
    }
}

/// Maps are equal if they have the same keys in the same order with the same values.
///
/// Values are compared as text, ignoring white space and the order of keys in objects, as [`SessionMap::insert`]
/// compares them.
impl PartialEq for SessionMap {
    fn eq(&self, other: &Self) -> bool {
        let mut others = other.iter();
        let all_equal = self.iter().all(|(key, value)| {
            others.next().is_some_and(|(other_key, other)| key == other_key && same_json(value, other))
        });
        all_equal && others.next().is_none()
    }
}

impl Eq for SessionMap {}

/// Prints sizes only, because session data does not belong in logs.
impl fmt::Debug for SessionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMap").field("keys", &self.len()).field("bytes", &self.json_len()).finish()
    }
}

impl FromStr for SessionMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        Self::from_json(text)
    }
}
