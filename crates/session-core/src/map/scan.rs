//! Finds the entries of a JSON object without reading its values.
//!
//! Strict about the frame (RFC 8259: keys, separators, strings that end, brackets that match), so that entries can be
//! cut out and put together again; indifferent to what values say, so that one unreadable value harms only its reader.

use std::ops::Range;

use smallvec::SmallVec;

/// How a key stands in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// With escapes.
    Escaped,
    /// With a lone surrogate: Python may write such keys, and Rust's strings can't hold them.
    Unreadable,
}

/// Calls `entry(key, form, value)` for each entry of the object, with the ranges of the key's text between its quotes and
/// of the value's text.
///
/// Returns the offset of the first byte that doesn't fit.
pub(super) fn object(text: &[u8], mut entry: impl FnMut(Range<usize>, Form, Range<usize>)) -> Result<(), usize> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.white_space();
    scanner.expect(b'{')?;
    scanner.white_space();
    if scanner.peek() == Some(b'}') {
        scanner.at += 1;
    } else {
        loop {
            let (key, form) = scanner.key()?;
            scanner.white_space();
            scanner.expect(b':')?;
            scanner.white_space();
            let value = scanner.value()?;
            entry(key, form, value);
            scanner.white_space();
            match scanner.peek() {
                Some(b',') => scanner.at += 1,
                Some(b'}') => break scanner.at += 1,
                _ => return Err(scanner.at),
            }
            scanner.white_space();
        }
    }
    scanner.white_space();
    if scanner.at == text.len() { Ok(()) } else { Err(scanner.at) }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), usize> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.at)
        }
    }

    fn white_space(&mut self) {
        // Most often there is none, which the first comparison tells.
        while self.peek().is_some_and(|byte| byte <= b' ' && is_white_space(byte)) {
            self.at += 1;
        }
    }

    /// A key must be a string that can be decoded.
    fn key(&mut self) -> Result<(Range<usize>, Form), usize> {
        let start = self.at;
        self.expect(b'"')?;
        let has = self.string()?;
        let range = start + 1..self.at - 1;
        let key = &self.text[range.clone()];
        if has.controls || (has.escapes && !valid_escapes(key)) {
            return Err(start);
        }
        Ok((range, if has.escapes { form_of_escaped(key) } else { Form::Plain }))
    }

    /// Passes over the rest of a string, from behind its first quote on.
    fn string(&mut self) -> Result<Has, usize> {
        let mut has = Has::default();
        loop {
            self.at = special_at(self.text, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    has.escapes = true;
                    self.at += 2;
                }
                Some(_) => {
                    has.controls = true;
                    self.at += 1;
                }
                None => return Err(self.text.len()),
            }
        }
        self.at += 1;
        Ok(has)
    }

    fn value(&mut self) -> Result<Range<usize>, usize> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()?;
            }
            Some(b'{' | b'[') => self.nested()?,
            _ => self.skip(is_bare),
        }
        if self.at == start { Err(start) } else { Ok(start..self.at) }
    }

    /// Passes over an array or object, however deep.
    fn nested(&mut self) -> Result<(), usize> {
        let mut closers: SmallVec<[u8; 32]> = SmallVec::new();
        loop {
            self.skip(|byte| !NESTING[usize::from(byte)]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                    continue;
                }
                Some(b'{') => closers.push(b'}'),
                Some(b'[') => closers.push(b']'),
                Some(closer) if closers.pop() != Some(closer) => return Err(self.at),
                Some(_) => {}
                None => return Err(self.at),
            }
            self.at += 1;
            if closers.is_empty() {
                return Ok(());
            }
        }
    }

    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        self.at += self.text[self.at..].iter().take_while(|&&byte| what(byte)).count();
    }
}

/// What a string contains.
#[derive(Clone, Copy, Default)]
struct Has {
    escapes: bool,
    controls: bool,
}

/// Where the next quote, backslash or control character is, from a position on.
fn special_at(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += word.len();
    }
    while text.get(at).is_some_and(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Sets the highest bit of the first byte that is a quote, a backslash or a control character, and perhaps of later ones:
/// <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>.
fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // Borrows from the highest bit, unless that was set: then the byte is none of these.
    let less = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than));
    let is = |byte: u8| less(word ^ (EACH * u64::from(byte)), 1);
    // Flipping a bit puts the quote right behind the control characters.
    const FLIP: u8 = b'"' ^ b' ';
    (less(word ^ (EACH * u64::from(FLIP)), b' ' + 1) | is(b'\\')) & !word & (EACH << 7)
}

/// What tells where an array or object ends.
static NESTING: [bool; 256] = {
    let mut table = [false; 256];
    let mut bytes: &[u8] = b"\"{}[]";
    while let [byte, rest @ ..] = bytes {
        table[*byte as usize] = true;
        bytes = rest;
    }
    table
};

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn valid_escapes(key: &[u8]) -> bool {
    let mut rest = key;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let used = match rest.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return false,
        };
        rest = &rest[at + used..];
    }
    true
}

/// The form of a key with valid escapes.
fn form_of_escaped(key: &[u8]) -> Form {
    let mut rest = key;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let used = match unescape_unicode(&rest[at..]) {
            Some((Some(_), used)) => used,
            Some((None, _)) => return Form::Unreadable,
            None => 2,
        };
        rest = &rest[at + used..];
    }
    Form::Escaped
}

/// Decodes a key whose escapes are valid. A lone surrogate becomes U+FFFD.
pub(super) fn unescape(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut rest = key;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let used = match unescape_unicode(&rest.as_bytes()[at..]) {
            Some((character, used)) => {
                out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                used
            }
            None => {
                out.push(match rest.as_bytes()[at + 1] {
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    itself => itself as char,
                });
                2
            }
        };
        rest = &rest[at + used..];
    }
    out.push_str(rest);
    out
}

/// The character that a `\uXXXX`, or a pair of them, stands for, none if it is a lone surrogate, and how many bytes it
/// takes; none if it is another escape.
fn unescape_unicode(text: &[u8]) -> Option<(Option<char>, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let units = [unit(0)?, unit(6).unwrap_or(0)];
    let character = char::decode_utf16(units).next()?.ok();
    Some((character, 6 * character.map_or(1, char::len_utf16)))
}

/// Appends a key as it stands between quotes; returns in which form.
pub(super) fn push_escaped(out: &mut String, key: &str) -> Form {
    let before = out.len();
    for character in key.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    if out.len() - before == key.len() { Form::Plain } else { Form::Escaped }
}

/// Whether two JSON texts differ in nothing but white space between tokens.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    let spaced = |text: &str| text.bytes().any(is_white_space);
    one == other || ((spaced(one) || spaced(other)) && tokens(one).eq(tokens(other)))
}

/// The bytes of a JSON text, without white space outside of strings, but for a space where that parts two numbers or words.
fn tokens(text: &str) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    let (mut after_bare, mut parted) = (false, false);
    text.bytes()
        .flat_map(move |byte| {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = byte == b'\\' && !escaped;
                return [None, Some(byte)];
            }
            if is_white_space(byte) {
                parted = true;
                return [None, None];
            }
            let space = (parted && after_bare && is_bare(byte)).then_some(b' ');
            (in_string, after_bare, parted) = (byte == b'"', is_bare(byte), false);
            [space, Some(byte)]
        })
        .flatten()
}

/// Whether a byte is part of a number or word.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
