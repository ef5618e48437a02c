//! What the library itself remembers of a session, under a reserved key of its map.

use serde::{Deserialize, Serialize};

use crate::SessionMap;
use crate::config::Lifetimes;
use crate::map::ValueError;

/// The key that the library keeps for itself. Hidden from every accessor; Python carries it along.
pub(crate) const META_KEY: &str = "__session";

/// By how many seconds the clocks of servers may differ.
const CLOCK_DIFFERENCE: u64 = 60;

/// Written only when a feature needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// When the session was first written or last renewed, in Unix seconds; for the absolute lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<u64>,
    /// A lifetime of its own, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u64>,
}

impl Meta {
    /// What a map says; nothing, if that can't be read.
    pub(crate) fn of(map: &SessionMap) -> Self {
        map.get(META_KEY).ok().flatten().unwrap_or_default()
    }

    pub(crate) fn write(self, map: &mut SessionMap) -> Result<bool, ValueError> {
        map.insert(META_KEY, self)
    }

    /// How long the session may go unused, in seconds.
    pub(crate) fn idle(self, lifetimes: Lifetimes) -> u64 {
        self.max_age.unwrap_or(lifetimes.idle).min(lifetimes.longest)
    }

    /// For how many seconds from now a cookie that is issued now is good; zero when the session's time is over.
    pub(crate) fn remaining(self, lifetimes: Lifetimes, now: impl FnOnce() -> u64) -> u64 {
        let idle = self.idle(lifetimes);
        let Some(absolute) = lifetimes.absolute else { return idle };
        let Some(created) = self.created else { return idle.min(absolute) };
        let now = now();
        if created > now.saturating_add(CLOCK_DIFFERENCE) {
            // Nobody creates sessions in the future: somebody wants one that never ends.
            return 0;
        }
        idle.min(created.saturating_add(absolute).saturating_sub(now))
    }
}
