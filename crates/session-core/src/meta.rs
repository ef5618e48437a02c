//! The library's own record in a session, under a reserved key of its map.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::config::Lifetimes;
use crate::map::{SessionMap, ValueError, decode, encode};
use crate::user::sign_in::SignIn;

/// The reserved key. Accessors hide it, and Python keeps it unchanged.
pub(crate) const META_KEY: &str = "__session";

/// The number of seconds by which the clocks of servers may differ.
const CLOCK_DIFFERENCE: u64 = 60;

/// The record. It is written only if a feature needs it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The time when the session was first written, or when its user signed in, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<u64>,
    /// The session's own lifetime without use, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u64>,
    /// The session's own end, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
    /// The session's cookie ends with the browser.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) browser: bool,
    /// The data that another framework keeps in the stored session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign: Option<ForeignRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Box<SignIn>>,
}

/// A part of the record that a request has changed. The request's data has its new value.
#[derive(PartialEq, Eq)]
pub(crate) enum RecordChange {
    /// A user signs in, which restarts the record.
    SignIn,
    /// The user is removed.
    NoUser,
    Lifetime,
    /// The user's label of this name.
    Label(Box<str>),
}

/// Returns `true` if a session holds no data and no user.
#[inline]
pub(crate) fn is_emptied(map: &SessionMap) -> bool {
    map.is_empty_but_for(META_KEY) && has_no_user(map)
}

#[cold]
fn has_no_user(map: &SessionMap) -> bool {
    Meta::of(map).user.is_none()
}

/// The JSON text of another framework's data.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ForeignRecord(Box<RawValue>);

impl ForeignRecord {
    pub(crate) fn parse(json: &str) -> Result<Self, ValueError> {
        decode(META_KEY, json).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for ForeignRecord {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ForeignRecord {}

/// Prints nothing, because the record is session data.
impl std::fmt::Debug for Meta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meta(..)")
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Meta {
    /// Returns the record of a map. An unreadable record counts as none.
    #[inline]
    pub(crate) fn of(map: &SessionMap) -> Self {
        map.raw_json(META_KEY).map_or_else(Self::default, Self::parse)
    }

    fn parse(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Writes the record. Returns `true` if that changed the map.
    pub(crate) fn write(&self, map: &mut SessionMap) -> Result<bool, ValueError> {
        if *self == Self::default() {
            Ok(map.remove(META_KEY))
        } else {
            map.insert_json(META_KEY, &encode(META_KEY, self)?)
        }
    }

    /// Makes a change on the record, with the new value of `local`.
    pub(crate) fn replay(&mut self, change: &RecordChange, local: &Self) {
        match change {
            RecordChange::SignIn => *self = Self { foreign: self.foreign.take(), ..local.clone() },
            RecordChange::NoUser => self.user = local.user.clone(),
            RecordChange::Lifetime => {
                (self.max_age, self.until, self.browser) = (local.max_age, local.until, local.browser);
            }
            // Another request may have cleared the session, its user included.
            RecordChange::Label(name) => {
                if let (Some(user), Some(changed)) = (&mut self.user, &local.user)
                    && let Some(label) = changed.labels.get(name)
                {
                    user.labels.insert(name.clone(), label.clone());
                }
            }
        }
    }

    /// Returns `true` if the session has a lifetime of its own.
    pub(crate) fn has_lifetime(&self) -> bool {
        self.max_age.is_some() || self.until.is_some() || self.browser
    }

    /// Returns `true` if the cookie has no `Max-Age`.
    pub(crate) fn ends_with_browser(&self, lifetimes: Lifetimes) -> bool {
        if self.has_lifetime() { self.browser } else { lifetimes.browser }
    }

    /// Returns the time for which the session may go unused, in seconds.
    pub(crate) fn idle(&self, lifetimes: Lifetimes) -> u64 {
        let default = if self.until.is_some() { lifetimes.longest } else { lifetimes.idle };
        self.max_age.unwrap_or(default).min(lifetimes.longest)
    }

    /// Returns the number of seconds for which a cookie that is issued now is valid; zero if the session is over.
    pub(crate) fn remaining(&self, lifetimes: Lifetimes, now: impl FnOnce() -> u64) -> u64 {
        let idle = self.idle(lifetimes);
        if lifetimes.absolute.is_none() && self.until.is_none() {
            return idle;
        }
        let now = now();
        let idle = self.until.map_or(idle, |until| idle.min(until.saturating_sub(now)));
        let Some(absolute) = lifetimes.absolute else { return idle };
        let Some(created) = self.created else { return idle.min(absolute) };
        if created > now.saturating_add(CLOCK_DIFFERENCE) {
            // A creation time in the future would make a session that never ends.
            return 0;
        }
        idle.min(created.saturating_add(absolute).saturating_sub(now))
    }
}
