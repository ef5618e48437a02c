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
pub(super) fn object(text: &[u8], entry: impl FnMut(Range<usize>, Form, Range<usize>)) -> Result<(), usize> {
    match entries(text, entry) {
        Ok([]) => Ok(()),
        Ok(rest) | Err(rest) => Err(text.len() - rest.len()),
    }
}

/// What is left of a text behind something, or from the first byte on that doesn't fit.
type Rest<'a> = Result<&'a [u8], &'a [u8]>;

fn entries(text: &[u8], mut entry: impl FnMut(Range<usize>, Form, Range<usize>)) -> Rest<'_> {
    let at = |rest: &[u8]| text.len() - rest.len();
    let mut rest = white_space(expect(b'{', white_space(text))?);
    if let [b'}', rest @ ..] = rest {
        return Ok(white_space(rest));
    }
    loop {
        let key = expect(b'"', rest)?;
        let (behind_key, form) = match string(key)? {
            (behind, PLAIN) => (behind, Form::Plain),
            (behind, has) => (behind, form_of_special(&key[..key.len() - behind.len() - 1], has).ok_or(rest)?),
        };
        let value = white_space(expect(b':', white_space(behind_key))?);
        let behind = self::value(value)?;
        entry(at(key)..at(behind_key) - 1, form, at(value)..at(behind));
        rest = match white_space(behind) {
            [b',', rest @ ..] => white_space(rest),
            rest => return expect(b'}', rest).map(white_space),
        }
    }
}

fn expect(byte: u8, text: &[u8]) -> Rest<'_> {
    match text {
        [first, rest @ ..] if *first == byte => Ok(rest),
        _ => Err(text),
    }
}

fn skip(text: &[u8], what: impl Fn(u8) -> bool) -> &[u8] {
    &text[text.iter().take_while(|&&byte| what(byte)).count()..]
}

fn white_space(text: &[u8]) -> &[u8] {
    // Most often there is none, which the first comparison tells.
    skip(text, |byte| byte <= b' ' && is_white_space(byte))
}

/// What a string contains.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Has {
    escapes: bool,
    controls: bool,
}

const PLAIN: Has = Has { escapes: false, controls: false };

/// Passes over the rest of a string, from behind its first quote on.
#[inline]
fn string(text: &[u8]) -> Result<(&[u8], Has), &[u8]> {
    match from_special(text) {
        [b'"', rest @ ..] => Ok((rest, PLAIN)),
        rest => special_string(rest),
    }
}

/// The same for a string with something in it, or without an end.
#[cold]
fn special_string(text: &[u8]) -> Result<(&[u8], Has), &[u8]> {
    let (mut rest, mut has) = (text, PLAIN);
    while let [byte, behind @ ..] = from_special(rest) {
        rest = behind;
        match byte {
            b'"' => return Ok((rest, has)),
            b'\\' => {
                has.escapes = true;
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => has.controls = true,
        }
    }
    Err(&[])
}

/// A key must be a string that can be decoded.
#[cold]
fn form_of_special(key: &[u8], has: Has) -> Option<Form> {
    (!has.controls && valid_escapes(key)).then(|| form_of_escaped(key))
}

#[inline]
fn value(text: &[u8]) -> Rest<'_> {
    match text {
        [b'"', rest @ ..] => string(rest).map(|(rest, _)| rest),
        [b'{' | b'[', ..] => nested(text),
        _ => match skip(text, is_bare) {
            rest if rest.len() == text.len() => Err(rest),
            rest => Ok(rest),
        },
    }
}

/// Passes over an array or object, however deep.
fn nested(text: &[u8]) -> Rest<'_> {
    let (mut rest, mut closers) = (text, SmallVec::<[u8; 32]>::new());
    loop {
        rest = skip(rest, |byte| !NESTING[usize::from(byte)]);
        let [byte, behind @ ..] = rest else { return Err(rest) };
        match byte {
            b'"' => {
                (rest, _) = string(behind)?;
                continue;
            }
            b'{' => closers.push(b'}'),
            b'[' => closers.push(b']'),
            closer if closers.pop() != Some(*closer) => return Err(rest),
            _ if closers.is_empty() => return Ok(behind),
            _ => {}
        }
        rest = behind;
    }
}

/// A text from its first quote, backslash or control character on.
fn from_special(mut text: &[u8]) -> &[u8] {
    while let Some((word, rest)) = text.split_first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return &text[special.trailing_zeros() as usize / 8..];
        }
        text = rest;
    }
    while let [byte, rest @ ..] = text
        && !matches!(byte, ..b' ' | b'"' | b'\\')
    {
        text = rest;
    }
    text
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
