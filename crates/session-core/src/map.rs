//! The session's data: an ordered map from keys to raw JSON text.

mod embed;
mod entries;
mod entry;
mod error;
mod finite;
mod index;
mod key;
mod same;
mod scan;
mod traits;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use entries::{Entries, NONE};
use traits::Iter;

pub use error::{MapError, ValueError};

pub(crate) use same::same_json;
pub(crate) use value::{JsonText, decode, encode};

/// An ordered map from keys to JSON values, each kept as text until it is read.
///
/// Everything that is not changed is written back byte for byte: numbers of any size and precision (`1.0` beside `1`,
/// `1e400`, integers of 60 digits), escapes, white space inside values, and the order of keys. A key that occurs twice
/// is kept twice. The last occurrence counts, as in Python and most JSON parsers. Writing the key leaves one
/// occurrence.
///
/// A value is checked when it is read. Python's `NaN` and `Infinity`, which are not JSON, are kept, and only reading
/// their key fails. The same holds for values that are nested deeper than [`Self::MAX_DEPTH`].
///
/// The time to find, set or remove a key barely depends on the number of keys.
///
/// Clones share the text. The first write to a clone copies it.
///
/// ```
/// use session_core::SessionMap;
///
/// let mut map = SessionMap::from_json(r#"{"big": 123456789012345678901234567890, "n": 1}"#)?;
/// map.insert("n", 2)?;
/// assert_eq!(map.get::<u32>("n")?, Some(2));
/// assert_eq!(map.as_json(), r#"{"big": 123456789012345678901234567890, "n": 2}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct SessionMap {
    /// `None` is the empty map, without an allocation.
    inner: Option<Arc<Entries>>,
}

impl SessionMap {
    /// The longest text that a map can hold: 1 GiB. Configured limits are far lower.
    pub const MAX_BYTES: usize = 1 << 30;

    /// The deepest nesting of arrays and objects that [`Self::insert`] accepts in a value. serde_json reads no deeper
    /// ones.
    pub const MAX_DEPTH: usize = 127;

    /// Makes an empty map, without an allocation.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// Makes a map from the text of a JSON object, without copying it.
    ///
    /// This checks the structure of the object: keys, separators, closed strings and matching brackets. Each value is
    /// checked when it is read.
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

    /// Makes a map from the bytes of a JSON object's text, which are copied; see [`Self::from_json`].
    ///
    /// # Errors
    ///
    /// [`MapError`] if the bytes are not UTF-8, not one JSON object, or more than [`Self::MAX_BYTES`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MapError> {
        let text = std::str::from_utf8(bytes).map_err(|error| MapError::NotUtf8 { offset: error.valid_up_to() })?;
        Self::from_json(text)
    }

    /// Checks that every value is valid JSON that some type could be read from. Call this for a text from a client.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if a value is not JSON, such as Python's `NaN`, and [`ValueError::TooDeep`] if it is nested
    /// deeper than [`Self::MAX_DEPTH`].
    ///
    /// ```
    /// use session_core::SessionMap;
    ///
    /// assert!(SessionMap::from_json(r#"{"a": [1, 2.5, null]}"#)?.validate().is_ok());
    /// assert!(SessionMap::from_json(r#"{"a": NaN}"#)?.validate().is_err());
    /// # Ok::<(), session_core::MapError>(())
    /// ```
    pub fn validate(&self) -> Result<(), ValueError> {
        self.inner().all().try_for_each(|(key, raw)| value::validate(&key, raw))
    }

    /// Reads the value of a key. Returns `None` if the map does not contain the key.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the value is not JSON, not a `T`, or nested deeper than [`Self::MAX_DEPTH`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ValueError> {
        self.raw_json(key).map(|raw| decode(key, raw)).transpose()
    }

    /// Returns the JSON text of a key's value, as it was written.
    #[must_use]
    pub fn raw_json(&self, key: &str) -> Option<&str> {
        self.find(key).map(|at| self.raw_at(at))
    }

    /// Returns a key's position, which holds for this map and its clones until they are changed.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.inner().find(key)
    }

    /// Returns the JSON text of the value at a position.
    pub(crate) fn raw_at(&self, at: usize) -> &str {
        self.inner().value(at)
    }

    /// Returns `true` if the map contains a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Sets the value of a key. A new key goes to the end.
    ///
    /// A value that differs from the stored one only in white space or in the order of an object's keys counts as
    /// equal, so that inserting an equal `HashMap` again is no change. Numbers compare as text: `1` is not `1.0`.
    ///
    /// # Errors
    ///
    /// - [`ValueError::Encode`] if the value can't be written as JSON.
    /// - [`ValueError::NotFinite`] if it contains a `NaN` or an infinity, which JSON can't represent.
    /// - [`ValueError::TooDeep`] if it is nested deeper than [`Self::MAX_DEPTH`].
    /// - [`ValueError::TooLong`] if the map would grow beyond [`Self::MAX_BYTES`].
    pub fn insert(&mut self, key: &str, value: impl Serialize) -> Result<(), ValueError> {
        let json = encode(key, &value)?;
        self.insert_json(key, &json).map(drop)
    }

    /// Sets the value of a key, like [`Self::insert`], to JSON text of any depth. Returns `true` if this changed the map.
    pub(crate) fn insert_json(&mut self, key: &str, json: &str) -> Result<bool, ValueError> {
        self.insert_json_at(self.find(key), key, json)
    }

    /// Sets the value of a key, like [`Self::insert_json`], at the position where [`Self::find`] has found the key.
    pub(crate) fn insert_json_at(&mut self, found: Option<usize>, key: &str, json: &str) -> Result<bool, ValueError> {
        let inner = self.inner();
        if found.is_some_and(|at| same_json(inner.value(at), json) && inner.find_previous(at, key).is_none()) {
            return Ok(false);
        }
        // Escaping turns each byte of a key into at most six.
        let room = 6 * key.len() + json.len();
        if inner.text_len() + room > Self::MAX_BYTES {
            return Err(ValueError::TooLong { key: key.into() });
        }
        self.edit(room).set(found, key, json);
        Ok(true)
    }

    /// Removes a key. Returns `true` if the map contained it.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.find(key);
        if let Some(at) = found {
            self.edit(0).remove(at, key);
        }
        found.is_some()
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        self.inner = None;
    }

    /// Returns the keys, in order, each once.
    ///
    /// Python may write a key with a lone surrogate, which a Rust string can't hold. Such a key is listed with U+FFFD in
    /// place of the surrogate. It is kept, but no name finds it.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns the keys with the JSON text of their values, in order, each key once.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner().len()
    }

    /// Returns `true` if the map contains no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner().live() == 0
    }

    /// Returns `true` if the map contains no key other than `hidden`.
    #[inline]
    pub(crate) fn is_empty_but_for(&self, hidden: &str) -> bool {
        self.inner().is_empty_but_for(hidden)
    }

    /// Returns the text of the whole object. Parts that were not changed are as they were read.
    ///
    /// White space around keys and values is kept in small objects. Edits of an object with more than 32 entries or 4,096
    /// bytes may drop it.
    // Borrowed, unless the map is large and was edited.
    #[must_use]
    pub fn as_json(&self) -> Cow<'_, str> {
        self.inner.as_ref().map_or(Cow::Borrowed("{}"), |inner| inner.json())
    }

    /// Returns the text of [`Self::as_json`], without a copy if no clone shares the text.
    #[must_use]
    pub fn into_json(self) -> String {
        match self.inner.map(Arc::try_unwrap) {
            Some(Ok(inner)) => inner.into_json(),
            Some(Err(shared)) => shared.json().into_owned(),
            None => "{}".to_owned(),
        }
    }

    /// Appends the text of [`Self::as_json`].
    // For the codecs and stores of this project, which write into their own buffers.
    #[doc(hidden)]
    pub fn write_json(&self, out: &mut String) {
        match &self.inner {
            Some(inner) => inner.write_json(out),
            None => out.push_str("{}"),
        }
    }

    /// Returns the length in bytes of the text of [`Self::as_json`].
    #[doc(hidden)]
    #[must_use]
    pub fn json_len(&self) -> usize {
        self.inner.as_ref().map_or("{}".len(), |inner| inner.json_len())
    }

    /// Returns the number of bytes that the map takes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.heap_bytes())
    }

    /// Returns `true` if both are clones of one map, and neither was changed since. May return `false` for maps with
    /// the same text.
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        match (&self.inner, &other.inner) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => true,
            _ => false,
        }
    }

    /// Returns `true` if the map contains more than `limit` keys other than `hidden`.
    pub(crate) fn has_more_keys_than(&self, limit: usize, hidden: &str) -> bool {
        // The number of entries is known without counting, and a map has at most as many keys.
        self.inner().live() > limit && self.len() - usize::from(self.contains_key(hidden)) > limit
    }

    fn inner(&self) -> &Entries {
        self.inner.as_deref().unwrap_or(&NONE)
    }

    /// Returns the entries for writing: no other map shares them, and they have room for `room` more bytes.
    fn edit(&mut self, room: usize) -> &mut Entries {
        let shared = self.inner.get_or_insert_with(|| Arc::new(Entries::empty(room)));
        if Arc::get_mut(shared).is_none() {
            *shared = shared.with_room(room);
        }
        Arc::get_mut(shared).expect("no other map shares them")
    }
}
