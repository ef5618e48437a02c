//! The JSON text of a session, with an entry of its framework.

use session_core::SessionMap;

/// Returns the JSON text of a session, with this entry before all others.
pub(crate) fn with_first(entry: &str, session: SessionMap) -> String {
    let rest = session.into_json();
    let rest = rest.trim_start().strip_prefix('{').unwrap_or_default();
    let separator = if rest.trim_start().starts_with('}') { "" } else { "," };
    ["{", entry, separator, rest].concat()
}
