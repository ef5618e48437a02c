//! The demo server without its command line, for tests that start it with their own configurations.

mod app;
mod error;
mod routes;
mod serve;

pub use app::configure;
pub use serve::serve;
