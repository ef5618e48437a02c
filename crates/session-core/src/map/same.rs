//! The comparison of JSON values as texts.

use super::scan::{is_bare, is_white_space};

/// Tells if two JSON texts differ in nothing but white space between tokens.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    let spaced = |text: &str| text.bytes().any(is_white_space);
    one == other || ((spaced(one) || spaced(other)) && tokens(one).eq(tokens(other)))
}

/// Returns the bytes of a JSON text without white space outside of strings. A space that parts two numbers or words stays.
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
