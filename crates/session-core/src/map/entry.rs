//! An entry of a map, as ranges of the map's text.

use std::borrow::Cow;
use std::ops::Range;

use super::key::{self, Form};

#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// The span between the quotes.
    pub(super) key: Span,
    /// The form of the key, or `None` for a removed entry, which keeps its position so that others keep theirs.
    pub(super) form: Option<Form>,
    pub(super) value: Span,
}

impl Entry {
    pub(super) fn is_live(&self) -> bool {
        self.form.is_some()
    }

    /// Returns `true` if the entry has this key.
    #[inline]
    pub(super) fn is(&self, key: &str, text: &str) -> bool {
        if self.form == Some(Form::Plain) {
            self.key.len() == key.len() && self.key.bytes_of(text) == key.as_bytes()
        } else {
            self.unescapes_to(key, text)
        }
    }

    #[cold]
    fn unescapes_to(&self, key: &str, text: &str) -> bool {
        self.form == Some(Form::Escaped) && key::unescapes_to(self.key.of(text), key)
    }

    /// Returns `true` if the entry has this name.
    pub(super) fn has(&self, name: &Name<'_>, text: &str) -> bool {
        match name {
            Name::Readable(key) => self.is(key, text),
            Name::Unreadable(raw) => self.form == Some(Form::Unreadable) && self.key.of(text) == *raw,
        }
    }

    pub(super) fn name<'a>(&self, text: &'a str) -> Name<'a> {
        match self.form {
            Some(Form::Unreadable) => Name::Unreadable(self.key.of(text)),
            _ => Name::Readable(self.decoded_key(text)),
        }
    }

    /// Returns the key. A lone surrogate becomes U+FFFD.
    pub(super) fn decoded_key<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let raw = self.key.of(text);
        if self.form == Some(Form::Plain) { Cow::Borrowed(raw) } else { Cow::Owned(key::unescape(raw)) }
    }

    /// Returns the length of the entry in a JSON text without white space, including two quotes, a colon and a comma.
    pub(super) fn json_len(&self) -> u32 {
        (self.key.len() + self.value.len() + 4) as u32
    }
}

/// The part of a key by which keys are compared.
pub(super) enum Name<'a> {
    /// The decoded key.
    Readable(Cow<'a, str>),
    /// The text of a key that can't be decoded.
    Unreadable(&'a str),
}

/// A range of the text.
// Half the size of a `Range<usize>`, because a map of many keys is mostly spans.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Makes the span of a range of a text of at most `SessionMap::MAX_BYTES`.
    pub(super) fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.range()]
    }

    /// Returns the bytes of the span, without checking that it begins and ends at character boundaries.
    fn bytes_of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.range()]
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Returns a span with the same start and this length.
    pub(super) fn of_len(self, len: usize) -> Self {
        Self { end: self.start + len as u32, ..self }
    }

    /// Moves the span by a distance; negative distances are in two's complement.
    pub(super) fn shift(&mut self, distance: u32) {
        self.start = self.start.wrapping_add(distance);
        self.end = self.end.wrapping_add(distance);
    }
}
