//! Durations for people.

use std::time::Duration;

/// Returns a duration in its two largest units.
pub(crate) fn short(seconds: u64) -> String {
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
