//! The part of a stored session that is hidden from handlers.

use crate::map::{SessionMap, ValueError};
use crate::meta::{ForeignRecord, META_KEY, Meta};

/// The library's hidden record of a stored session, which a [codec](crate::SessionCodec) can read and write.
///
/// The record is in the session's map under a reserved key, which handlers can neither see nor change. It keeps the
/// data of the framework that shares the session, and follows the session through changes, renewals and `clear`.
///
/// ```
/// use session_core::SessionMap;
/// use session_core::format::StoredRecord;
///
/// // When a codec decodes:
/// let mut map = SessionMap::from_json(r#"{"user":"ann"}"#)?;
/// let mut record = StoredRecord::default();
/// record.max_age = Some(60);
/// record.set_foreign(r#"{"path":"/"}"#)?;
/// record.attach(&mut map)?;
/// // When it encodes:
/// let record = StoredRecord::detach(&mut map);
/// assert_eq!((record.max_age, record.foreign()), (Some(60), Some(r#"{"path":"/"}"#)));
/// assert_eq!(map.as_json(), r#"{"user":"ann"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// The session's own lifetime without use, in seconds. `None` for the configured one.
    pub max_age: Option<u64>,
    /// `true` if the session's cookie ends with the browser, no matter what the configuration says.
    pub browser: bool,
    rest: Meta,
}

impl StoredRecord {
    /// Removes the record from a map and returns it; the default if the map has none.
    #[must_use]
    pub fn detach(map: &mut SessionMap) -> Self {
        let mut rest = Meta::of(map);
        map.remove(META_KEY);
        Self { max_age: rest.max_age.take(), browser: std::mem::take(&mut rest.browser), rest }
    }

    /// Puts the record into a map, in place of an existing one.
    ///
    /// # Errors
    ///
    /// [`ValueError::TooLong`] if the map would grow beyond [`SessionMap::MAX_BYTES`].
    pub fn attach(self, map: &mut SessionMap) -> Result<(), ValueError> {
        Meta { max_age: self.max_age, browser: self.browser, ..self.rest }.write(map).map(drop)
    }

    /// Returns the JSON text of the framework's own data.
    #[must_use]
    pub fn foreign(&self) -> Option<&str> {
        self.rest.foreign.as_ref().map(ForeignRecord::as_str)
    }

    /// Sets the framework's own data, the text of one JSON value.
    ///
    /// # Errors
    ///
    /// [`ValueError::Decode`] if the text is not JSON.
    pub fn set_foreign(&mut self, json: &str) -> Result<(), ValueError> {
        self.rest.foreign = Some(ForeignRecord::parse(json)?);
        Ok(())
    }

    /// Removes the framework's own data, and returns its JSON text.
    pub fn take_foreign(&mut self) -> Option<String> {
        self.rest.foreign.take().map(|foreign| foreign.as_str().to_owned())
    }

    /// Returns `true` if the record holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
