//! The demo server without its command line, for tests that start it with configurations of their own.

mod app;
mod error;
mod routes;
mod serve;

pub use app::{app, router};
pub use serve::serve;
