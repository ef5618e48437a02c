//! Between Rust values and the JSON text of a map's values.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ValueError;
use super::finite::is_finite;

/// The JSON text of a value that is to be stored under `key`.
pub(crate) fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<String, ValueError> {
    let json = serde_json::to_string(value).map_err(|_| ValueError::Encode { key: key.into() })?;
    // serde_json writes null for NaN and the infinities.
    if json.contains("null") && !is_finite(value) {
        return Err(ValueError::NotFinite { key: key.into() });
    }
    Ok(json)
}

/// Reads the text of the value of `key`.
pub(crate) fn decode<T: DeserializeOwned>(key: &str, raw: &str) -> Result<T, ValueError> {
    serde_json::from_str(raw).map_err(|error| ValueError::Decode {
        key: key.into(),
        expected: std::any::type_name::<T>(),
        problem: match error.classify() {
            serde_json::error::Category::Data => "another type",
            _ => "not JSON",
        },
        column: error.column(),
    })
}
