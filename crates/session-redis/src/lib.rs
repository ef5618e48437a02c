//! Sessions in Redis or Valkey.

mod backend;
mod breaker;
mod builder;
mod cluster;
mod command;
mod error;
mod keys;
mod node;
mod reply;
mod script;
mod settings;
mod store;
#[cfg(feature = "tls")]
mod tls;

pub use backend::RedisBackend;
pub use builder::RedisBackendBuilder;
pub use error::RedisConfigError;
