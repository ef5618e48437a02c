//! The ceilings: the greatest allowed cost of a request above the same application without sessions.

use std::fmt::{self, Display};

use crate::callgrind::Counts;

/// The greatest allowed cost of a request of a subject. [`SLACK`] comes on top of the instructions.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// The name of the subject, see [`subjects`](crate::subjects).
    pub subject: &'static str,
    /// Instructions.
    pub instructions: u32,
    /// Allocations on the heap.
    pub allocations: u32,
    /// Blocks that SHA-1 hashes. The count must be exact: a block is expensive, and a missing one is a check left out.
    pub sha1_blocks: u32,
}

/// The tolerance of instruction counts, because they differ by one or two per cent between versions of the compiler, of
/// a dependency or of the C library. The ceiling can be lowered if a count is below it by more than this.
pub const SLACK: f64 = 0.05;

/// All ceilings: name, instructions, allocations, blocks.
#[rustfmt::skip]
pub const CEILINGS: &[Ceiling] = &[
    ceiling("axum/memory/untouched",    2_014,   4,   0),
    ceiling("axum/memory/read",         9_360,   4,   2),
    ceiling("axum/memory/write",       13_036,   6,   2),
    ceiling("axum/cookie/untouched",    2_057,   4,   0),
    ceiling("axum/cookie/read",        16_808,   6,   6),
    ceiling("axum/cookie/write",       28_936,   7,  12),
    ceiling("axum/redis/untouched",     1_987,   4,   0),
    ceiling("axum/redis/read",         31_746,  15,   2),
    ceiling("axum/redis/write",        61_566,  32,   2),
    ceiling("actix/memory/untouched",   1_374,   2,   0),
    ceiling("actix/memory/read",        8_923,   3,   2),
    ceiling("actix/memory/write",      12_609,   5,   2),
    ceiling("actix/cookie/untouched",   1_417,   2,   0),
    ceiling("actix/cookie/read",       16_433,   5,   6),
    ceiling("actix/cookie/write",      31_668,   6,  12),
    ceiling("actix/redis/untouched",    1_376,   2,   0),
    ceiling("actix/redis/read",        31_702,  14,   2),
    ceiling("actix/redis/write",       61_748,  31,   2),
];

const fn ceiling(subject: &'static str, instructions: u32, allocations: u32, sha1_blocks: u32) -> Ceiling {
    Ceiling { subject, instructions, allocations, sha1_blocks }
}

/// The relation of a count to its ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At the ceiling, or below it by no more than the slack.
    Kept,
    /// The count is greater than allowed.
    Passed,
    /// The count is so low that the ceiling can be lowered.
    CanBeLowered,
}

impl Ceiling {
    /// Compares the counts above the bare application with the ceiling.
    #[must_use]
    pub fn judge(&self, counts: Counts) -> Verdict {
        let [instructions, allocations, blocks] =
            [self.instructions, self.allocations, self.sha1_blocks].map(f64::from);
        let counted_allocations = counts.allocations.round();
        if counts.instructions > instructions * (1.0 + SLACK)
            || counted_allocations > allocations
            || counts.sha1_blocks.round() != blocks
        {
            Verdict::Passed
        } else if counts.instructions < instructions * (1.0 - SLACK) || counted_allocations < allocations {
            Verdict::CanBeLowered
        } else {
            Verdict::Kept
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "kept",
            Self::Passed => "PASSED",
            Self::CanBeLowered => "can be lowered",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(instructions: f64, allocations: f64, sha1_blocks: f64) -> Verdict {
        ceiling("a", 1000, 5, 2).judge(Counts { instructions, allocations, sha1_blocks })
    }

    #[test]
    fn counts_within_the_slack_are_kept() {
        for instructions in [951.0, 1000.0, 1049.0] {
            assert_eq!(verdict(instructions, 5.2, 2.1), Verdict::Kept);
        }
    }

    #[test]
    fn each_count_can_pass_its_ceiling() {
        assert_eq!(verdict(1051.0, 5.0, 2.0), Verdict::Passed);
        assert_eq!(verdict(1000.0, 6.0, 2.0), Verdict::Passed);
        assert_eq!(verdict(1000.0, 5.0, 3.0), Verdict::Passed);
        assert_eq!(verdict(1000.0, 5.0, 1.0), Verdict::Passed, "a block that is missing is a check left out");
    }

    #[test]
    fn ceilings_of_costs_that_fell_can_be_lowered() {
        assert_eq!(verdict(900.0, 5.0, 2.0), Verdict::CanBeLowered);
        assert_eq!(verdict(1000.0, 4.0, 2.0), Verdict::CanBeLowered);
    }
}
