//! The lifetime that Django keeps in a session.

use session_core::format::StoredRecord;
use session_core::{SessionMap, ValueError};

/// The key of a lifetime in seconds. Zero stands for a session that ends with the browser.
const KEY: &str = "_session_expiry";

/// Converts Django's lifetime into the session's own. Leaves a lifetime in another form, such as a date, unchanged.
pub(super) fn from_expiry(session: &mut SessionMap) -> Result<(), ValueError> {
    let Some(seconds) = session.raw_json(KEY).and_then(|json| json.parse::<u64>().ok()) else { return Ok(()) };
    session.remove(KEY);
    let mut record = StoredRecord::detach(session);
    (record.max_age, record.browser) = (Some(seconds).filter(|&seconds| seconds > 0), seconds == 0);
    record.attach(session)
}

/// Writes the session's own lifetime in Django's form.
pub(super) fn to_expiry(session: &mut SessionMap) -> Result<(), ValueError> {
    let mut record = StoredRecord::detach(session);
    let seconds = if record.browser { Some(0) } else { record.max_age };
    if let Some(seconds) = seconds {
        session.insert(KEY, seconds)?;
        // Django has one lifetime for both the store and the cookie.
        (record.max_age, record.browser) = (None, false);
    }
    record.attach(session)
}
