//! The backend on real databases, which the tests start for themselves.

mod support;

mod conformance;
mod races;
mod semantics;
