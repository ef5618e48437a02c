//! Writes JSON text as MessagePack, without recursion.

use super::Problem;
use crate::json::{Token, Tokens};

/// Returns the MessagePack of a JSON text that was [validated](session_core::SessionMap::validate).
///
/// # Errors
///
/// [`Problem`] if an integer has more than 64 bits, or a text is not Unicode.
pub(crate) fn write(json: &str) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::with_capacity(json.len());
    // The places of the open containers, each with the number of its values so far.
    let mut open: Vec<(usize, u32)> = Vec::new();
    for token in Tokens::of(json) {
        let token = token.ok_or(Problem::Malformed)?;
        if !matches!(token, Token::EndObject | Token::EndArray)
            && let Some((_, values)) = open.last_mut()
        {
            *values += 1;
        }
        match token {
            Token::Object | Token::Array => {
                open.push((out.len(), 0));
                // The longest form of a length, because the length is not known before the end.
                out.extend([if token == Token::Object { 0xdf } else { 0xdd }, 0, 0, 0, 0]);
            }
            Token::EndObject | Token::EndArray => {
                let (start, values) = open.pop().ok_or(Problem::Malformed)?;
                let len = if out[start] == 0xdf { values / 2 } else { values };
                out[start + 1..start + 5].copy_from_slice(&len.to_be_bytes());
            }
            Token::Text(text) => {
                let len = u32::try_from(text.len()).map_err(|_| Problem::Limit("4 GiB of text"))?;
                match (u8::try_from(len), u16::try_from(len)) {
                    (Ok(len @ 0..=31), _) => out.push(0xa0 | len),
                    (Ok(len), _) => out.extend([0xd9, len]),
                    (_, Ok(len)) => {
                        out.push(0xda);
                        out.extend(len.to_be_bytes());
                    }
                    _ => {
                        out.push(0xdb);
                        out.extend(len.to_be_bytes());
                    }
                }
                out.extend(text.as_bytes());
            }
            Token::Number(number) => push_number(number, &mut out)?,
            Token::Bool(value) => out.push(0xc2 + u8::from(value)),
            Token::Null => out.push(0xc0),
        }
    }
    Ok(out)
}

/// Appends an integer, or a float if the text has a point or an exponent.
fn push_number(text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    if text.contains(['.', 'e', 'E']) {
        let value: f64 = text.parse().map_err(|_| Problem::Malformed)?;
        if !value.is_finite() {
            return Err(Problem::Number);
        }
        out.push(0xcb);
        out.extend(value.to_be_bytes());
        return Ok(());
    }
    if let Ok(value @ -32..=127) = text.parse::<i8>() {
        out.extend(value.to_be_bytes());
    } else if let Ok(value) = text.parse::<i64>() {
        out.push(0xd3);
        out.extend(value.to_be_bytes());
    } else {
        let value: u64 = text.parse().map_err(|_| Problem::Number)?;
        out.push(0xcf);
        out.extend(value.to_be_bytes());
    }
    Ok(())
}
