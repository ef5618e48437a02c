//! Work with known counts, which shows that the measurement is right.

use std::hint::black_box;

use anyhow::{Result, bail};
use sha1::{Digest, Sha1};

use crate::mode::Mode;

/// The name of the subject.
pub const KNOWN_WORK: &str = "known work";

/// The number of SHA-1 blocks.
pub const KNOWN_BLOCKS: usize = 10;

/// The number of allocations.
pub const KNOWN_ALLOCATIONS: usize = 4;

pub(super) fn run(mode: Mode) -> Result<()> {
    let Mode::Measure(times) = mode else { bail!("known work is no server") };
    for _ in 0..times {
        for _ in 0..KNOWN_BLOCKS {
            black_box(Sha1::digest(black_box("fits a block")));
        }
        // An allocation, one of zeros, and one that grows.
        black_box(Box::new(black_box(1_u64)));
        black_box(vec![0_u8; black_box(100)]);
        let mut text = String::with_capacity(black_box(10));
        text.push_str(black_box("twenty characters..."));
        black_box(text);
    }
    Ok(())
}
