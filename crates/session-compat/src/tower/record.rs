//! The record that tower-sessions stores: an id, a map, and the time when it expires.

use time::{Date, OffsetDateTime, Time, UtcOffset};

use crate::msgpack::{self, Problem};

/// The names of the parts, if a record is a map instead of an array.
const NAMES: [&[u8]; 3] = [b"\xa2id", b"\xa4data", b"\xabexpiry_date"];

/// An array of three.
const ARRAY: u8 = 0x93;
/// A map of three.
const MAP: u8 = 0x83;
/// Sixteen bytes.
const ID: &[u8] = b"\xc4\x10";
/// An array of nine numbers in short form.
const TIME: u8 = 0x99;

pub(super) struct Record {
    /// The least significant byte first, as in the id's text.
    pub(super) id: [u8; 16],
    pub(super) json: String,
    /// In Unix seconds.
    pub(super) expires: i64,
}

pub(super) fn read(bytes: &[u8]) -> Result<Record, Problem> {
    let (named, rest) = match bytes.split_first() {
        Some((&ARRAY, rest)) => (false, rest),
        Some((&MAP, rest)) => (true, rest),
        Some(_) => return Err(Problem::Shape("a record")),
        None => return Err(Problem::Truncated),
    };
    let part = |rest, name| if named { strip(rest, NAMES[name]) } else { Ok(rest) };
    let rest = strip(part(rest, 0)?, ID)?;
    let (id, rest) = rest.split_first_chunk::<16>().ok_or(Problem::Truncated)?;
    let (json, rest) = msgpack::read_first(part(rest, 1)?)?;
    if !json.starts_with('{') {
        return Err(Problem::Shape("a map in the record"));
    }
    let (time, rest) = msgpack::read_first(part(rest, 2)?)?;
    if !rest.is_empty() {
        return Err(Problem::Trailing);
    }
    let mut id = *id;
    id.reverse();
    let parts: [i64; 9] = serde_json::from_str(&time).map_err(|_| Problem::Malformed)?;
    Ok(Record { id, json, expires: unix_seconds(parts).ok_or(Problem::Malformed)? })
}

fn strip<'a>(rest: &'a [u8], start: &[u8]) -> Result<&'a [u8], Problem> {
    rest.strip_prefix(start).ok_or(Problem::Malformed)
}

/// Returns the Unix time of a year, a day of it, a time of day to the nanosecond, and an offset in hours, minutes and seconds.
fn unix_seconds([year, day, hour, minute, second, _, hours, minutes, seconds]: [i64; 9]) -> Option<i64> {
    let date = Date::from_ordinal_date(year.try_into().ok()?, day.try_into().ok()?).ok()?;
    let time = Time::from_hms(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?).ok()?;
    let offset =
        UtcOffset::from_hms(hours.try_into().ok()?, minutes.try_into().ok()?, seconds.try_into().ok()?).ok()?;
    Some(date.with_time(time).assume_offset(offset).unix_timestamp())
}

/// Writes a record of a JSON text that was [validated](session_core::SessionMap::validate).
pub(super) fn write(mut id: [u8; 16], json: &str, expires: i64) -> Result<Vec<u8>, Problem> {
    let expires = OffsetDateTime::from_unix_timestamp(expires).map_err(|_| Problem::Number)?;
    id.reverse();
    let mut out = Vec::with_capacity(json.len() + 64);
    out.push(ARRAY);
    out.extend(ID);
    out.extend(id);
    out.extend(msgpack::write(json)?);
    let (hour, minute, second) = expires.to_hms();
    let (hour, minute, second) = (hour.into(), minute.into(), second.into());
    out.push(TIME);
    for part in [expires.year(), expires.ordinal().into(), hour, minute, second, 0, 0, 0, 0] {
        out.extend(msgpack::write(&part.to_string())?);
    }
    Ok(out)
}
