//! The edits of a map.

use std::ops::Range;
use std::sync::OnceLock;

use super::super::entry::{Entry, Span};
use super::super::key;
use super::{Entries, FEW, LONG_TEXT, Scattered, first_byte};

impl Entries {
    /// Sets the value of the key that was found at a position, or appends an entry if it was not found. Leaves one
    /// entry of the key.
    pub(in super::super) fn set(&mut self, found: Option<usize>, key: &str, json: &str) {
        match found {
            Some(at) => {
                self.replace(at, json);
                let previous = self.take_previous(at, key);
                self.remove_occurrences(previous, key);
            }
            None => self.push(key, json),
        }
        self.gather_if_sparse();
    }

    /// Removes all entries of the key that was found at a position.
    pub(in super::super) fn remove(&mut self, found: usize, key: &str) {
        self.remove_occurrences(Some(found), key);
        self.gather_if_sparse();
    }

    fn replace(&mut self, at: usize, json: &str) {
        let replaced = self.entries[at].value;
        if replaced.len() == json.len() && json.len() < LONG_TEXT {
            self.text.replace_range(replaced.range(), json);
        } else if let Some(scattered) = self.scatter_if_large(json.len()) {
            scattered.json_len = scattered.json_len + json.len() as u32 - replaced.len() as u32;
            self.entries[at].value = self.append(json);
        } else {
            self.splice(replaced.range(), json, at + 1);
            self.entries[at].value = replaced.of_len(json.len());
        }
    }

    fn push(&mut self, key: &str, json: &str) {
        if self.scattered.is_none() {
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
        let form = key::push_escaped(&mut self.text, key);
        let key_span = Span::new(start..self.text.len());
        if self.scattered.is_none() {
            self.text.push_str("\":");
        }
        let entry = Entry { key: key_span, form: Some(form), value: self.append(json) };
        match &mut self.scattered {
            Some(scattered) => scattered.json_len += entry.json_len(),
            None => self.text.push('}'),
        }
        self.initials.add(first_byte(key), form);
        self.entries.push(entry);
        if let Some(index) = self.index.get_mut() {
            index.add_last(&self.entries, &self.text);
        }
    }

    /// Removes the entry of a key at a position, and those of the same key before it.
    fn remove_occurrences(&mut self, mut last: Option<usize>, key: &str) {
        while let Some(at) = last {
            last = self.take_previous(at, key);
            self.remove_at(at);
        }
    }

    /// Returns the position of a key's entry before the one at a position, which the caller removes.
    fn take_previous(&mut self, at: usize, key: &str) -> Option<usize> {
        let previous = self.find_previous(at, key);
        if let Some(index) = self.index.get_mut() {
            index.forget_previous(at);
        }
        previous
    }

    fn remove_at(&mut self, at: usize) {
        let removed = self.entries[at];
        if let Some(scattered) = self.scatter_if_large(0) {
            scattered.json_len -= removed.json_len();
            scattered.removed += 1;
            self.entries[at].form = None;
            return;
        }
        self.entries.remove(at);
        let quote = |entry: &Entry| entry.key.range().start - 1;
        // Includes the comma before the entry; for the first entry, the comma after it.
        let range = match (at.checked_sub(1), self.entries.get(at)) {
            (Some(before), _) => self.entries[before].value.range().end..removed.value.range().end,
            (None, Some(next)) => quote(&removed)..quote(next),
            (None, None) => quote(&removed)..removed.value.range().end,
        };
        self.splice(range, "", at);
    }

    /// Replaces a range of the text by a new text, and moves the entries from position `from` on.
    fn splice(&mut self, range: Range<usize>, new: &str, from: usize) {
        let distance = (new.len() as u32).wrapping_sub(range.len() as u32);
        self.text.replace_range(range, new);
        for entry in &mut self.entries[from..] {
            entry.key.shift(distance);
            entry.value.shift(distance);
        }
    }

    fn append(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start..self.text.len())
    }

    /// Switches to the scattered layout if there are many entries, or if the text would be long with `bytes` more
    /// bytes.
    fn scatter_if_large(&mut self, bytes: usize) -> Option<&mut Scattered> {
        if self.scattered.is_none() && (self.entries.len() > FEW || self.text.len() + bytes >= LONG_TEXT) {
            let json_len = self.entries.iter().map(Entry::json_len).sum();
            self.scattered = Some(Scattered { json_len, removed: 0 });
        }
        self.scattered.as_mut()
    }

    /// Replaces the text of scattered entries by the object's JSON text, if that is at most half as long.
    fn gather_if_sparse(&mut self) {
        let Some(scattered) = self.scattered.filter(|_| self.text.len() / 2 >= self.json_len()) else { return };
        self.text = self.gathered();
        self.scattered = None;
        if scattered.removed > 0 {
            self.entries.retain(|entry| entry.is_live());
            self.entries.shrink_to_fit();
            self.index = OnceLock::new();
        }
        let mut end = 0;
        for entry in &mut self.entries {
            // The key follows a brace or comma and a quote; the value follows a quote and a colon.
            entry.key = Span::new(end + 2..end + 2 + entry.key.len());
            let start = entry.key.range().end + 2;
            entry.value = Span::new(start..start + entry.value.len());
            end = start + entry.value.len();
        }
    }
}
