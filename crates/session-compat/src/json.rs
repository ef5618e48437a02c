//! Splits a JSON text into tokens.

use std::borrow::Cow;

/// A token of a JSON text. Keys are texts too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Object,
    Array,
    EndObject,
    EndArray,
    Text(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
    Null,
}

/// Iterates over the tokens of a JSON text that was [validated](session_core::SessionMap::validate). A string with a
/// lone surrogate yields `None` and ends the iteration.
pub(crate) struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    pub(crate) fn of(json: &'a str) -> Self {
        Self(json)
    }

    fn token(&self) -> Option<(Token<'a>, usize)> {
        let rest = self.0;
        Some(match rest.as_bytes().first()? {
            b'{' => (Token::Object, 1),
            b'[' => (Token::Array, 1),
            b'}' => (Token::EndObject, 1),
            b']' => (Token::EndArray, 1),
            b'"' => {
                let len = string_len(rest)?;
                (Token::Text(unescaped(&rest[..len])?), len)
            }
            b't' => (Token::Bool(true), "true".len()),
            b'f' => (Token::Bool(false), "false".len()),
            b'n' => (Token::Null, "null".len()),
            b'-' | b'0'..=b'9' => {
                let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let number = &rest[..end.unwrap_or(rest.len())];
                (Token::Number(number), number.len())
            }
            _ => return None,
        })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Option<Token<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.trim_start_matches([',', ':', ' ', '\t', '\r', '\n']);
        if self.0.is_empty() {
            return None;
        }
        let token = self.token().and_then(|(token, len)| Some((token, self.0.get(len..)?)));
        self.0 = token.as_ref().map_or("", |(_, rest)| rest);
        Some(token.map(|(token, _)| token))
    }
}

/// Returns the length of the string at the start, with its quotes.
fn string_len(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| end + 2)
}

fn unescaped(string: &str) -> Option<Cow<'_, str>> {
    if string.contains('\\') {
        serde_json::from_str(string).map(Cow::Owned).ok()
    } else {
        Some(Cow::Borrowed(&string[1..string.len() - 1]))
    }
}
