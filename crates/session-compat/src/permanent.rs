//! The mark of a permanent session of Flask, which becomes the session's own lifetime in Rust.

use std::time::Duration;

use session_core::format::StoredRecord;
use session_core::{SessionMap, ValueError};

use crate::entry::with_first;

/// The default of Flask's `PERMANENT_SESSION_LIFETIME`.
pub(crate) const LIFETIME: Duration = Duration::from_secs(31 * 24 * 3600);

const KEY: &str = "_permanent";

/// Converts the mark into a lifetime of this many seconds. Returns `true` if the session had the mark.
pub(crate) fn from_permanent(session: &mut SessionMap, lifetime: u64) -> Result<bool, ValueError> {
    if session.raw_json(KEY) != Some("true") {
        return Ok(false);
    }
    session.remove(KEY);
    let mut record = StoredRecord::detach(session);
    (record.max_age, record.browser) = (record.max_age.or(Some(lifetime)), false);
    record.attach(session)?;
    Ok(true)
}

/// Returns the JSON text of a session, with the mark if it has its own lifetime or if sessions are permanent by
/// default. A lifetime other than Flask's is kept.
pub(crate) fn to_permanent(session: &SessionMap, lifetime: u64, by_default: bool) -> Result<String, ValueError> {
    let mut session = session.clone();
    let mut record = StoredRecord::detach(&mut session);
    let permanent = (by_default || record.max_age.is_some()) && !record.browser;
    record.max_age = record.max_age.filter(|&seconds| seconds != lifetime);
    record.browser &= !by_default;
    record.attach(&mut session)?;
    if !permanent {
        return Ok(session.into_json());
    }
    session.remove(KEY);
    Ok(with_first("\"_permanent\":true", session))
}
