//! Finds the entries of a JSON object without reading its values.
//!
//! The scan is strict about structure (RFC 8259: keys, separators, terminated strings, matching brackets), because
//! entries are cut out and put together again. It accepts any values, because an unreadable value fails only when it is
//! read.

use std::ops::Range;

use smallvec::SmallVec;

use super::key::{Form, form_of_escaped};

/// Calls `entry(key, form, value)` for each entry of the object. The ranges are those of the key's text between its quotes
/// and of the value's text.
///
/// # Errors
///
/// The offset of the first byte that doesn't fit, if the text is not one JSON object.
pub(super) fn object(text: &[u8], entry: impl FnMut(Range<usize>, Form, Range<usize>)) -> Result<(), usize> {
    match entries(text, entry) {
        Ok([]) => Ok(()),
        Ok(rest) | Err(rest) => Err(text.len() - rest.len()),
    }
}

/// The rest of a text after a part; as an error, the text from the first byte that doesn't fit.
pub(super) type Rest<'a> = Result<&'a [u8], &'a [u8]>;

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

pub(super) fn expect(byte: u8, text: &[u8]) -> Rest<'_> {
    match text {
        [first, rest @ ..] if *first == byte => Ok(rest),
        _ => Err(text),
    }
}

fn skip(text: &[u8], skipped: impl Fn(u8) -> bool) -> &[u8] {
    &text[text.iter().take_while(|&&byte| skipped(byte)).count()..]
}

pub(super) fn white_space(text: &[u8]) -> &[u8] {
    // Usually there is none, and the first comparison tells so.
    skip(text, |byte| byte <= b' ' && is_white_space(byte))
}

/// The special bytes that a string contains.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Has {
    escapes: bool,
    controls: bool,
}

const PLAIN: Has = Has { escapes: false, controls: false };

/// Skips the rest of a string, after its first quote.
#[inline]
pub(super) fn string(text: &[u8]) -> Result<(&[u8], Has), &[u8]> {
    match from_special(text) {
        [b'"', rest @ ..] => Ok((rest, PLAIN)),
        rest => special_string(rest),
    }
}

/// Skips the rest of a string that contains special bytes or does not end.
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

/// Returns the form of a key with special bytes, or `None` if it can't be decoded.
#[cold]
fn form_of_special(key: &[u8], has: Has) -> Option<Form> {
    if has.controls { None } else { form_of_escaped(key) }
}

#[inline]
fn value(text: &[u8]) -> Rest<'_> {
    match text {
        [b'"', rest @ ..] => string(rest).map(|(rest, _)| rest),
        [b'{' | b'[', ..] => nested(text),
        _ => bare(text),
    }
}

/// Skips a number or word.
pub(super) fn bare(text: &[u8]) -> Rest<'_> {
    match skip(text, is_bare) {
        rest if rest.len() == text.len() => Err(rest),
        rest => Ok(rest),
    }
}

/// Skips an array or object of any depth.
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

/// Returns the depth to which arrays and objects are nested in the text of a value.
pub(super) fn depth(text: &[u8]) -> usize {
    let (mut rest, mut depth, mut deepest) = (text, 0_usize, 0);
    loop {
        rest = skip(rest, |byte| !NESTING[usize::from(byte)]);
        let [byte, behind @ ..] = rest else { return deepest };
        rest = behind;
        match byte {
            b'"' => rest = string(behind).map_or(&[], |(behind, _)| behind),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            _ => depth = depth.saturating_sub(1),
        }
    }
}

/// Returns a text from its first quote, backslash or control character on.
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

/// Sets the highest bit of the first byte that is a quote, a backslash or a control character, and perhaps of later bytes.
///
/// See <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>.
fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // The subtraction borrows from the highest bit. If that bit was set, the byte is not one of these.
    let less = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than));
    let is = |byte: u8| less(word ^ (EACH * u64::from(byte)), 1);
    // Flipping this bit moves the quote right after the control characters.
    const FLIP: u8 = b'"' ^ b' ';
    (less(word ^ (EACH * u64::from(FLIP)), b' ' + 1) | is(b'\\')) & !word & (EACH << 7)
}

/// The bytes that matter for finding the end of an array or object.
static NESTING: [bool; 256] = {
    let mut table = [false; 256];
    let mut bytes: &[u8] = b"\"{}[]";
    while let [byte, rest @ ..] = bytes {
        table[*byte as usize] = true;
        bytes = rest;
    }
    table
};

pub(super) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Returns `true` if a byte is part of a number or word.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
