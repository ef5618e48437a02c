//! The sessions of one part of the store.

use std::time::Duration;

use hashbrown::{HashMap, HashTable};

use super::key::Key;
use super::rings::{Ring, Rings};
use crate::backend::reply::Stored;
use crate::backend::version::Version;
use crate::map::SessionMap;

/// Sessions by key, in the order of their last use: a segmented LRU.
///
/// A new session is on probation. A fetch protects it. If protected sessions take more than half of the room, the least
/// recently used one goes back on probation. Sessions on probation are evicted first.
pub(super) struct Sessions {
    /// The positions of sessions in `slots`.
    table: HashTable<usize>,
    /// The first [`Rings::COUNT`] slots belong to the rings and always stay empty.
    slots: Vec<Option<Session>>,
    rings: Rings,
    total: Size,
    protected: Size,
    limit: Size,
    /// The positions of each user's sessions.
    users: HashMap<Box<str>, Vec<usize>>,
    /// The last position that was looked at for expiry.
    swept: usize,
}

struct Session {
    key: Box<str>,
    hash: u64,
    content: Content,
    ring: Ring,
}

/// A session with the time at which it expires and its size in bytes, see [`session_bytes`].
pub(super) struct Content {
    pub(super) session: SessionMap,
    pub(super) version: u64,
    pub(super) expiry: Duration,
    pub(super) bytes: usize,
    /// The user in whose list the session is. `None` leaves it in the list of the session that it replaces.
    pub(super) user: Option<Box<str>>,
}

/// The room that sessions take.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) sessions: usize,
    pub(super) bytes: usize,
}

/// Returns the number of bytes of memory that a session takes under a key, with its entry in the list of its user.
pub(super) fn session_bytes(key: &str, session: &SessionMap, user: Option<&str>) -> usize {
    OVERHEAD + key.len() + session.heap_bytes() + user.map_or(0, |user| USER_OVERHEAD + 2 * user.len())
}

/// The memory of a user's list of one session beside the two copies of the name.
const USER_OVERHEAD: usize = 100;

/// The memory of a session beside its map and its key: its slot, its places in the table and in a list, and what the
/// allocator adds.
// 70,000 to 200,000 sessions, with 76 bytes of text under keys of 30 bytes, took 581 to 589 bytes each. With this
// overhead each counts as 590 bytes.
const OVERHEAD: usize = 170;

/// The number of positions in a page of a scan.
const PAGE: usize = 500;

impl Sessions {
    pub(super) fn new(limit: Size) -> Self {
        Self {
            table: HashTable::new(),
            slots: (0..Rings::COUNT).map(|_| None).collect(),
            rings: Rings::new(),
            total: Size::default(),
            protected: Size::default(),
            limit,
            users: HashMap::new(),
            swept: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.total.sessions
    }

    /// Returns the position of a session that has not expired.
    pub(super) fn find(&self, key: Key<'_>, now: Duration) -> Option<usize> {
        self.position(key).filter(|&at| now < self.at(at).content.expiry)
    }

    pub(super) fn version(&self, at: usize) -> u64 {
        self.at(at).content.version
    }

    pub(super) fn stored(&self, at: usize) -> Stored {
        let Content { session, version, .. } = &self.at(at).content;
        Stored { session: session.clone(), version: Version::from(*version) }
    }

    /// Returns the positions of a user's sessions, expired ones too.
    pub(super) fn of_user(&self, user: &str) -> &[usize] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    /// Returns the key of a session, and the time at which it expires.
    pub(super) fn key_and_expiry(&self, at: usize) -> (&str, Duration) {
        let Session { key, content, .. } = self.at(at);
        (key, content.expiry)
    }

    /// Returns the number of live sessions whose key has this prefix.
    pub(super) fn count(&self, key_prefix: &str, now: Duration) -> usize {
        let is_counted = |session: &&Session| now < session.content.expiry && session.key.starts_with(key_prefix);
        self.slots.iter().flatten().filter(is_counted).count()
    }

    /// Returns the positions of a page: those of live sessions whose key has this prefix. Also returns the position
    /// where the next page begins.
    ///
    /// A session has one position for as long as it lives.
    pub(super) fn page(&self, from: usize, key_prefix: &str, now: Duration) -> (Vec<usize>, Option<usize>) {
        let end = from.saturating_add(PAGE).min(self.slots.len());
        let is_meant = |at: &usize| {
            self.slots[*at]
                .as_ref()
                .is_some_and(|session| now < session.content.expiry && session.key.starts_with(key_prefix))
        };
        ((from..end).filter(is_meant).collect(), Some(end).filter(|&end| end < self.slots.len()))
    }

    /// Moves a session to the list of this user.
    pub(super) fn bind(&mut self, at: usize, user: &str) {
        if self.at(at).content.user.as_deref() != Some(user) {
            self.unlist(at);
            self.at_mut(at).content.user = Some(user.into());
            self.list(at);
        }
    }

    /// Protects a session, because it was fetched.
    pub(super) fn protect(&mut self, at: usize) {
        if self.at(at).ring == Ring::Protected {
            self.rings.move_to_front(Ring::Protected, at);
        } else {
            self.move_to(Ring::Protected, at);
            self.make_room(at);
        }
    }

    /// Sets the time at which a session expires.
    pub(super) fn touch(&mut self, at: usize, expiry: Duration) {
        let session = self.at_mut(at);
        session.content.expiry = expiry;
        let ring = session.ring;
        self.rings.move_to_front(ring, at);
    }

    pub(super) fn replace(&mut self, at: usize, mut content: Content) {
        let user = content.user.take();
        let session = self.at_mut(at);
        let (ring, old, new) = (session.ring, session.content.bytes, content.bytes);
        content.user = session.content.user.take();
        session.content = content;
        if let Some(user) = user {
            self.bind(at, &user);
        }
        self.rings.move_to_front(ring, at);
        if old != new {
            self.leave(ring, old);
            self.enter(ring, new);
            self.make_room(at);
        }
    }

    /// Adds a session under a key that holds no live one. Frees some that have expired.
    pub(super) fn insert(&mut self, key: Key<'_>, content: Content, ring: Ring, now: Duration) {
        self.sweep(now);
        if let Some(expired) = self.position(key) {
            self.remove(expired);
        }
        let at = self.rings.free();
        self.enter(ring, content.bytes);
        let session = Some(Session { key: key.text.into(), hash: key.hash, content, ring });
        match self.slots.get_mut(at) {
            Some(slot) => *slot = session,
            None => self.slots.push(session),
        }
        self.rings.move_to_front(ring, at);
        self.table.insert_unique(key.hash, at, |&at| hash(&self.slots, at));
        self.list(at);
        self.make_room(at);
    }

    /// Removes a session. Returns the list that it was in.
    pub(super) fn remove(&mut self, at: usize) -> Ring {
        self.unlist(at);
        let Session { hash, content, ring, .. } = self.slots[at].take().expect(IS_SESSION);
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.leave(ring, content.bytes);
        self.rings.move_to_front(Ring::Free, at);
        ring
    }

    /// Removes the sessions at the next two positions if they have expired.
    ///
    /// Called for each new session. By the time the number of sessions has doubled, every position has been checked.
    fn sweep(&mut self, now: Duration) {
        for _ in 0..2 {
            self.swept = if self.swept + 1 < self.slots.len() { self.swept + 1 } else { 0 };
            if self.slots[self.swept].as_ref().is_some_and(|session| session.content.expiry <= now) {
                self.remove(self.swept);
            }
        }
    }

    /// Ends the protection of sessions, then evicts sessions, until the limits are kept. The one that was just used stays.
    fn make_room(&mut self, used: usize) {
        while self.protected.exceeds(self.limit.half()) {
            let Some(last) = self.rings.last(Ring::Protected) else { break };
            self.move_to(Ring::Probation, last);
        }
        while self.total.exceeds(self.limit) {
            let last = |ring| self.rings.last(ring).filter(|&at| at != used);
            let Some(last) = last(Ring::Probation).or_else(|| last(Ring::Protected)) else { break };
            self.remove(last);
        }
    }

    fn move_to(&mut self, ring: Ring, at: usize) {
        let session = self.at_mut(at);
        let from = std::mem::replace(&mut session.ring, ring);
        let bytes = session.content.bytes;
        self.leave(from, bytes);
        self.enter(ring, bytes);
        self.rings.move_to_front(ring, at);
    }

    fn enter(&mut self, ring: Ring, bytes: usize) {
        self.total.add(bytes);
        if ring == Ring::Protected {
            self.protected.add(bytes);
        }
    }

    fn leave(&mut self, ring: Ring, bytes: usize) {
        self.total.subtract(bytes);
        if ring == Ring::Protected {
            self.protected.subtract(bytes);
        }
    }

    fn list(&mut self, at: usize) {
        let Some(user) = &self.slots[at].as_ref().expect(IS_SESSION).content.user else { return };
        match self.users.get_mut(user) {
            Some(positions) => positions.push(at),
            None => drop(self.users.insert(user.clone(), vec![at])),
        }
    }

    fn unlist(&mut self, at: usize) {
        let Some(user) = &self.slots[at].as_ref().expect(IS_SESSION).content.user else { return };
        let Some(positions) = self.users.get_mut(user) else { return };
        positions.retain(|&other| other != at);
        if positions.is_empty() {
            self.users.remove(user);
        }
    }

    fn position(&self, key: Key<'_>) -> Option<usize> {
        self.table.find(key.hash, |&at| *self.at(at).key == *key.text).copied()
    }

    fn at(&self, at: usize) -> &Session {
        self.slots[at].as_ref().expect(IS_SESSION)
    }

    fn at_mut(&mut self, at: usize) -> &mut Session {
        self.slots[at].as_mut().expect(IS_SESSION)
    }
}

const IS_SESSION: &str = "the table and all lists but one hold positions of sessions";

fn hash(slots: &[Option<Session>], at: usize) -> u64 {
    slots[at].as_ref().expect(IS_SESSION).hash
}

impl Size {
    fn half(self) -> Self {
        Self { sessions: self.sessions.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }

    fn exceeds(self, limit: Self) -> bool {
        self.sessions > limit.sessions || self.bytes > limit.bytes
    }

    fn add(&mut self, bytes: usize) {
        self.sessions += 1;
        self.bytes += bytes;
    }

    fn subtract(&mut self, bytes: usize) {
        self.sessions -= 1;
        self.bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    impl Sessions {
        /// Checks the sums and limits. Returns the number of sessions, expired ones too.
        fn checked_len(&self) -> usize {
            let all = || self.slots.iter().flatten();
            let sum = |of: &dyn Fn(&&Session) -> bool| {
                all().filter(of).fold((0, 0), |(count, bytes), session| (count + 1, bytes + session.content.bytes))
            };
            let total = sum(&|_| true);
            assert_eq!(total, (self.total.sessions, self.total.bytes));
            let protected = sum(&|session| session.ring == Ring::Protected);
            assert_eq!(protected, (self.protected.sessions, self.protected.bytes));
            assert!(!self.total.exceeds(self.limit));
            assert!(!self.protected.exceeds(self.limit.half()));
            assert_eq!(self.table.len(), total.0);
            let listed = self.users.iter().flat_map(|(user, positions)| positions.iter().map(move |&at| (user, at)));
            let listed: Vec<_> = listed.collect();
            assert_eq!(listed.len(), all().filter(|session| session.content.user.is_some()).count());
            assert!(listed.iter().all(|&(user, at)| self.at(at).content.user.as_ref() == Some(user)));
            total.0
        }
    }

    #[test]
    fn limits_and_sums_hold_after_any_calls() {
        let mut sessions = Sessions::new(Size { sessions: 20, bytes: 1_000 });
        let mut random: u64 = 7;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        for call in 0..100_000 {
            let text = below(40).to_string();
            // Some of them collide.
            let key = Key { text: &text, hash: text.len() as u64 };
            let bytes = if below(20) == 0 { 1_000 } else { below(100) } as usize;
            let expiry = NOW + Duration::from_secs(below(100));
            let now = NOW + Duration::from_secs(call / 1_500);
            let user = [None, Some("ann".into()), Some("bob".into())][below(3) as usize].clone();
            let content = Content { session: SessionMap::new(), version: call, expiry, bytes, user };
            match (sessions.find(key, now), below(5)) {
                (None, _) => sessions.insert(key, content, Ring::Probation, now),
                (Some(at), 0) => drop(sessions.remove(at)),
                (Some(at), 1) => sessions.replace(at, content),
                (Some(at), 2) => sessions.touch(at, expiry),
                (Some(at), _) => sessions.protect(at),
            }
            sessions.checked_len();
        }
        assert!(sessions.slots.len() <= Rings::COUNT + 21, "free slots are used again");
        let after = NOW + Duration::from_secs(200);
        (0..20).for_each(|_| sessions.sweep(after));
        assert_eq!((sessions.checked_len(), sessions.total.bytes), (0, 0));
    }
}
