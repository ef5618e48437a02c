//! The text of a map, and where its keys and values stand in it.

use std::borrow::Cow;
use std::ops::Range;

use super::scan;

/// The entries of a map, in a text that they share.
#[derive(Clone)]
pub(super) struct Entries {
    /// What the spans of the entries point into. A complete JSON object as long as `edited` is false; after an edit also
    /// the text of replaced values, until `compact` drops them.
    pub(super) text: String,
    pub(super) entries: Vec<Entry>,
    pub(super) edited: bool,
}

pub(super) static EMPTY: Entries = Entries { text: String::new(), entries: Vec::new(), edited: true };

#[derive(Clone)]
pub(super) struct Entry {
    /// Between the quotes, as it stands in the text.
    pub(super) key: Span,
    /// Whether the key's text contains escapes.
    pub(super) escaped: bool,
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

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl Entries {
    /// A copy that can grow by `room` bytes and an entry before it has to move.
    pub(super) fn with_room(&self, room: usize) -> Self {
        let mut text = String::with_capacity(self.text.len() + room);
        text.push_str(&self.text);
        let mut entries = Vec::with_capacity(self.entries.len() + 1);
        entries.extend_from_slice(&self.entries);
        Self { text, entries, edited: self.edited }
    }

    /// The last occurrence of a key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.find_before(self.entries.len(), key)
    }

    pub(super) fn find_before(&self, end: usize, key: &str) -> Option<usize> {
        self.entries[..end].iter().rposition(|entry| entry.is(key, &self.text))
    }

    pub(super) fn remove_duplicates_before(&mut self, end: usize, key: &str) {
        let mut end = end;
        while let Some(at) = self.find_before(end, key) {
            self.entries.remove(at);
            end = at;
        }
    }

    pub(super) fn append(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start..self.text.len())
    }

    /// The length of the object's text without what was replaced or removed: braces, and for each entry two quotes, a
    /// colon and a comma, less the comma of the first.
    pub(super) fn live_len(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.key.len() + entry.value.len() + 4).sum();
        2 + entries - usize::from(!self.entries.is_empty())
    }

    /// Drops the text of replaced values once they take more room than what is alive.
    pub(super) fn compact(&mut self) {
        if self.text.len() < 4096 || self.text.len() < 2 * self.live_len() {
            return;
        }
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

impl Entry {
    pub(super) fn is(&self, key: &str, text: &str) -> bool {
        if self.escaped {
            return self.decoded_key(text) == key;
        }
        self.key.len() == key.len() && self.key.of(text) == key
    }

    pub(super) fn decoded_key<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let raw = self.key.of(text);
        if self.escaped { Cow::Owned(scan::unescape(raw)) } else { Cow::Borrowed(raw) }
    }
}
