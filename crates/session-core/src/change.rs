//! What a request did to its session, so that it can be done again on a newer version of it.

use std::collections::HashSet;

use smallvec::SmallVec;

use crate::map::{JsonText, SessionMap, ValueError, same_json};
use crate::text::Text;

/// Computes the new JSON text of a key from its current one; see `Session::update`.
pub(crate) type UpdateFn = Box<dyn FnMut(&str, Option<&str>) -> Result<JsonText, ValueError> + Send>;

/// The changes of one session since it was loaded or last persisted, in order, as few as tell the whole story.
#[derive(Default)]
pub(crate) struct ChangeLog {
    changes: SmallVec<[Change; 2]>,
    /// The keys that the changes name, and perhaps more, once there are many.
    keys: Option<Keys>,
}

/// Boxed: hardly any log has one, and every request has a log.
type Keys = Box<HashSet<Box<str>>>;

/// From so many changes on, a set tells whether a key is among them.
const MANY: usize = 64;

/// Few are longer.
type Key = Text<16>;

pub(crate) enum Change {
    /// The key has the value that the map has which the changes were made on.
    Set(Key),
    Remove(Key),
    /// The key is removed and its value was given away: it must still be the observed one.
    Take(Key, Box<str>),
    Update(Key, UpdateFn),
    Clear,
}

/// Why changes can't be made again.
#[derive(Debug)]
pub(crate) enum ReplayError {
    /// Somebody else took or changed the one-time value of this key.
    Taken(Box<str>),
    /// An update met a value that it can't read, or made one that can't be written.
    Value(ValueError),
}

impl ChangeLog {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether making the changes twice differs in nothing from making them once.
    pub(crate) fn is_idempotent(&self) -> bool {
        !self.changes.iter().any(|change| matches!(change, Change::Update(..) | Change::Take(..)))
    }

    /// Whether a one-time value was given away.
    pub(crate) fn takes(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Take(..)))
    }

    /// Adds a change, and drops the earlier ones that it makes pointless.
    ///
    /// A take is never dropped, nor the updates whose outcome it observed: what was given away stays given away.
    pub(crate) fn push(&mut self, change: Change) {
        if self.keys.is_none() && self.changes.len() >= MANY {
            self.keys = Some(Keys::new(self.changes.iter().filter_map(Change::key).map(Box::from).collect()));
        }
        let is_new = |key: &str| self.keys.as_ref().is_some_and(|keys| !keys.contains(key));
        let new = change.key().is_some_and(is_new);
        let change = match change {
            Change::Update(key, _) if self.decides(&key) => Change::Set(key),
            Change::Take(key, _) if self.decides(&key) => Change::Remove(key),
            other => other,
        };
        match &change {
            Change::Set(_) | Change::Remove(_) if new => {}
            Change::Set(key) | Change::Remove(key) => self.forget(Some(key)),
            Change::Clear => self.forget(None),
            Change::Take(..) | Change::Update(..) => {}
        }
        if let (Some(keys), Some(key)) = (&mut self.keys, change.key()) {
            keys.insert(key.into());
        }
        self.changes.push(change);
    }

    /// Adds the changes that were made after these.
    pub(crate) fn append(&mut self, later: Self) {
        for change in later.changes {
            self.push(change);
        }
    }

    /// Makes the changes on `map`. The values that were set are those in `local`.
    pub(crate) fn replay(&mut self, map: &mut SessionMap, local: &SessionMap) -> Result<(), ReplayError> {
        for change in &mut self.changes {
            match change {
                Change::Set(key) => {
                    if let Some(json) = local.raw(key) {
                        map.insert_json(key, json).map_err(ReplayError::Value)?;
                    }
                }
                Change::Remove(key) => {
                    map.remove(key);
                }
                Change::Take(key, observed) => {
                    if !map.raw(key).is_some_and(|current| same_json(current, observed)) {
                        return Err(ReplayError::Taken((**key).into()));
                    }
                    map.remove(key);
                }
                Change::Update(key, update) => {
                    let json = update(key, map.raw(key)).map_err(ReplayError::Value)?;
                    map.insert_json(key, &json).map_err(ReplayError::Value)?;
                }
                Change::Clear => map.clear(),
            }
        }
        Ok(())
    }

    /// Whether the key's value follows from these changes alone, whatever the store holds.
    fn decides(&self, key: &str) -> bool {
        self.changes
            .iter()
            .rev()
            .find_map(|change| match change {
                Change::Clear => Some(true),
                Change::Update(updated, _) if **updated == *key => Some(false),
                other if other.key() == Some(key) => Some(true),
                _ => None,
            })
            .unwrap_or(false)
    }

    /// Drops the changes of a key, or of all, but for takes and the updates that led to them.
    fn forget(&mut self, key: Option<&str>) {
        let taken: SmallVec<[Key; 1]> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Take(key, _) => Some(key.clone()),
                _ => None,
            })
            .collect();
        self.changes.retain(|change| match change {
            Change::Take(..) => true,
            Change::Update(updated, _) if taken.iter().any(|key| **key == **updated) => true,
            other => key.is_some() && other.key() != key,
        });
    }
}

impl Change {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Set(key) | Self::Remove(key) | Self::Take(key, _) | Self::Update(key, _) => Some(key),
            Self::Clear => None,
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
            Box::new(|_, raw| encode("n", &(raw.map_or(0, |raw| raw.parse::<u64>().unwrap()) + 1))),
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
        changes.into_iter().for_each(|change| log.push(change));
        let mut current = map(current);
        log.replay(&mut current, &map(local))?;
        Ok(current.to_json())
    }

    #[test]
    fn changes_are_made_on_what_is_there_now() {
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
    fn a_take_outlives_what_comes_after_it() {
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
    fn a_take_of_what_was_set_here_is_a_removal() {
        assert_eq!(replayed(vec![set("a"), take("a", "1")], "{}", r#"{"a":2}"#).unwrap(), "{}");
    }

    #[test]
    fn what_a_later_change_covers_is_dropped() {
        let mut log = ChangeLog::default();
        log.push(set("a"));
        log.push(set("a"));
        log.push(increment("b"));
        log.push(Change::Remove("b".into()));
        assert_eq!(log.changes.len(), 2);
        log.push(Change::Clear);
        assert_eq!(log.changes.len(), 1);
    }
}
