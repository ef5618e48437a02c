//! The code that the demo servers share, independent of a framework. The demos hold the handlers, for users to copy.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

pub mod api;
pub mod page;
pub mod sessions;
pub mod shutdown;

mod args;
mod format;
mod listen;
mod sql;

pub use args::Args;
pub use listen::{announce, listen};
