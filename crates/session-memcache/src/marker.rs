//! The marker of a removed session in its stored form, the tombstone.
//!
//! The tombstone takes the place of the session's value, so that one compare-and-set removes the session and leaves the
//! marker.
//!
//! A tombstone is the JSON number zero, with an exponent that holds the marker. It can't be a session, because no
//! session is a number. starlette-session treats every value that is false in Python as a missing session. Different
//! client flags would make it respond with 500.

use session_core::Marker;

/// The start of every tombstone: `0e` and "session" in decimal. No codec's value may begin like this.
const START: &[u8] = b"0e115101115115105111110";

const DESTROYED: u8 = b'1';
const RENEWED: u8 = b'2';

/// Returns the tombstone of a marker, after a prefix that means a missing session to readers of another format.
pub(crate) fn encode(marker: &Marker, prefix: &[u8]) -> Vec<u8> {
    let mut value = [prefix, START].concat();
    match marker {
        Marker::Destroyed => value.push(DESTROYED),
        Marker::Renewed { successor } => {
            value.push(RENEWED);
            for byte in successor.bytes() {
                value.extend([byte / 100, byte / 10 % 10, byte % 10].map(|digit| b'0' + digit));
            }
        }
    }
    value
}

/// Returns the marker of a value that is a tombstone.
pub(crate) fn decode(value: &[u8], prefix: &[u8]) -> Option<Marker> {
    let (&kind, digits) = value.strip_prefix(prefix)?.strip_prefix(START)?.split_first()?;
    match kind {
        DESTROYED if digits.is_empty() => Some(Marker::Destroyed),
        RENEWED => {
            let bytes: Option<Vec<u8>> = digits.chunks(3).map(byte).collect();
            let successor = String::from_utf8(bytes?).ok()?;
            Some(Marker::Renewed { successor: successor.into() })
        }
        _ => None,
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    let whole = digits.len() == 3 && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| whole)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(successor: &str) -> Marker {
        Marker::Renewed { successor: successor.into() }
    }

    #[test]
    fn markers_survive_as_values() {
        let longest = "~!".repeat(125);
        for marker in [Marker::Destroyed, renewed("session:0A-z_"), renewed(&longest)] {
            assert_eq!(decode(&encode(&marker, b""), b""), Some(marker));
        }
    }

    #[test]
    fn a_tombstone_is_a_json_number_that_is_zero() {
        for marker in [Marker::Destroyed, renewed("session:abc")] {
            let value = String::from_utf8(encode(&marker, b"")).unwrap();
            assert_eq!(serde_json::from_str::<f64>(&value).unwrap(), 0.0, "{value}");
        }
    }

    #[test]
    fn sessions_and_damaged_tombstones_are_no_markers() {
        let start = std::str::from_utf8(START).unwrap();
        for value in ["", "{}", "0", "0e1", start] {
            assert_eq!(decode(value.as_bytes(), b""), None);
        }
        for rest in ["3", "11", "21", "2300", "2-01", "2+01", "2 01", "2255"] {
            assert_eq!(decode(format!("{start}{rest}").as_bytes(), b""), None, "{rest}");
        }
    }
}
