//! The serde traits of a map, for maps inside other data.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::SessionMap;

/// Writes an object, with the JSON text of each value unchanged. Works with serde_json's serializers only.
///
/// Serializing fails for Python's `NaN` and `Infinity`, which are not JSON.
///
/// ```
/// use session_core::SessionMap;
///
/// let map = SessionMap::from_json(r#"{"n": 1.50}"#)?;
/// assert_eq!(serde_json::to_string(&[map])?, r#"[{"n":1.50}]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Serialize for SessionMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.len()))?;
        for (key, json) in self {
            let value: &RawValue = serde_json::from_str(json).map_err(S::Error::custom)?;
            object.serialize_entry(&*key, value)?;
        }
        object.end()
    }
}

/// Reads an object, with the JSON text of each value unchanged. Works with serde_json's deserializers only.
impl<'de> Deserialize<'de> for SessionMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = SessionMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<SessionMap, A::Error> {
        let mut map = SessionMap::new();
        while let Some((key, value)) = object.next_entry::<String, Box<RawValue>>()? {
            map.insert_json(&key, value.get()).map_err(A::Error::custom)?;
        }
        Ok(map)
    }
}
