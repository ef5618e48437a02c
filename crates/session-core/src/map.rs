//! The session's data: an ordered map from keys to raw JSON text.

mod entries;
mod error;
mod finite;
mod scan;
mod value;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use entries::{Entries, NONE};

pub use error::{MapError, ValueError};

pub(crate) use scan::same_json;
pub(crate) use value::{JsonText, decode, encode};

/// An ordered map from keys to JSON values, kept as the text they came in until somebody reads them.
///
/// What nobody touches goes back byte for byte: numbers of any size and precision (`1.0` beside `1`, `1e400`, integers
/// of 60 digits), escapes, white space inside values, and the order of keys. A key that occurs twice is kept twice; the
/// last occurrence counts, as in Python and in RFC 8259's implementations, and writing the key leaves one.
///
/// A value is checked when it is read: Python's `NaN` and `Infinity`, which are not JSON, are carried along and fail
/// only the reader of their key.
///
/// Clones share the text; the first write to a clone copies it.
///
/// ```
/// use session_core::SessionMap;
///
/// let mut map = SessionMap::from_json(r#"{"big": 123456789012345678901234567890, "n": 1}"#)?;
/// map.insert("n", 2)?;
/// assert_eq!(map.get::<u32>("n")?, Some(2));
/// assert_eq!(map.to_json(), r#"{"big": 123456789012345678901234567890, "n": 2}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct SessionMap {
    /// `None` is the empty map, without an allocation.
    inner: Option<Arc<Entries>>,
}

impl SessionMap {
    /// The longest text that a map takes: 1 GiB. Configured limits are far below it.
    pub const MAX_BYTES: usize = 1 << 30;

    /// The empty map. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// Takes over the text of a JSON object.
    ///
    /// The object's structure is checked (keys, separators, strings that end, brackets that match); what the values say
    /// is checked when they are read.
    ///
    /// # Errors
    ///
    /// [`MapError`] if the text is not one JSON object, or longer than [`Self::MAX_BYTES`].
    pub fn from_json(text: impl Into<String>) -> Result<Self, MapError> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(MapError::TooLong { bytes: text.len() });
        }
        let entries = Entries::parse(text).map_err(|offset| MapError::NotAnObject { offset })?;
        Ok(Self { inner: Some(entries) })
    }

    /// [`Self::from_json`] for bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::from_json`], and [`MapError::NotUtf8`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MapError> {
        let text = std::str::from_utf8(bytes).map_err(|error| MapError::NotUtf8 { offset: error.valid_up_to() })?;
        Self::from_json(text)
    }

    /// Checks that every value is JSON, which otherwise only its reader would find out: for text from a stranger.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] for the first one that is not, such as Python's `NaN`.
    ///
    /// ```
    /// use session_core::SessionMap;
    ///
    /// assert!(SessionMap::from_json(r#"{"a": [1, 2.5, null]}"#)?.validate().is_ok());
    /// assert!(SessionMap::from_json(r#"{"a": NaN}"#)?.validate().is_err());
    /// # Ok::<(), session_core::MapError>(())
    /// ```
    pub fn validate(&self) -> Result<(), ValueError> {
        let inner = self.inner();
        inner.entries.iter().try_for_each(|entry| {
            let key = entry.decoded_key(inner.text());
            decode::<serde::de::IgnoredAny>(&key, entry.value.of(inner.text())).map(drop)
        })
    }

    /// The value of a key, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not JSON or not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ValueError> {
        self.raw(key).map(|raw| decode(key, raw)).transpose()
    }

    /// The text of a key's value, as it came.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.find(key).map(|at| self.raw_at(at))
    }

    /// Where a key is. That holds for this map and its clones until they are changed.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.inner().find(key)
    }

    /// The JSON text of the value of the key that was found there.
    pub(crate) fn raw_at(&self, at: usize) -> &str {
        let inner = self.inner();
        inner.entries[at].value.of(inner.text())
    }

    /// Whether the key is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Sets a key, in its place if it is there and else at the end. Returns whether this changed the map.
    ///
    /// # Errors
    ///
    /// [`ValueError::Encode`] if the value can't be written as JSON, and [`ValueError::NotFinite`] if it contains a
    /// `NaN` or an infinity, which JSON can't carry.
    pub fn insert(&mut self, key: &str, value: impl Serialize) -> Result<bool, ValueError> {
        let json = encode(key, &value)?;
        self.insert_json(key, &json)
    }

    /// Sets a key to a value that is JSON text already. What white space it contains does not count as a change.
    pub(crate) fn insert_json(&mut self, key: &str, json: &str) -> Result<bool, ValueError> {
        self.insert_json_at(self.find(key), key, json)
    }

    /// The same with a key that was found there, or nowhere.
    pub(crate) fn insert_json_at(&mut self, found: Option<usize>, key: &str, json: &str) -> Result<bool, ValueError> {
        let inner = self.inner();
        if found.is_some_and(|at| same_json(self.raw_at(at), json) && !inner.is_repeated(at, key)) {
            return Ok(false);
        }
        // An escaped key takes at most six bytes for each of its own.
        let room = 6 * key.len() + json.len();
        if inner.text().len() + room > Self::MAX_BYTES {
            return Err(ValueError::TooLong { key: key.into() });
        }
        self.edit(room).set(found, key, json);
        Ok(true)
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let Some(last) = self.find(key) else { return false };
        let inner = self.edit(0);
        inner.remove_before(last + 1, key);
        true
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        self.inner = None;
    }

    /// The keys, in order, each once.
    ///
    /// A lone surrogate in a key, which Python may write and Rust's strings can't hold, is listed as U+FFFD. Such a key is
    /// kept, and found by no name.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().map(|(key, _)| key)
    }

    /// The keys with the text of their values, in order, each key once.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let inner = self.inner();
        // Of a key's occurrences the last one counts.
        let mut seen = HashSet::with_capacity(inner.entries.len());
        let mut rows: Vec<_> = inner
            .entries
            .iter()
            .rev()
            .filter(|entry| seen.insert(entry.identity(inner.text())))
            .map(|entry| (entry.decoded_key(inner.text()), entry.value.of(inner.text())))
            .collect();
        rows.reverse();
        rows.into_iter()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.inner().entries.len() {
            short @ 0..=1 => short,
            _ => self.iter().count(),
        }
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner().entries.is_empty()
    }

    /// Whether there is no key but `hidden`.
    pub(crate) fn is_empty_but_for(&self, hidden: &str) -> bool {
        let inner = self.inner();
        inner.entries.iter().all(|entry| entry.is(hidden, inner.text()))
    }

    /// The text of the whole object, with all that was not changed as it came.
    ///
    /// White space around keys and values is kept as long as the object is short: edits that meet 4,096 bytes, what they
    /// replace included, may drop it.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.json().into_owned()
    }

    /// Appends what [`Self::to_json`] returns.
    pub fn write_json(&self, out: &mut String) {
        match &self.inner {
            Some(inner) => inner.write_json(out),
            None => out.push_str("{}"),
        }
    }

    /// What [`Self::to_json`] returns, without a copy unless a long text was edited.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        self.inner.as_ref().map_or(Cow::Borrowed("{}"), |inner| inner.json())
    }

    /// The length in bytes of what [`Self::to_json`] returns.
    #[must_use]
    pub fn json_len(&self) -> usize {
        self.inner.as_ref().map_or("{}".len(), |inner| inner.json_len())
    }

    /// Returns the number of bytes that the map takes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.heap_bytes())
    }

    /// Whether both are clones of one map, and neither was written to since. Maps with the same text need not be.
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        match (&self.inner, &other.inner) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => true,
            _ => false,
        }
    }

    fn inner(&self) -> &Entries {
        self.inner.as_deref().unwrap_or(&NONE)
    }

    /// The text to write to, this map's own, with room for some more bytes.
    fn edit(&mut self, room: usize) -> &mut Entries {
        let shared = self.inner.get_or_insert_with(|| Arc::new(Entries::empty(room)));
        if Arc::get_mut(shared).is_none() {
            *shared = Arc::new(shared.with_room(room));
        }
        Arc::make_mut(shared)
    }
}

/// Equal if they have the same keys in the same order with the same text, white space between tokens aside.
impl PartialEq for SessionMap {
    fn eq(&self, other: &Self) -> bool {
        let mut others = other.iter();
        let all_equal = self.iter().all(|(key, value)| {
            others.next().is_some_and(|(other_key, other)| key == other_key && same_json(value, other))
        });
        all_equal && others.next().is_none()
    }
}

/// Prints sizes only: session data does not belong into logs.
impl fmt::Debug for SessionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMap").field("keys", &self.len()).field("bytes", &self.json_len()).finish()
    }
}

impl std::str::FromStr for SessionMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        Self::from_json(text)
    }
}
