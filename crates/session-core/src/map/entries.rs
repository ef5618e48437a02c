//! The text of a map, and where its keys and values stand in it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use smallvec::SmallVec;

use super::scan::{self, Form};

/// The entries of a map, in a text that they share.
pub(super) struct Entries {
    /// What the spans of the entries point into. A complete JSON object as long as `edited` is false; after an edit also
    /// the text of replaced values, until `compact` drops them.
    pub(super) text: String,
    pub(super) entries: SmallVec<[Entry; 8]>,
    pub(super) edited: bool,
    /// How much of the text is that of replaced or removed entries.
    dead: usize,
    /// Where each key stands last, once many were set.
    index: Option<Box<Index>>,
    /// How many were set without an index.
    searches: usize,
}

struct Index {
    positions: HashMap<Box<str>, usize>,
    /// No key stands twice.
    unique: bool,
}

/// From so many entries on, and with so many keys set, an index is made: it costs as much as a few searches.
const MANY_ENTRIES: usize = 64;
const MANY_SEARCHES: usize = 16;

pub(super) static EMPTY: Entries =
    Entries { text: String::new(), entries: SmallVec::new_const(), edited: true, dead: 0, index: None, searches: 0 };

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
        &text[self.start as usize..self.end as usize]
    }

    /// Without the check that a character begins and ends there.
    fn bytes_of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start as usize..self.end as usize]
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl Entries {
    /// The entries of a text that is a JSON object, or the offset of the first byte that doesn't fit.
    pub(super) fn parse(text: String) -> Result<Self, usize> {
        let mut entries = SmallVec::new();
        scan::object(text.as_bytes(), |key, form, value| {
            entries.push(Entry { key: Span::new(key), form, value: Span::new(value) });
        })?;
        Ok(Self { text, entries, edited: false, dead: 0, index: None, searches: 0 })
    }

    /// A copy that can grow by `room` bytes and an entry before it has to move.
    pub(super) fn with_room(&self, room: usize) -> Self {
        let mut text = String::with_capacity(self.text.len() + room);
        text.push_str(&self.text);
        let mut entries = SmallVec::with_capacity(self.entries.len() + 1);
        entries.extend_from_slice(&self.entries);
        Self { text, entries, edited: self.edited, dead: self.dead, index: None, searches: 0 }
    }

    /// The last occurrence of a key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
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
        let start = self.text.len();
        self.text.push_str(json);
        let value = Span::new(start..self.text.len());
        match found {
            Some(at) => {
                let replaced = std::mem::replace(&mut self.entries[at].value, value);
                self.dead += replaced.len();
                if self.is_repeated(at, key) {
                    self.remove_before(at, key);
                }
            }
            None => self.push(key, value),
        }
        self.searches += 1;
        if self.index.is_none() && self.searches >= MANY_SEARCHES && self.entries.len() >= MANY_ENTRIES {
            self.index = Some(Box::new(self.to_index()));
        }
        self.compact();
    }

    fn push(&mut self, key: &str, value: Span) {
        let start = self.text.len();
        let form = scan::push_escaped(&mut self.text, key);
        let span = Span::new(start..self.text.len());
        self.entries.push(Entry { key: span, form, value });
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
            let removed = self.entries.remove(at);
            self.dead += removed.key.len() + removed.value.len();
            end = at;
        }
    }

    fn find_before(&self, end: usize, key: &str) -> Option<usize> {
        self.entries[..end].iter().rposition(|entry| entry.is(key, &self.text))
    }

    /// The length of the object's text without what was replaced or removed: braces, and for each entry two quotes, a
    /// colon and a comma, less the comma of the first.
    pub(super) fn live_len(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.key.len() + entry.value.len() + 4).sum();
        2 + entries - usize::from(!self.entries.is_empty())
    }

    /// Drops the text of what was replaced or removed once that takes more room than what is alive.
    fn compact(&mut self) {
        if self.text.len() < 4096 || self.dead < self.text.len() / 2 {
            return;
        }
        self.dead = 0;
        let mut text = String::with_capacity(self.live_len());
        for entry in &mut self.entries {
            for span in [&mut entry.key, &mut entry.value] {
                let start = text.len();
                text.push_str(span.of(&self.text));
                *span = Span::new(start..text.len());
            }
        }
        self.text = text;
    }
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
