//! The managers of server processes.

use session_core::{SessionConfig, SessionConfigBuilder, SessionManager};
use session_redis::RedisBackend;

pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// Returns the manager of a server process.
pub(crate) fn manager(backend: RedisBackend) -> SessionManager {
    SessionManager::new(config(backend).build().expect("the configuration is good"))
}

pub(crate) fn config(backend: RedisBackend) -> SessionConfigBuilder {
    // Many writers of one session wait for each other, which takes longer than the usual deadline.
    SessionConfig::builder(SECRET, "session").backend(backend).request_deadline(std::time::Duration::from_secs(20))
}
