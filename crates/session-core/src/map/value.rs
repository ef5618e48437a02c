//! The conversion between Rust values and the JSON text of a map's values.

use std::ops::Deref;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use smallvec::SmallVec;

use super::finite::is_finite;
use super::scan::depth;
use super::{SessionMap, ValueError};

/// A JSON text, without an allocation if it is short.
pub(crate) struct JsonText(SmallVec<[u8; 64]>);

impl Deref for JsonText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("serde_json writes UTF-8")
    }
}

/// Writes the JSON text of a value that is to be stored under `key`.
///
/// # Errors
///
/// If the value can't be written as JSON, or could not be read back.
pub(crate) fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<JsonText, ValueError> {
    let mut json = JsonText(SmallVec::new());
    serde_json::to_writer(&mut json.0, value).map_err(|_| ValueError::Encode { key: key.into() })?;
    // serde_json writes null for NaN and the infinities.
    if memchr::memmem::find(&json.0, b"null").is_some() && !is_finite(value) {
        return Err(ValueError::NotFinite { key: key.into() });
    }
    if is_too_deep(&json.0) {
        return Err(ValueError::TooDeep { key: key.into() });
    }
    Ok(json)
}

/// Reads the text of the value of `key`.
///
/// # Errors
///
/// If the text is not JSON, not a `T`, or too deep.
pub(crate) fn decode<T: DeserializeOwned>(key: &str, raw: &str) -> Result<T, ValueError> {
    serde_json::from_str(raw).map_err(|error| ValueError::Decode {
        key: key.into(),
        expected: std::any::type_name::<T>(),
        problem: match error.classify() {
            serde_json::error::Category::Data => "another type",
            _ if is_too_deep(raw.as_bytes()) => TOO_DEEP,
            _ => "not JSON",
        },
        column: error.column(),
    })
}

/// Checks that the text of the value of `key` can be read, as some type.
pub(super) fn validate(key: &str, raw: &str) -> Result<(), ValueError> {
    decode::<IgnoredAny>(key, raw)?;
    if is_too_deep(raw.as_bytes()) {
        return Err(ValueError::TooDeep { key: key.into() });
    }
    Ok(())
}

const TOO_DEEP: &str = "nested too deeply";

/// Returns `true` if the text of a value is nested deeper than serde_json reads.
fn is_too_deep(json: &[u8]) -> bool {
    // Counting brackets, even those in strings, is fast, and hardly any value has this many.
    let brackets = |json: &[u8]| json.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    json.len() > 2 * SessionMap::MAX_DEPTH
        && brackets(json) > SessionMap::MAX_DEPTH
        && depth(json) > SessionMap::MAX_DEPTH
}
