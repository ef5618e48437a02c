//! The report: our sessions beside those of other crates, and what they are made of.
//!
//! Each of the [`parts`] measures one thing and leaves its numbers as JSON in `xtask/bench/results`; from these its section
//! of the report and its plots are made. So one part can be measured anew, and the others stay.

pub mod candidates;
pub mod parts;
pub mod peers;
pub mod plot;
pub mod results;
