//! The markers of one part of the store.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashTable;

use super::key::Key;
use crate::backend::reply::{MARKER_LIFETIME, Marker};

/// Markers by key, each kept for [`MARKER_LIFETIME`]. The oldest ones go early when they take too many bytes.
pub(super) struct Markers {
    /// The number of each marker, by its key. Markers are numbered in the order in which they were left.
    table: HashTable<u64>,
    /// In the order in which they were left, which is the order in which they expire.
    queue: VecDeque<QueuedMarker>,
    /// The number of the first marker in the queue.
    first: u64,
    bytes: usize,
    max_bytes: usize,
}

struct QueuedMarker {
    key: Box<str>,
    hash: u64,
    marker: Marker,
    expiry: Duration,
}

/// The memory of a marker beside its keys.
// With keys of 30 bytes, 100,000 to 130,000 markers took 180 to 187 bytes each, and 117 to 123 without a second key.
const OVERHEAD: usize = 120;

impl Markers {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { table: HashTable::new(), queue: VecDeque::new(), first: 0, bytes: 0, max_bytes }
    }

    /// Returns the marker at a key.
    pub(super) fn find(&self, key: Key<'_>, now: Duration) -> Option<&Marker> {
        let number = self.table.find(key.hash, |&number| *self.numbered(number).key == *key.text)?;
        let left = self.numbered(*number);
        (now < left.expiry).then_some(&left.marker)
    }

    /// Leaves a marker at a key, in place of another one.
    pub(super) fn leave(&mut self, key: Key<'_>, marker: Marker, now: Duration) {
        self.free_expired(now);
        let number = self.first + self.queue.len() as u64;
        let left =
            QueuedMarker { key: key.text.into(), hash: key.hash, marker, expiry: now.saturating_add(MARKER_LIFETIME) };
        self.bytes += left.bytes();
        self.queue.push_back(left);
        let (queue, first) = (&self.queue, self.first);
        let numbered = |number: u64| &queue[(number - first) as usize];
        // A marker that this one replaces stays in the queue, but the table no longer has its number.
        match self.table.find_mut(key.hash, |&number| *numbered(number).key == *key.text) {
            Some(replaced) => *replaced = number,
            None => drop(self.table.insert_unique(key.hash, number, |&number| numbered(number).hash)),
        }
        while self.bytes > self.max_bytes && self.queue.len() > 1 {
            self.free_first();
        }
    }

    /// Frees up to two markers that have expired.
    pub(super) fn free_expired(&mut self, now: Duration) {
        for _ in 0..2 {
            if self.queue.front().is_some_and(|left| left.expiry <= now) {
                self.free_first();
            }
        }
    }

    fn free_first(&mut self) {
        let Some(left) = self.queue.pop_front() else { return };
        let freed = self.first;
        self.first += 1;
        self.bytes -= left.bytes();
        if let Ok(entry) = self.table.find_entry(left.hash, |&number| number == freed) {
            entry.remove();
        }
    }

    fn numbered(&self, number: u64) -> &QueuedMarker {
        &self.queue[(number - self.first) as usize]
    }
}

impl QueuedMarker {
    fn bytes(&self) -> usize {
        let successor = match &self.marker {
            Marker::Destroyed => 0,
            Marker::Renewed { successor } => successor.len(),
        };
        OVERHEAD + self.key.len() + successor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(markers: &mut Markers, key: &str, now: u64) {
        markers.leave(key_of(key), Marker::Destroyed, Duration::from_secs(now));
    }

    fn is_marked(markers: &Markers, key: &str, now: u64) -> bool {
        markers.find(key_of(key), Duration::from_secs(now)).is_some()
    }

    /// All keys of a length collide.
    fn key_of(text: &str) -> Key<'_> {
        Key { text, hash: text.len() as u64 }
    }

    #[test]
    fn expired_markers_are_freed_by_later_ones() {
        let mut markers = Markers::new(usize::MAX);
        for number in 0..100 {
            leave(&mut markers, &number.to_string(), 0);
        }
        for number in 100..150 {
            leave(&mut markers, &number.to_string(), 60);
        }
        assert_eq!((markers.queue.len(), markers.table.len()), (50, 50));
        assert!((100..150).all(|number| is_marked(&markers, &number.to_string(), 119)));
        (0..25).for_each(|_| markers.free_expired(Duration::from_secs(120)));
        assert_eq!((markers.queue.len(), markers.table.len(), markers.bytes), (0, 0, 0));
    }

    #[test]
    fn a_marker_that_was_left_anew_outlives_the_one_it_replaced() {
        let mut markers = Markers::new(usize::MAX);
        leave(&mut markers, "key", 0);
        leave(&mut markers, "key", 30);
        leave(&mut markers, "other", 61);
        assert_eq!((markers.queue.len(), markers.table.len()), (2, 2));
        assert!(is_marked(&markers, "key", 89) && !is_marked(&markers, "key", 90));
    }

    #[test]
    fn one_marker_is_kept_whatever_the_limit() {
        let mut markers = Markers::new(0);
        leave(&mut markers, "a", 0);
        leave(&mut markers, "b", 0);
        assert!(!is_marked(&markers, "a", 0) && is_marked(&markers, "b", 0));
    }
}
