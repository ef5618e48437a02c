//! Reads MessagePack as JSON text, without recursion. It allocates in proportion to the data.

use std::fmt::Write;

use super::Problem;

/// The deepest nesting: a session's values may be nested as deep as [`SessionMap`](session_core::SessionMap) reads them.
const MAX_DEPTH: usize = session_core::SessionMap::MAX_DEPTH + 1;

/// A container that is not complete yet.
struct Open {
    map: bool,
    /// The number of values that are still missing. Each entry of a map has two.
    missing: u64,
    first: bool,
}

/// Reads the JSON text of the first value, and returns it with the rest of the data.
///
/// # Errors
///
/// [`Problem`] if the value is damaged or nested too deeply, or if it contains a value that JSON can't represent
/// exactly.
pub(crate) fn read_first(bytes: &[u8]) -> Result<(String, &[u8]), Problem> {
    let mut reader = Reader { bytes, out: String::with_capacity(bytes.len() * 2), open: Vec::new() };
    let [marker] = reader.array()?;
    reader.value(marker)?;
    while let Some(container) = reader.open.last_mut() {
        let Open { map, missing, first } = container;
        if *missing == 0 {
            reader.out.push(if *map { '}' } else { ']' });
            reader.open.pop();
            continue;
        }
        let is_key = *map && *missing % 2 == 0;
        match (*first, *map && !is_key) {
            (true, _) => {}
            (false, true) => reader.out.push(':'),
            (false, false) => reader.out.push(','),
        }
        (*missing, *first) = (*missing - 1, false);
        let [marker] = reader.array()?;
        if is_key && !matches!(marker, 0xa0..=0xbf | 0xd9..=0xdb) {
            return Err(Problem::Type("map with keys other than str"));
        }
        reader.value(marker)?;
    }
    Ok((reader.out, reader.bytes))
}

struct Reader<'a> {
    /// The bytes that are not read yet.
    bytes: &'a [u8],
    out: String,
    open: Vec<Open>,
}

impl Reader<'_> {
    fn value(&mut self, marker: u8) -> Result<(), Problem> {
        match marker {
            0x00..=0x7f => self.push(marker),
            0xe0..=0xff => self.push(marker as i8),
            0xc0 => self.push("null"),
            0xc2 => self.push("false"),
            0xc3 => self.push("true"),
            0xcc..=0xcf => {
                let value = self.unsigned(1 << (marker - 0xcc))?;
                self.push(value)
            }
            0xd0..=0xd3 => {
                let bytes = 1 << (marker - 0xd0);
                // Shifting up and down again fills the missing bytes with the sign.
                let lacking = u64::BITS - 8 * bytes;
                let value = (self.unsigned(bytes as usize)? << lacking).cast_signed() >> lacking;
                self.push(value)
            }
            0xcb => {
                let value = f64::from_be_bytes(self.array()?);
                if !value.is_finite() {
                    return Err(Problem::Type("float (NaN or infinity)"));
                }
                // With a point or an exponent, so that it is written as a float again.
                self.push(serde_json::to_string(&value).map_err(|_| Problem::Malformed)?)
            }
            0xa0..=0xbf => self.text((marker & 0x1f).into()),
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (marker - 0xd9))?;
                self.text(len)
            }
            0x90..=0x9f => self.begin(false, (marker & 0x0f).into()),
            0xdc | 0xdd => {
                let len = self.unsigned(2 << (marker - 0xdc))?;
                self.begin(false, len)
            }
            0x80..=0x8f => self.begin(true, (marker & 0x0f).into()),
            0xde | 0xdf => {
                let len = self.unsigned(2 << (marker - 0xde))?;
                self.begin(true, len)
            }
            0xc4..=0xc6 => Err(Problem::Type("bytes")),
            0xca => Err(Problem::Type("float of 32 bits")),
            0xc7..=0xc9 | 0xd4..=0xd8 => Err(Problem::Type("extension (such as a datetime)")),
            0xc1 => Err(Problem::Malformed),
        }
    }

    fn begin(&mut self, map: bool, len: u64) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::Limit("128 levels"));
        }
        self.out.push(if map { '{' } else { '[' });
        self.open.push(Open { map, missing: if map { 2 * len } else { len }, first: true });
        Ok(())
    }

    fn text(&mut self, len: u64) -> Result<(), Problem> {
        let len = usize::try_from(len).map_err(|_| Problem::Truncated)?;
        let (text, rest) = self.bytes.split_at_checked(len).ok_or(Problem::Truncated)?;
        self.bytes = rest;
        let text = std::str::from_utf8(text).map_err(|_| Problem::Malformed)?;
        self.push(serde_json::to_string(text).map_err(|_| Problem::Malformed)?)
    }

    fn push(&mut self, value: impl std::fmt::Display) -> Result<(), Problem> {
        write!(self.out, "{value}").map_err(|_| Problem::Malformed)
    }

    /// Reads a big-endian number of `len` bytes.
    fn unsigned(&mut self, len: usize) -> Result<u64, Problem> {
        let (bytes, rest) = self.bytes.split_at_checked(len).ok_or(Problem::Truncated)?;
        self.bytes = rest;
        Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (bytes, rest) = self.bytes.split_first_chunk().ok_or(Problem::Truncated)?;
        self.bytes = rest;
        Ok(*bytes)
    }
}
