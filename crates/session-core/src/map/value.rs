//! Between Rust values and the JSON text of a map's values.

use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;
use smallvec::SmallVec;

use super::ValueError;
use super::finite::is_finite;

/// JSON text, without an allocation if it is short.
pub(crate) struct JsonText(SmallVec<[u8; 64]>);

impl Deref for JsonText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("serde_json writes UTF-8")
    }
}

/// The JSON text of a value that is to be stored under `key`.
pub(crate) fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<JsonText, ValueError> {
    let mut json = JsonText(SmallVec::new());
    serde_json::to_writer(&mut json.0, value).map_err(|_| ValueError::Encode { key: key.into() })?;
    // serde_json writes null for NaN and the infinities.
    if memchr::memmem::find(&json.0, b"null").is_some() && !is_finite(value) {
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
