//! Doubly linked lists without pointers.

/// Lists of positions. Each position that was added is in one of them.
// Each ring goes through a fixed position, so that its ends need no special case.
pub(super) struct Rings {
    links: Vec<Link>,
}

#[derive(Clone, Copy)]
struct Link {
    before: usize,
    after: usize,
}

/// A list. Its number is the fixed position that links its last position to its first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ring {
    /// Positions without a session.
    Free,
    /// Sessions that were not fetched since their creation, or that have lost their protection.
    Probation,
    /// Sessions that were fetched.
    Protected,
}

impl Rings {
    /// The number of lists. Lower positions are the fixed ones, and the positions of sessions follow them.
    pub(super) const COUNT: usize = 3;

    pub(super) fn new() -> Self {
        Self { links: (0..Self::COUNT).map(|ring| Link { before: ring, after: ring }).collect() }
    }

    /// Returns a free position, or adds one.
    pub(super) fn free(&mut self) -> usize {
        self.last(Ring::Free).unwrap_or_else(|| {
            let at = self.links.len();
            self.links.push(Link { before: at, after: at });
            at
        })
    }

    pub(super) fn last(&self, ring: Ring) -> Option<usize> {
        let last = self.links[ring as usize].before;
        (last >= Self::COUNT).then_some(last)
    }

    /// Moves a position to the front of a list, which may be the list that it is in.
    pub(super) fn move_to_front(&mut self, ring: Ring, at: usize) {
        let ring = ring as usize;
        if self.links[ring].after == at {
            return;
        }
        let Link { before, after } = self.links[at];
        self.links[before].after = after;
        self.links[after].before = before;
        let first = self.links[ring].after;
        self.links[at] = Link { before: ring, after: first };
        self.links[first].before = at;
        self.links[ring].after = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backwards(rings: &Rings, ring: Ring) -> Vec<usize> {
        let before = |&at: &usize| Some(rings.links[at].before).filter(|&at| at >= Rings::COUNT);
        std::iter::successors(rings.last(ring), before).collect()
    }

    #[test]
    fn positions_move_between_lists_and_free_ones_are_used_again() {
        let mut rings = Rings::new();
        let [a, b, c] = [(); 3].map(|()| {
            let at = rings.free();
            rings.move_to_front(Ring::Probation, at);
            at
        });
        assert_eq!(backwards(&rings, Ring::Probation), [a, b, c]);
        rings.move_to_front(Ring::Probation, b);
        assert_eq!(backwards(&rings, Ring::Probation), [a, c, b]);
        rings.move_to_front(Ring::Protected, c);
        rings.move_to_front(Ring::Free, a);
        assert_eq!((backwards(&rings, Ring::Probation), backwards(&rings, Ring::Protected)), (vec![b], vec![c]));
        assert_eq!(rings.free(), a);
        rings.move_to_front(Ring::Protected, a);
        assert_eq!(backwards(&rings, Ring::Protected), [c, a]);
        assert_eq!(rings.free(), c + 1);
    }
}
