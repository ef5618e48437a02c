//! The report, which compares this project's sessions with those of other crates.
//!
//! Each of the [`parts`] measures one thing, and saves its numbers as JSON in `xtask/bench/results`. Its section of the
//! report and its plots are made from these numbers, so that one part can be measured again without the others.

pub mod candidates;
pub mod parts;
pub mod peers;
pub mod plot;
pub mod results;
