//! The text of keys: the escapes in it, and how a map writes it.

/// The form of a key in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Without escapes.
    Plain,
    /// With escapes.
    Escaped,
    /// With a lone surrogate. Python may write such keys, and Rust's strings can't hold them.
    Unreadable,
}

/// Returns the form of a key that contains a backslash, or `None` if one of its escapes is invalid.
pub(super) fn form_of_escaped(key: &[u8]) -> Option<Form> {
    let key = std::str::from_utf8(key).ok().filter(|_| valid_escapes(key))?;
    Some(if decoded(key).all(|character| character.is_some()) { Form::Escaped } else { Form::Unreadable })
}

fn valid_escapes(key: &[u8]) -> bool {
    let mut rest = key;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let used = match rest.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return false,
        };
        rest = &rest[at + used..];
    }
    true
}

/// Decodes a key with valid escapes. A lone surrogate becomes U+FFFD.
pub(super) fn unescape(key: &str) -> String {
    decoded(key).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Returns `true` if a key with valid escapes decodes to this text.
// Allocates nothing, and stops at the first difference.
pub(super) fn unescapes_to(key: &str, text: &str) -> bool {
    decoded(key).eq(text.chars().map(Some))
}

/// Returns the characters of a key with valid escapes; `None` for a lone surrogate.
fn decoded(key: &str) -> impl Iterator<Item = Option<char>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (character, used) = match rest.chars().next()? {
            '\\' => first_escape(rest.as_bytes()),
            itself => (Some(itself), itself.len_utf8()),
        };
        rest = &rest[used..];
        Some(character)
    })
}

/// Decodes the escape that a text begins with. Returns its character and its length in bytes.
fn first_escape(text: &[u8]) -> (Option<char>, usize) {
    let simple = match text[1] {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let units = [unit(text), text.get(6..).map_or(0, unit)];
            let character = char::decode_utf16(units).next().and_then(Result::ok);
            return (character, 6 * character.map_or(1, char::len_utf16));
        }
        itself => char::from(itself),
    };
    (Some(simple), 2)
}

/// Returns the code unit of the `\uXXXX` that a text begins with, and 0 for any other text.
fn unit(text: &[u8]) -> u16 {
    let digits = text.get(..6).and_then(|escape| escape.strip_prefix(b"\\u"));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

/// Appends a key as it is written between quotes. Returns its form there.
pub(super) fn push_escaped(out: &mut String, key: &str) -> Form {
    let before = out.len();
    for character in key.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let hex = |digit: u32| char::from(b"0123456789abcdef"[digit as usize]);
                out.push_str("\\u00");
                out.extend([u32::from(control) / 16, u32::from(control) % 16].map(hex));
            }
            other => out.push(other),
        }
    }
    if out.len() - before == key.len() { Form::Plain } else { Form::Escaped }
}
