//! The index of a map with many entries.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::entry::{Entry, Name};

/// A hash table of the position of each key's last entry.
// It holds positions only, and the keys stay in the text. A removed entry keeps its slot until the table is rebuilt.
#[derive(Clone)]
pub(super) struct Index {
    /// Randomly seeded, so that a client that chooses keys can't make them collide.
    hasher: RandomState,
    /// The positions, by open addressing with linear probing. The number of slots is a power of two.
    slots: Box<[u32]>,
    used: usize,
    /// If a key has several entries: the position of the previous one, by the position of each later one.
    previous: HashMap<u32, u32>,
}

/// The content of a free slot. No text is long enough for this many entries.
const FREE: u32 = u32::MAX;

/// Returns the number of slots for `keys` keys.
fn slots_for(keys: usize) -> usize {
    (keys * 3 / 2 + 1).next_power_of_two()
}

impl Index {
    pub(super) fn of(entries: &[Entry], text: &str) -> Self {
        let live = || (0..entries.len()).filter(|&at| entries[at].is_live());
        let slots = slots_for(live().count());
        let mut index =
            Self { hasher: RandomState::new(), slots: vec![FREE; slots].into(), used: 0, previous: HashMap::new() };
        live().for_each(|at| index.add(at, entries, text));
        index
    }

    /// Returns the number of bytes that the index of `entries` entries takes on the heap, if no key occurs twice.
    pub(super) fn heap_bytes(entries: usize) -> usize {
        size_of::<Self>() + slots_for(entries) * size_of::<u32>()
    }

    /// Adds the last entry.
    pub(super) fn add_last(&mut self, entries: &[Entry], text: &str) {
        if self.used < self.slots.len() / 4 * 3 {
            self.add(entries.len() - 1, entries, text);
        } else {
            *self = Self::of(entries, text);
        }
    }

    fn add(&mut self, at: usize, entries: &[Entry], text: &str) {
        let name = entries[at].name(text);
        let slot = self.slot(self.hash(&name), |other| entries[other].has(&name, text));
        match std::mem::replace(&mut self.slots[slot], at as u32) {
            FREE => self.used += 1,
            before => drop(self.previous.insert(at as u32, before)),
        }
    }

    /// Returns the position of a key's last entry.
    pub(super) fn find(&self, key: &str, entries: &[Entry], text: &str) -> Option<usize> {
        let slot = self.slot(self.hasher.hash_one(key), |at| entries[at].is(key, text));
        (self.slots[slot] != FREE).then_some(self.slots[slot] as usize)
    }

    /// Returns `true` if the entry at a position is the last one of its key.
    pub(super) fn is_last(&self, at: usize, entries: &[Entry], text: &str) -> bool {
        self.previous.is_empty() || {
            let name = entries[at].name(text);
            self.slots[self.slot(self.hash(&name), |other| entries[other].has(&name, text))] == at as u32
        }
    }

    /// Returns the position of the same key's entry before the one at a position.
    pub(super) fn previous(&self, at: usize) -> Option<usize> {
        self.previous.get(&(at as u32)).map(|&at| at as usize)
    }

    /// Forgets the entries of the same key before the one at a position.
    pub(super) fn forget_previous(&mut self, at: usize) {
        self.previous.remove(&(at as u32));
    }

    /// Returns the number of entries that are not the last one of their key.
    pub(super) fn repeats(&self) -> usize {
        self.previous.len()
    }

    fn hash(&self, name: &Name<'_>) -> u64 {
        self.hasher.hash_one(match name {
            Name::Readable(key) => key,
            Name::Unreadable(raw) => *raw,
        })
    }

    /// Returns the slot of the entry that matches, or the free slot for it.
    fn slot(&self, hash: u64, matches: impl Fn(usize) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != FREE && !matches(self.slots[slot] as usize) {
            slot = (slot + 1) & mask;
        }
        slot
    }
}
