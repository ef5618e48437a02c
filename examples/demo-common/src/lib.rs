//! What the demo servers share: everything without a framework in it. Their handlers are not here, they are what to
//! copy.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

pub mod api;
pub mod page;
pub mod shutdown;

mod args;
mod format;
mod listen;
mod sql;

pub use args::Args;
pub use listen::{announce, listen};
