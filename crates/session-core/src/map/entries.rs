//! The text of a map, and where its keys and values stand in it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::scan::{self, Form};

/// The entries of a map, in a text that they share.
pub(super) struct Entries {
    /// What the spans of the entries point into: the object's JSON text, unless that is scattered.
    text: String,
    pub(super) entries: SmallVec<[Entry; 8]>,
    /// What keys begin with, and perhaps some that were removed.
    initials: Initials,
    /// An edit of a long text leaves what it replaces where it is, and puts the new at the end, so that many edits don't
    /// move the whole text each.
    scattered: bool,
    /// How much of a scattered text is that of replaced or removed entries.
    dead: usize,
    /// Where each key stands last, once many were set.
    index: Option<Box<Index>>,
    /// How many were set without an index.
    searches: usize,
}

/// A set of first bytes, by their lower six bits: few requests look for a key that begins like none that is there, but each
/// one looks for those of the library.
#[derive(Clone, Copy)]
struct Initials(u64);

struct Index {
    positions: HashMap<Box<str>, usize>,
    /// No key stands twice.
    unique: bool,
}

/// From so many entries on, and with so many keys set, an index is made: it costs as much as a few searches.
const MANY_ENTRIES: usize = 64;
const MANY_SEARCHES: usize = 16;

/// The memory of a key in an index: itself, in an allocation of its own, and its place in the table.
const INDEXED_BYTES: usize = 64;

/// From so many bytes on, a text is long.
const LONG_TEXT: usize = 4096;

/// No entries, to be read only.
pub(super) static NONE: Entries = Entries {
    text: String::new(),
    entries: SmallVec::new_const(),
    initials: Initials::NONE,
    scattered: true,
    dead: 0,
    index: None,
    searches: 0,
};

#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Between the quotes, as it stands in the text.
    pub(super) key: Span,
    form: Form,
    pub(super) value: Span,
}

/// A range of the text. Half the size of a `Range<usize>`: a map of many keys is mostly spans.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Texts longer than `SessionMap::MAX_BYTES` never come here.
    pub(super) fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.range()]
    }

    /// Without the check that a character begins and ends there.
    fn bytes_of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.range()]
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// From the same start.
    fn of_len(self, len: usize) -> Self {
        Self { end: self.start + len as u32, ..self }
    }

    /// By a distance that may be a negative one, in two's complement.
    fn shift(&mut self, distance: u32) {
        self.start = self.start.wrapping_add(distance);
        self.end = self.end.wrapping_add(distance);
    }
}

impl Entries {
    /// The empty object, with room for so many more bytes.
    pub(super) fn empty(room: usize) -> Self {
        let mut text = String::with_capacity("{}".len() + room);
        text.push_str("{}");
        Self::of(text, SmallVec::new(), Initials::NONE)
    }

    /// The entries of a text that is a JSON object, or the offset of the first byte that doesn't fit.
    pub(super) fn parse(text: String) -> Result<Arc<Self>, usize> {
        let mut shared = Arc::new(Self::of(text, SmallVec::new(), Initials::NONE));
        // Filled where it stays: it is large for something that is moved.
        if let Some(Self { text, entries, initials, .. }) = Arc::get_mut(&mut shared) {
            let bytes = text.as_bytes();
            scan::object(bytes, |key, form, value| {
                initials.add(bytes[key.start], form);
                entries.push(Entry { key: Span::new(key), form, value: Span::new(value) });
            })?;
        }
        Ok(shared)
    }

    fn of(text: String, entries: SmallVec<[Entry; 8]>, initials: Initials) -> Self {
        Self { text, entries, initials, scattered: false, dead: 0, index: None, searches: 0 }
    }

    /// A copy that can grow by `room` bytes and an entry before it has to move.
    pub(super) fn with_room(&self, room: usize) -> Self {
        let mut text = String::with_capacity(self.text.len() + room);
        text.push_str(&self.text);
        let mut entries = SmallVec::with_capacity(self.entries.len() + 1);
        entries.extend_from_slice(&self.entries);
        Self { scattered: self.scattered, dead: self.dead, ..Self::of(text, entries, self.initials) }
    }

    /// What keys and values stand in.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The object's JSON text.
    pub(super) fn json(&self) -> Cow<'_, str> {
        if self.scattered { Cow::Owned(self.gathered()) } else { Cow::Borrowed(&self.text) }
    }

    /// Appends the object's JSON text.
    pub(super) fn write_json(&self, out: &mut String) {
        if self.scattered { self.gather_into(out) } else { out.push_str(&self.text) }
    }

    /// The length of the object's JSON text.
    pub(super) fn json_len(&self) -> usize {
        if !self.scattered {
            return self.text.len();
        }
        // Braces, and for each entry two quotes, a colon and a comma, less the comma of the first.
        let entries: usize = self.entries.iter().map(|entry| entry.key.len() + entry.value.len() + 4).sum();
        2 + entries - usize::from(!self.entries.is_empty())
    }

    /// Returns the number of bytes that the entries take on the heap, in an `Arc`.
    pub(super) fn heap_bytes(&self) -> usize {
        let entries = if self.entries.spilled() { self.entries.capacity() * size_of::<Entry>() } else { 0 };
        let index = self.index.as_ref().map_or(0, |index| index.positions.capacity() * INDEXED_BYTES);
        size_of::<Self>() + self.text.capacity() + entries + index
    }

    /// The last occurrence of a key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        if !self.initials.contain(first_byte(key)) {
            return None;
        }
        match &self.index {
            Some(index) => index.positions.get(key).copied(),
            None => self.find_before(self.entries.len(), key),
        }
    }

    /// Whether the key that was found there stands elsewhere too.
    pub(super) fn is_repeated(&self, found: usize, key: &str) -> bool {
        !self.index.as_ref().is_some_and(|index| index.unique) && self.find_before(found, key).is_some()
    }

    /// Gives the entry that was found a new value, or the key a new entry.
    pub(super) fn set(&mut self, found: Option<usize>, key: &str, json: &str) {
        match found {
            Some(at) => {
                self.replace(at, json);
                if self.is_repeated(at, key) {
                    self.remove_before(at, key);
                }
            }
            None => self.push(key, json),
        }
        self.searches += 1;
        if self.index.is_none() && self.searches >= MANY_SEARCHES && self.entries.len() >= MANY_ENTRIES {
            self.index = Some(Box::new(self.to_index()));
        }
    }

    fn replace(&mut self, at: usize, json: &str) {
        let replaced = self.entries[at].value;
        if replaced.len() == json.len() && json.len() < LONG_TEXT {
            self.text.replace_range(replaced.range(), json);
        } else if self.must_scatter(json.len()) {
            self.dead += replaced.len();
            self.entries[at].value = self.append(json);
            self.gather_if_sparse();
        } else {
            self.splice(replaced.range(), json, at + 1);
            self.entries[at].value = replaced.of_len(json.len());
        }
    }

    fn push(&mut self, key: &str, json: &str) {
        if !self.scattered {
            match self.entries.last() {
                Some(last) => {
                    self.text.truncate(last.value.range().end);
                    self.text.push_str(",\"");
                }
                None => {
                    self.text.clear();
                    self.text.push_str("{\"");
                }
            }
        }
        let start = self.text.len();
        let form = scan::push_escaped(&mut self.text, key);
        let key_span = Span::new(start..self.text.len());
        if !self.scattered {
            self.text.push_str("\":");
        }
        let value = self.append(json);
        if !self.scattered {
            self.text.push('}');
        }
        self.initials.add(first_byte(key), form);
        self.entries.push(Entry { key: key_span, form, value });
        if let Some(index) = &mut self.index {
            index.positions.insert(key.into(), self.entries.len() - 1);
        }
    }

    fn to_index(&self) -> Index {
        let readable = || self.entries.iter().zip(0..).filter(|(entry, _)| entry.form != Form::Unreadable);
        let positions: HashMap<_, _> =
            readable().map(|(entry, at)| (entry.decoded_key(&self.text).into(), at)).collect();
        Index { unique: positions.len() == readable().count(), positions }
    }

    /// Removes all occurrences of a key that stand before `end`.
    pub(super) fn remove_before(&mut self, end: usize, key: &str) {
        // Positions change.
        self.index = None;
        self.searches = 0;
        let mut end = end;
        while let Some(at) = self.find_before(end, key) {
            self.remove_at(at);
            end = at;
        }
    }

    fn remove_at(&mut self, at: usize) {
        let removed = self.entries.remove(at);
        if self.must_scatter(0) {
            self.dead += removed.key.len() + removed.value.len();
            self.gather_if_sparse();
            return;
        }
        let quote = |entry: &Entry| entry.key.range().start - 1;
        // With the comma before it; of the first with the one behind it.
        let range = match (at.checked_sub(1), self.entries.get(at)) {
            (Some(before), _) => self.entries[before].value.range().end..removed.value.range().end,
            (None, Some(next)) => quote(&removed)..quote(next),
            (None, None) => quote(&removed)..removed.value.range().end,
        };
        self.splice(range, "", at);
    }

    fn find_before(&self, end: usize, key: &str) -> Option<usize> {
        self.entries[..end].iter().rposition(|entry| entry.is(key, &self.text))
    }

    /// Puts a new text in place of a range of the old one, and moves what stands behind: from this entry on.
    fn splice(&mut self, range: Range<usize>, new: &str, from: usize) {
        let distance = (new.len() as u32).wrapping_sub(range.len() as u32);
        self.text.replace_range(range, new);
        for entry in &mut self.entries[from..] {
            entry.key.shift(distance);
            entry.value.shift(distance);
        }
    }

    /// Whether an edit that makes so many bytes leaves the rest where it is.
    fn must_scatter(&mut self, bytes: usize) -> bool {
        self.scattered |= self.text.len() + bytes >= LONG_TEXT;
        self.scattered
    }

    fn append(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start..self.text.len())
    }

    /// Makes a scattered text the object's again, once most of it is dead.
    fn gather_if_sparse(&mut self) {
        if self.dead < self.text.len() / 2 {
            return;
        }
        self.text = self.gathered();
        let mut end = 0;
        for entry in &mut self.entries {
            // After a brace or a comma, and a quote; then after a quote and a colon.
            entry.key = Span::new(end + 2..end + 2 + entry.key.len());
            let start = entry.key.range().end + 2;
            entry.value = Span::new(start..start + entry.value.len());
            end = start + entry.value.len();
        }
        (self.scattered, self.dead) = (false, 0);
    }

    /// The JSON text of a scattered object, without white space around keys and values.
    fn gathered(&self) -> String {
        let mut out = String::with_capacity(self.json_len());
        self.gather_into(&mut out);
        out
    }

    fn gather_into(&self, out: &mut String) {
        for (at, entry) in self.entries.iter().enumerate() {
            out.push_str(if at == 0 { "{\"" } else { ",\"" });
            out.push_str(entry.key.of(&self.text));
            out.push_str("\":");
            out.push_str(entry.value.of(&self.text));
        }
        out.push_str(if self.entries.is_empty() { "{}" } else { "}" });
    }
}

impl Initials {
    const NONE: Self = Self(0);

    fn bit(first: u8) -> u64 {
        1 << (first % 64)
    }

    fn add(&mut self, first: u8, form: Form) {
        // What an escaped key begins with is not worth finding out.
        self.0 |= if form == Form::Plain { Self::bit(first) } else { u64::MAX };
    }

    fn contain(self, first: u8) -> bool {
        self.0 & Self::bit(first) != 0
    }
}

/// Of an empty key that of the quote behind it.
fn first_byte(key: &str) -> u8 {
    key.bytes().next().unwrap_or(b'"')
}

impl Clone for Entries {
    fn clone(&self) -> Self {
        self.with_room(0)
    }
}

impl Entry {
    #[inline]
    pub(super) fn is(&self, key: &str, text: &str) -> bool {
        match self.form {
            Form::Plain => self.key.len() == key.len() && self.key.bytes_of(text) == key.as_bytes(),
            Form::Escaped => self.decoded_key(text) == key,
            Form::Unreadable => false,
        }
    }

    /// What tells the key from others: two that can't be read are the same only if their texts are.
    pub(super) fn identity<'a>(&self, text: &'a str) -> (bool, Cow<'a, str>) {
        match self.form {
            Form::Unreadable => (false, Cow::Borrowed(self.key.of(text))),
            _ => (true, self.decoded_key(text)),
        }
    }

    pub(super) fn decoded_key<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let raw = self.key.of(text);
        if self.form == Form::Plain { Cow::Borrowed(raw) } else { Cow::Owned(scan::unescape(raw)) }
    }
}
