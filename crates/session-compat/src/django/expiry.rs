//! The lifetime that Django keeps in a session.

use session_core::format::StoredRecord;
use session_core::{SessionMap, ValueError};

/// The key of a lifetime in seconds. Zero stands for a session that ends with the browser.
const KEY: &str = "_session_expiry";

/// Turns Django's lifetime into that of the session. Leaves one in another form, such as a date, as it is.
pub(super) fn from_expiry(session: &mut SessionMap) -> Result<(), ValueError> {
    let Some(seconds) = session.raw_json(KEY).and_then(|json| json.parse::<u64>().ok()) else { return Ok(()) };
    session.remove(KEY);
    let mut record = StoredRecord::detach(session);
    (record.max_age, record.browser) = (Some(seconds).filter(|&seconds| seconds > 0), seconds == 0);
    record.attach(session)
}

/// Writes a lifetime that the session has of its own as Django does.
pub(super) fn to_expiry(session: &mut SessionMap) -> Result<(), ValueError> {
    let mut record = StoredRecord::detach(session);
    let seconds = if record.browser { Some(0) } else { record.max_age };
    if let Some(seconds) = seconds {
        session.insert(KEY, seconds)?;
        // Django has no lifetime for the store that is not the cookie's.
        (record.max_age, record.browser) = (None, false);
    }
    record.attach(session)
}
