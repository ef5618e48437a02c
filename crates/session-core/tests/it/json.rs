//! Random JSON, however it is written.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A JSON text as it is written, and without white space between tokens.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) written: String,
    pub(crate) compact: String,
}

impl Text {
    pub(crate) fn token(token: impl Into<String>) -> Self {
        let written = token.into();
        Self { compact: written.clone(), written }
    }

    fn enclosed(open: &str, parts: &[(String, Self, String)], close: &str) -> Self {
        let written: Vec<_> =
            parts.iter().map(|(before, part, after)| [&**before, &part.written, after].concat()).collect();
        let compact: Vec<_> = parts.iter().map(|(_, part, _)| &*part.compact).collect();
        Self {
            written: format!("{open}{}{close}", written.join(",")),
            compact: format!("{open}{}{close}", compact.join(",")),
        }
    }

    fn named(key: &str, space: &str, value: &Self) -> Self {
        Self { written: format!("{key}{space}:{space}{}", value.written), compact: format!("{key}:{}", value.compact) }
    }
}

fn white_space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

/// A string, and one of the ways to write it.
pub(crate) fn string() -> impl Strategy<Value = (String, String)> {
    let few = select(vec!["", "a", "b", "a b", "\"", "é😀", "\n\\"]).prop_map(str::to_owned);
    let content = prop_oneof![4 => few, 1 => ".{0,3}", 1 => any::<String>()];
    content.prop_flat_map(|content| {
        let count = content.chars().count();
        (Just(content), vec(0_usize..3, count)).prop_map(|(content, styles)| {
            let written: String =
                content.chars().zip(styles).map(|(character, style)| write(character, style)).collect();
            (content, format!("\"{written}\""))
        })
    })
}

fn write(character: char, style: usize) -> String {
    let short = match character {
        '"' | '\\' | '/' => Some(character),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    };
    match (style, short) {
        (0, None | Some('/')) if character >= ' ' => character.to_string(),
        (1, Some(letter)) => format!("\\{letter}"),
        _ => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    }
}

pub(crate) fn value() -> impl Strategy<Value = Text> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?";
    let leaf = prop_oneof![
        2 => select(vec!["null", "true", "1", "1.0"]).prop_map(Text::token),
        1 => number.prop_map(Text::token),
        1 => string().prop_map(|(_, written)| Text::token(written)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let element = (white_space(), inner.clone(), white_space());
        let member =
            (string(), white_space(), inner).prop_map(|((_, key), space, value)| Text::named(&key, &space, &value));
        prop_oneof![
            vec(element, 0..3).prop_map(|parts| Text::enclosed("[", &parts, "]")),
            vec((white_space(), member, white_space()), 0..3).prop_map(|parts| Text::enclosed("{", &parts, "}")),
        ]
    })
}

/// The keys and values of an object in order, some of them more than once, and the object's text.
pub(crate) fn object() -> impl Strategy<Value = (Vec<(String, Text)>, String)> {
    let member = (string(), white_space(), value())
        .prop_map(|((key, written), space, value)| ((key, value.clone()), Text::named(&written, &space, &value)));
    (vec((white_space(), member, white_space()), 0..6), white_space()).prop_map(|(members, around)| {
        let rows = members.iter().map(|(_, (row, _), _)| row.clone()).collect();
        let parts: Vec<_> = members.into_iter().map(|(before, (_, text), after)| (before, text, after)).collect();
        (rows, [&*around, &Text::enclosed("{", &parts, "}").written, &around].concat())
    })
}
