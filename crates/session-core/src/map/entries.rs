//! The entries of a map, in a text that they share.

mod edits;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::entry::{Entry, Span};
use super::index::Index;
use super::key::Form;
use super::scan;

pub(super) struct Entries {
    /// The text that the spans of the entries point into: the object's JSON text, unless the entries are scattered.
    text: String,
    entries: SmallVec<[Entry; 8]>,
    initials: Initials,
    scattered: Option<Scattered>,
    /// The number of searches without an index, in a map with many entries.
    searches: AtomicU32,
    /// The index, made after some searches. An edit of a map with many entries does not change the position of any
    /// entry.
    index: OnceLock<Box<Index>>,
}

/// The layout with entries at any place in the text.
// An edit of a large map appends to its text, because an edit in place would move all that follows.
#[derive(Clone, Copy)]
struct Scattered {
    /// The length of all live entries in the JSON text.
    json_len: u32,
    /// The number of removed entries, which are not live.
    removed: u32,
}

/// The set of the first bytes of all keys, by their lower six bits. It may contain those of removed keys too.
// Each request looks for the library's keys. Their first byte is rare, so the set rules out most searches.
#[derive(Clone, Copy)]
struct Initials(u64);

/// The largest number of entries that are searched one by one.
const FEW: usize = 32;

/// The number of searches without an index that cost about as much as making it.
const MANY_SEARCHES: u32 = 16;

/// The length from which a text counts as long, in bytes.
const LONG_TEXT: usize = 4096;

/// The entries of the empty map, which are never changed.
pub(super) static NONE: Entries = Entries::none();

impl Entries {
    const fn none() -> Self {
        Self {
            text: String::new(),
            entries: SmallVec::new_const(),
            initials: Initials::NONE,
            scattered: None,
            searches: AtomicU32::new(0),
            index: OnceLock::new(),
        }
    }

    /// Makes the empty object, with room for `room` more bytes.
    pub(super) fn empty(room: usize) -> Self {
        let mut text = String::with_capacity("{}".len() + room);
        text.push_str("{}");
        Self { text, ..Self::none() }
    }

    /// Takes over a text.
    ///
    /// # Errors
    ///
    /// The offset of the first byte that doesn't fit, if the text is not one JSON object.
    pub(super) fn parse(text: String) -> Result<Arc<Self>, usize> {
        let mut shared = Arc::new(Self { text, ..Self::none() });
        // Filled in place: a move into the `Arc` would copy it.
        if let Some(Self { text, entries, initials, .. }) = Arc::get_mut(&mut shared) {
            let bytes = text.as_bytes();
            scan::object(bytes, |key, form, value| {
                initials.add(bytes[key.start], form);
                entries.push(Entry { key: Span::new(key), form: Some(form), value: Span::new(value) });
            })?;
            if entries.len() > FEW {
                entries.shrink_to_fit();
            }
        }
        Ok(shared)
    }

    /// Makes a copy that can grow by `room` bytes and one entry without a reallocation. All positions stay the same.
    pub(super) fn with_room(&self, room: usize) -> Arc<Self> {
        let mut text = String::with_capacity(self.text.len() + room);
        text.push_str(&self.text);
        let searches = AtomicU32::new(self.searches.load(Ordering::Relaxed));
        let (initials, scattered, index) = (self.initials, self.scattered, self.index.clone());
        let mut shared = Arc::new(Self { text, entries: SmallVec::new(), initials, scattered, searches, index });
        // Filled in place: a move into the `Arc` would copy them.
        if let Some(Self { entries, .. }) = Arc::get_mut(&mut shared) {
            entries.reserve_exact(self.entries.len() + 1);
            entries.extend_from_slice(&self.entries);
        }
        shared
    }

    /// Returns the length of the text, including removed and replaced parts.
    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Returns the object's JSON text.
    pub(super) fn json(&self) -> Cow<'_, str> {
        if self.scattered.is_some() { Cow::Owned(self.gathered()) } else { Cow::Borrowed(&self.text) }
    }

    /// Returns the object's JSON text, without a copy unless the entries are scattered.
    pub(super) fn into_json(self) -> String {
        if self.scattered.is_some() { self.gathered() } else { self.text }
    }

    /// Appends the object's JSON text.
    pub(super) fn write_json(&self, out: &mut String) {
        if self.scattered.is_some() { self.gather_into(out) } else { out.push_str(&self.text) }
    }

    /// Returns the length of the object's JSON text.
    pub(super) fn json_len(&self) -> usize {
        match self.scattered {
            // With the braces, and without the comma of the first entry.
            Some(Scattered { json_len, .. }) => 2 + json_len.saturating_sub(1) as usize,
            None => self.text.len(),
        }
    }

    /// Returns the number of bytes that the entries take on the heap, including the index that a search may make.
    pub(super) fn heap_bytes(&self) -> usize {
        let entries = if self.entries.spilled() { self.entries.capacity() * size_of::<Entry>() } else { 0 };
        let index = if self.entries.len() > FEW { Index::heap_bytes(self.entries.len()) } else { 0 };
        size_of::<Self>() + self.text.capacity() + entries + index
    }

    /// Returns `true` if there is no key other than this one.
    #[inline]
    pub(super) fn is_empty_but_for(&self, key: &str) -> bool {
        match self.find(key) {
            None => self.live() == 0,
            last => self.live() == std::iter::successors(last, |&at| self.find_previous(at, key)).count(),
        }
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        if self.entries.len() > FEW {
            self.live() - self.make_index().repeats()
        } else {
            (0..self.entries.len()).filter(|&at| self.counts(at)).count()
        }
    }

    /// Returns the number of live entries. A later entry of the same key overrides an earlier one, which is live too.
    pub(super) fn live(&self) -> usize {
        self.entries.len() - self.scattered.map_or(0, |scattered| scattered.removed as usize)
    }

    /// Returns the first key at or after a position, the text of its value, and the position behind it.
    pub(super) fn next(&self, from: usize) -> Option<(Cow<'_, str>, &str, usize)> {
        let at = (from..self.entries.len()).find(|&at| self.counts(at))?;
        Some((self.entries[at].decoded_key(&self.text), self.value(at), at + 1))
    }

    /// Returns all live entries.
    pub(super) fn all(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let live = self.entries.iter().filter(|entry| entry.is_live());
        live.map(|entry| (entry.decoded_key(&self.text), entry.value.of(&self.text)))
    }

    /// Returns the text of the value at a position.
    pub(super) fn value(&self, at: usize) -> &str {
        self.entries[at].value.of(&self.text)
    }

    /// Returns the position of a key's last entry.
    #[inline]
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        if self.initials.contain(first_byte(key)) { self.find_likely(key) } else { None }
    }

    fn find_likely(&self, key: &str) -> Option<usize> {
        match self.index() {
            Some(index) => index.find(key, &self.entries, &self.text),
            None => self.search(self.entries.len(), key),
        }
    }

    /// Returns the position of a key's entry before the one at a position.
    pub(super) fn find_previous(&self, at: usize, key: &str) -> Option<usize> {
        match self.index() {
            Some(index) => index.previous(at),
            None => self.search(at, key),
        }
    }

    fn search(&self, end: usize, key: &str) -> Option<usize> {
        self.entries[..end].iter().rposition(|entry| entry.is(key, &self.text))
    }

    /// Returns `true` if the entry at a position is live and no later one overrides it.
    fn counts(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        if !entry.is_live() {
            return false;
        }
        if self.entries.len() > FEW {
            return self.make_index().is_last(at, &self.entries, &self.text);
        }
        let name = entry.name(&self.text);
        !self.entries[at + 1..].iter().any(|later| later.has(&name, &self.text))
    }

    /// Returns the index, if there are many entries and there have been many searches.
    fn index(&self) -> Option<&Index> {
        if self.entries.len() <= FEW {
            return None;
        }
        if let Some(index) = self.index.get() {
            return Some(index);
        }
        let searches = self.searches.load(Ordering::Relaxed);
        if searches < MANY_SEARCHES {
            self.searches.store(searches + 1, Ordering::Relaxed);
            return None;
        }
        Some(self.make_index())
    }

    fn make_index(&self) -> &Index {
        self.index.get_or_init(|| Box::new(Index::of(&self.entries, &self.text)))
    }

    /// Returns the JSON text of scattered entries, without white space around keys and values.
    fn gathered(&self) -> String {
        let mut out = String::with_capacity(self.json_len());
        self.gather_into(&mut out);
        out
    }

    fn gather_into(&self, out: &mut String) {
        let mut opening = "{\"";
        for entry in self.entries.iter().filter(|entry| entry.is_live()) {
            out.push_str(opening);
            out.push_str(entry.key.of(&self.text));
            out.push_str("\":");
            out.push_str(entry.value.of(&self.text));
            opening = ",\"";
        }
        out.push_str(if self.live() == 0 { "{}" } else { "}" });
    }
}

impl Initials {
    const NONE: Self = Self(0);

    fn bit(first: u8) -> u64 {
        1 << (first % 64)
    }

    fn add(&mut self, first: u8, form: Form) {
        // Decoding the first byte of an escaped key is not worth its cost, so all bytes count as present.
        self.0 |= if form == Form::Plain { Self::bit(first) } else { u64::MAX };
    }

    fn contain(self, first: u8) -> bool {
        self.0 & Self::bit(first) != 0
    }
}

/// Returns the first byte of a key; for the empty key, the quote after it.
fn first_byte(key: &str) -> u8 {
    key.bytes().next().unwrap_or(b'"')
}
