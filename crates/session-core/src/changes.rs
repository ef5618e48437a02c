//! The changes that a request made to its session, so that they can be replayed on a newer version.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use crate::error::SessionError;
use crate::map::{JsonText, SessionMap, ValueError, same_json};
use crate::meta::{Meta, RecordChange};
use crate::text::ShortStr;

/// Computes the new JSON text of a key from its current one. `None` removes the key.
pub(crate) type UpdateFn = Box<dyn FnMut(&str, Option<&str>) -> Result<Option<JsonText>, ReplayError> + Send>;

/// Computes the new data from the current data.
pub(crate) type UpdateAllFn = Box<dyn FnMut(&mut SessionMap) -> Result<(), ReplayError> + Send>;

/// A key of the session map. Most keys fit in without an allocation.
type Key = ShortStr<16>;

/// One change of the session's data.
pub(crate) enum Change {
    /// The key has the value that it has in the request's data.
    Set(Key),
    Remove(Key),
    /// The key is removed and its value was handed out: on a replay the stored value must still be that one.
    Take(Key, Box<str>),
    Update(Key, UpdateFn),
    /// A barrier: the closure sees all keys. Earlier changes of the log are replayed before it runs, with the values in
    /// [`UpdateAll::before`].
    UpdateAll(Box<UpdateAll>),
    /// All keys are removed. The library's record stays.
    Clear,
    /// Changes of the record touch no other key, so they have no place in the order of the others.
    Record(RecordChange),
    /// A later change made this one pointless.
    Dropped,
}

/// An update of the whole map.
pub(crate) struct UpdateAll {
    /// The request's data before the update, which holds the values that earlier changes set.
    pub(crate) before: SessionMap,
    pub(crate) update: UpdateAllFn,
}

/// The reason why changes can't be replayed.
#[derive(Debug)]
pub(crate) enum ReplayError {
    /// Another request took or changed the one-time value of this key.
    Taken(Box<str>),
    /// The closure of an update refused the current value of this key.
    Refused(Box<str>),
    /// An update got a value that it can't read, or made one that can't be written.
    Value(ValueError),
}

/// The changes of one session since it was loaded or last persisted, in order, compacted per key.
///
/// A change without an effect is kept too, such as the insertion of an equal value, because it may have an effect when
/// it is replayed. Such changes alone need no write.
#[derive(Default)]
pub(crate) struct ChangeLog {
    changes: SmallVec<[Change; 2]>,
    record: Vec<RecordChange>,
    /// The positions of the changes of each key after the last barrier, once there are many.
    index: Option<Box<Index>>,
    dropped: usize,
    /// The data was cleared after the last barrier.
    cleared: bool,
    effective: bool,
}

/// The positions of the changes of each key. Most keys have one.
type Index = HashMap<Box<str>, SmallVec<[usize; 1]>>;

/// The number of changes from which they are indexed.
const MANY: usize = 64;

impl ChangeLog {
    /// Returns `true` if the log holds no change at all, effective or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.record.is_empty()
    }

    /// Drops all changes.
    pub(crate) fn clear(&mut self) {
        self.changes.clear();
        self.record.clear();
        (self.index, self.dropped, self.cleared, self.effective) = (None, 0, false, false);
    }

    /// Returns `true` if the changes have altered the data and must be written.
    pub(crate) fn is_effective(&self) -> bool {
        self.effective
    }

    /// Returns `true` if making the changes twice equals making them once.
    pub(crate) fn is_idempotent(&self) -> bool {
        !self
            .changes
            .iter()
            .any(|change| matches!(change, Change::Update(..) | Change::UpdateAll(_) | Change::Take(..)))
    }

    /// Returns `true` if a one-time value was handed out.
    pub(crate) fn takes(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Take(..)))
    }

    /// Returns `true` if a user signs in.
    pub(crate) fn signs_in(&self) -> bool {
        self.record.contains(&RecordChange::SignIn)
    }

    /// Returns `true` if the changes add no data.
    pub(crate) fn only_removes(&self) -> bool {
        self.changes.iter().all(|change| matches!(change, Change::Remove(_) | Change::Clear | Change::Dropped))
            && self.record.iter().all(|change| *change == RecordChange::NoUser)
    }

    /// Adds a change, and drops earlier changes that it makes pointless. `effective` is `true` if the change altered
    /// the data.
    ///
    /// A take is never dropped, nor are the updates whose outcome it handed out.
    pub(crate) fn push(&mut self, change: Change, effective: bool) {
        self.effective |= effective;
        let change = match change {
            Change::Update(key, _) if self.decides(&key) => Change::Set(key),
            Change::Take(key, _) if self.decides(&key) => Change::Remove(key),
            Change::Record(change) => {
                if !self.record.contains(&change) {
                    self.record.push(change);
                }
                return;
            }
            other => other,
        };
        match &change {
            Change::Set(key) | Change::Remove(key) => self.drop_changes_of(key),
            Change::Clear => self.drop_all(),
            _ => {}
        }
        if let (Some(index), Some(key)) = (&mut self.index, change.key()) {
            match index.get_mut(key) {
                Some(positions) => positions.push(self.changes.len()),
                None => drop(index.insert(key.into(), SmallVec::from_buf([self.changes.len()]))),
            }
        }
        match &change {
            Change::Clear => self.cleared = true,
            Change::UpdateAll(_) => (self.cleared, self.index) = (false, None),
            _ => {}
        }
        self.changes.push(change);
        if self.index.is_none() && self.changes.len() >= MANY {
            self.make_index();
        }
    }

    /// Adds the changes that were made after these.
    pub(crate) fn append(&mut self, later: Self) {
        let effective = later.effective;
        for change in later.changes.into_iter().chain(later.record.into_iter().map(Change::Record)) {
            self.push(change, effective);
        }
    }

    /// Replays the changes on `map`. `local` is the request's data, which holds the values that were set.
    pub(crate) fn replay(&mut self, map: &mut SessionMap, local: &SessionMap) -> Result<(), ReplayError> {
        let mut rest = &mut self.changes[..];
        while let Some(barrier) = rest.iter().position(|change| matches!(change, Change::UpdateAll(_))) {
            let (before, after) = rest.split_at_mut(barrier);
            let (barrier, after) = after.split_first_mut().expect("the barrier is there");
            if let Change::UpdateAll(all) = barrier {
                replay_keys(before, map, &all.before)?;
                (all.update)(map)?;
            }
            rest = after;
        }
        replay_keys(rest, map, local)?;
        if !self.record.is_empty() {
            let (mut record, local) = (Meta::of(map), Meta::of(local));
            self.record.iter().for_each(|change| record.replay(change, &local));
            record.write(map).map_err(ReplayError::Value)?;
        }
        Ok(())
    }

    /// Returns `true` if the key's value follows from these changes alone, whatever the store holds.
    fn decides(&self, key: &str) -> bool {
        match self.last_of(key) {
            Some(at) => !matches!(self.changes[at], Change::Update(..)),
            None => self.cleared,
        }
    }

    /// Drops the changes of a key, except its last take and the changes that led to it.
    fn drop_changes_of(&mut self, key: &str) {
        while let Some(at) = self.last_of(key) {
            if matches!(self.changes[at], Change::Take(..)) {
                break;
            }
            self.changes[at] = Change::Dropped;
            self.dropped += 1;
            if let Some(positions) = self.index.as_mut().and_then(|index| index.get_mut(key)) {
                positions.pop();
            }
        }
        if self.dropped > 0 && (self.index.is_none() || self.dropped > self.changes.len() / 2) {
            self.compact();
        }
    }

    /// Drops all changes, except takes and the changes that led to them.
    fn drop_all(&mut self) {
        if self.changes.iter().any(|change| matches!(change, Change::UpdateAll(_))) && self.takes() {
            return;
        }
        let taken: HashSet<Box<str>> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Take(key, _) => Some((**key).into()),
                _ => None,
            })
            .collect();
        self.changes.retain(|change| match change {
            Change::Take(..) => true,
            Change::Update(updated, _) => taken.contains(&**updated),
            _ => false,
        });
        self.reindex();
    }

    fn compact(&mut self) {
        self.changes.retain(|change| !matches!(change, Change::Dropped));
        self.reindex();
    }

    fn reindex(&mut self) {
        self.dropped = 0;
        self.index = None;
        if self.changes.len() >= MANY {
            self.make_index();
        }
    }

    fn make_index(&mut self) {
        let mut index = Index::new();
        let start = self.changes.len() - self.after_barrier().len();
        for (at, change) in self.changes.iter().enumerate().skip(start) {
            if let Some(key) = change.key() {
                index.entry(key.into()).or_default().push(at);
            }
        }
        self.index = Some(Box::new(index));
    }

    /// Returns the position of a key's last change after the last barrier.
    fn last_of(&self, key: &str) -> Option<usize> {
        if let Some(index) = &self.index {
            return index.get(key)?.last().copied();
        }
        let after_barrier = self.changes.iter().rev().take_while(|change| !matches!(change, Change::UpdateAll(_)));
        let back = after_barrier.map(Change::key).position(|changed| changed == Some(key))?;
        Some(self.changes.len() - 1 - back)
    }

    /// Returns the changes after the last update of the whole map.
    fn after_barrier(&self) -> &[Change] {
        let barrier = self.changes.iter().rposition(|change| matches!(change, Change::UpdateAll(_)));
        &self.changes[barrier.map_or(0, |at| at + 1)..]
    }
}

fn replay_keys(changes: &mut [Change], map: &mut SessionMap, local: &SessionMap) -> Result<(), ReplayError> {
    for change in changes {
        match change {
            Change::Set(key) => {
                if let Some(json) = local.raw_json(key) {
                    map.insert_json(key, json).map_err(ReplayError::Value)?;
                }
            }
            Change::Remove(key) => {
                map.remove(key);
            }
            Change::Take(key, observed) => {
                if !map.raw_json(key).is_some_and(|current| same_json(current, observed)) {
                    return Err(ReplayError::Taken((**key).into()));
                }
                map.remove(key);
            }
            Change::Update(key, update) => match update(key, map.raw_json(key))? {
                Some(json) => drop(map.insert_json(key, &json).map_err(ReplayError::Value)?),
                None => drop(map.remove(key)),
            },
            Change::Clear => {
                let record = Meta::of(map);
                map.clear();
                record.write(map).map_err(ReplayError::Value)?;
            }
            Change::UpdateAll(_) | Change::Record(_) | Change::Dropped => {}
        }
    }
    Ok(())
}

impl Change {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Set(key) | Self::Remove(key) | Self::Take(key, _) | Self::Update(key, _) => Some(key),
            Self::UpdateAll(_) | Self::Clear | Self::Record(_) | Self::Dropped => None,
        }
    }
}

impl From<ReplayError> for SessionError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Taken(key) => Self::Taken { key },
            ReplayError::Refused(key) => Self::Refused { key },
            ReplayError::Value(error) => Self::Value(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::encode;

    fn map(json: &str) -> SessionMap {
        SessionMap::from_json(json).unwrap()
    }

    fn increment(key: &str) -> Change {
        Change::Update(
            key.into(),
            Box::new(|_, raw| {
                let next = raw.map_or(0, |raw| raw.parse::<u64>().unwrap()) + 1;
                encode("n", &next).map(Some).map_err(ReplayError::Value)
            }),
        )
    }

    fn set(key: &str) -> Change {
        Change::Set(key.into())
    }

    fn take(key: &str, observed: &str) -> Change {
        Change::Take(key.into(), observed.into())
    }

    fn replayed(changes: Vec<Change>, local: &str, current: &str) -> Result<String, ReplayError> {
        let mut log = ChangeLog::default();
        changes.into_iter().for_each(|change| log.push(change, true));
        let mut current = map(current);
        log.replay(&mut current, &map(local))?;
        Ok(current.into_json())
    }

    #[test]
    fn changes_are_replayed_on_the_current_data() {
        let changes = vec![set("a"), Change::Remove("b".into()), increment("n"), increment("n")];
        let json = replayed(changes, r#"{"a":1}"#, r#"{"b":1,"n":5,"other":true}"#).unwrap();
        assert_eq!(json, r#"{"n":7,"other":true,"a":1}"#);
    }

    #[test]
    fn an_update_of_a_value_that_was_set_here_is_a_set() {
        let json = replayed(vec![set("n"), increment("n")], r#"{"n":8}"#, r#"{"n":100}"#).unwrap();
        assert_eq!(json, r#"{"n":8}"#);
        let json = replayed(vec![Change::Clear, increment("n")], r#"{"n":1}"#, r#"{"n":100}"#).unwrap();
        assert_eq!(json, r#"{"n":1}"#);
    }

    #[test]
    fn a_take_fails_unless_the_observed_value_is_still_there() {
        assert!(replayed(vec![take("t", r#"[1, 2]"#)], "{}", r#"{"t":[1,2]}"#).is_ok());
        for current in [r#"{"t":3}"#, "{}"] {
            let outcome = replayed(vec![take("t", "[1,2]")], "{}", current);
            assert!(matches!(outcome, Err(ReplayError::Taken(key)) if &*key == "t"), "{current}");
        }
    }

    #[test]
    fn a_later_change_of_the_key_does_not_drop_a_take() {
        for later in [set("t"), Change::Remove("t".into()), Change::Clear] {
            assert!(replayed(vec![take("t", "1"), later], "{}", "{}").is_err());
        }
    }

    #[test]
    fn a_take_after_an_update_compares_the_updated_value() {
        let changes = || vec![increment("n"), take("n", "6"), Change::Clear];
        assert_eq!(replayed(changes(), "{}", r#"{"n":5}"#).unwrap(), "{}");
        assert!(replayed(changes(), "{}", r#"{"n":6}"#).is_err());
    }

    #[test]
    fn a_take_of_a_value_that_was_set_here_is_a_removal() {
        assert_eq!(replayed(vec![set("a"), take("a", "1")], "{}", r#"{"a":2}"#).unwrap(), "{}");
    }

    #[test]
    fn changes_that_a_later_one_makes_pointless_are_dropped() {
        let mut log = ChangeLog::default();
        log.push(set("a"), true);
        log.push(set("a"), true);
        log.push(increment("b"), true);
        log.push(Change::Remove("b".into()), true);
        assert_eq!(log.changes.len(), 2);
        log.push(Change::Clear, true);
        assert_eq!(log.changes.len(), 1);
    }
}
