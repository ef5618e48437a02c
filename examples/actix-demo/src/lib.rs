//! The demo server without its command line, for tests that start it with configurations of their own.

mod app;
mod error;
mod routes;
mod serve;

pub use app::configure;
pub use serve::serve;
