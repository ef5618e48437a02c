//! The defects of the original, row by row: what Python does, where its peer can show it, and that Rust does better.

mod configuration;
mod responses;
mod store;
mod unreadable;
