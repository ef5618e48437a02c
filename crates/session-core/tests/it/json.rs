//! Random JSON, written in random ways.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A JSON text as it is written, without white space between tokens, and with the members of objects sorted besides.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) written: String,
    pub(crate) compact: String,
    pub(crate) sorted: String,
    /// The key of a member of an object, and empty for other values.
    key: String,
}

impl Text {
    pub(crate) fn token(token: impl Into<String>) -> Self {
        let written = token.into();
        Self { compact: written.clone(), sorted: written.clone(), written, key: String::new() }
    }

    fn enclosed(open: &str, parts: &[(String, Self, String)], close: &str) -> Self {
        let written: Vec<_> =
            parts.iter().map(|(before, part, after)| [&**before, &part.written, after].concat()).collect();
        let compact: Vec<_> = parts.iter().map(|(_, part, _)| &*part.compact).collect();
        let mut sorted: Vec<_> = parts.iter().map(|(_, part, _)| (&part.key, &*part.sorted)).collect();
        sorted.sort_by_key(|(key, _)| *key);
        let sorted: Vec<_> = sorted.into_iter().map(|(_, part)| part).collect();
        let [written, compact, sorted] =
            [written.join(","), compact.join(","), sorted.join(",")].map(|parts| format!("{open}{parts}{close}"));
        Self { written, compact, sorted, key: String::new() }
    }

    fn named(key: &str, space: &str, value: &Self) -> Self {
        Self {
            written: format!("{key}{space}:{space}{}", value.written),
            compact: format!("{key}:{}", value.compact),
            sorted: format!("{key}:{}", value.sorted),
            key: key.to_owned(),
        }
    }
}

fn white_space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

/// A string, and a way to write it.
pub(crate) fn string() -> impl Strategy<Value = (String, String)> + Clone {
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
    object_of((string(), value()), 0..6)
}

/// An object as [`object`] makes it, of many members, with keys of [`numbered`].
pub(crate) fn large_object() -> impl Strategy<Value = (Vec<(String, Text)>, String)> {
    let value = select(vec!["0", "10", "[]"]).prop_map(Text::token);
    object_of((numbered(), value), 20..120)
}

/// One of a hundred keys, and a way to write it.
pub(crate) fn numbered() -> impl Strategy<Value = (String, String)> + Clone {
    (0..100, 0_usize..3).prop_map(|(number, style)| {
        let key = format!("{number} \n");
        let written: String = key.chars().map(|character| write(character, style)).collect();
        (key, format!("\"{written}\""))
    })
}

fn object_of(
    member: impl Strategy<Value = ((String, String), Text)>,
    count: Range<usize>,
) -> impl Strategy<Value = (Vec<(String, Text)>, String)> {
    let member = (member, white_space())
        .prop_map(|(((key, written), value), space)| ((key, value.clone()), Text::named(&written, &space, &value)));
    (vec((white_space(), member, white_space()), count), white_space()).prop_map(|(members, around)| {
        let rows = members.iter().map(|(_, (row, _), _)| row.clone()).collect();
        let parts: Vec<_> = members.into_iter().map(|(before, (_, text), after)| (before, text, after)).collect();
        (rows, [&*around, &Text::enclosed("{", &parts, "}").written, &around].concat())
    })
}
