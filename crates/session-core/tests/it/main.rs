//! The integration tests of `session-core`: one binary, one module for each subject.

mod config;
mod fuzz;
mod map;
mod signer;
mod support;
mod vectors;
