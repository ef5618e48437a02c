//! The managers of server processes.

use std::time::Duration;

use session_core::{SessionConfig, SessionConfigBuilder, SessionManager};
use session_sql::SqlBackend;
use session_testkit::TestClock;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// Makes what a server process has.
pub(crate) fn manager(backend: SqlBackend) -> SessionManager {
    SessionManager::new(config(backend).build().expect("the configuration is good"))
}

/// Makes a server process with a clock that the test moves.
pub(crate) fn manager_with_clock(backend: SqlBackend, clock: TestClock) -> SessionManager {
    SessionManager::new(config(backend).clock(clock).build().expect("the configuration is good"))
}

pub(crate) fn config(backend: SqlBackend) -> SessionConfigBuilder {
    // Many writers of one session wait for each other: that takes longer than a request usually may.
    SessionConfig::builder(SECRET, "session").backend(backend).request_deadline(Duration::from_secs(20))
}
