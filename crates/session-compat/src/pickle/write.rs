//! Writes a session as a pickle that Python 3.4 and later can load.

use session_core::SessionMap;

use super::error::{PickleError, Problem};
use super::integer::twos_complement;
use crate::json::{Token, Tokens};

/// Returns the pickle of a session, in protocol 4.
///
/// # Errors
///
/// [`PickleError`] if a value is not JSON, or Python can't hold a number exactly.
pub(crate) fn write(session: &SessionMap) -> Result<Vec<u8>, PickleError> {
    let mut out = vec![0x80, 4, b'}', b'('];
    for (key, json) in session.iter() {
        let failed = |problem| PickleError { problem, offset: 0, key: Some((*key).to_owned()) };
        push_text(&key, &mut out).map_err(failed)?;
        push_value(json, &mut out).map_err(failed)?;
    }
    out.extend(b"u.");
    Ok(out)
}

/// Appends the operations of a JSON text that was [validated](SessionMap::validate), without recursion.
fn push_value(json: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    for token in Tokens::of(json) {
        match token.ok_or(Problem::Type("str with lone surrogates"))? {
            Token::Object => out.extend(b"}("),
            Token::Array => out.extend(b"]("),
            Token::EndObject => out.push(b'u'),
            Token::EndArray => out.push(b'e'),
            Token::Text(text) => push_text(&text, out)?,
            Token::Number(number) => push_number(number, out)?,
            Token::Bool(value) => out.push(if value { 0x88 } else { 0x89 }),
            Token::Null => out.push(b'N'),
        }
    }
    Ok(())
}

fn push_text(text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    match (u8::try_from(text.len()), u32::try_from(text.len())) {
        (Ok(len), _) => out.extend([0x8c, len]),
        (_, Ok(len)) => {
            out.push(b'X');
            out.extend(len.to_le_bytes());
        }
        _ => return Err(Problem::Limit("4 GiB of text")),
    }
    out.extend(text.as_bytes());
    Ok(())
}

/// Appends an integer, or a float if the text has a point or an exponent, which is also how Python's JSON reader
/// distinguishes them.
fn push_number(text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    if text.contains(['.', 'e', 'E']) {
        let value: f64 = text.parse().map_err(|_| Problem::Malformed)?;
        if !value.is_finite() {
            return Err(Problem::Number);
        }
        out.push(b'G');
        out.extend(value.to_be_bytes());
        return Ok(());
    }
    if let Ok(value) = text.parse::<i32>() {
        match (u8::try_from(value), u16::try_from(value)) {
            (Ok(value), _) => out.extend([b'K', value]),
            (_, Ok(value)) => {
                out.push(b'M');
                out.extend(value.to_le_bytes());
            }
            _ => {
                out.push(b'J');
                out.extend(value.to_le_bytes());
            }
        }
        return Ok(());
    }
    let bytes = twos_complement(text).ok_or(Problem::Number)?;
    out.extend([0x8a, u8::try_from(bytes.len()).map_err(|_| Problem::Number)?]);
    out.extend(bytes);
    Ok(())
}
