//! Requests, without HTTP.

use std::time::Duration;

use session_core::{Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionManager};

use session_core::adapter::Commit;
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

/// A client with its cookie.
#[derive(Clone, Default)]
pub(crate) struct Browser(session_test_support::Browser);

impl Browser {
    pub(crate) fn open(&self, manager: &SessionManager) -> SessionHandle {
        let header = self.0.has_cookie().then(|| self.0.header());
        manager.open(header.as_deref().map(str::as_bytes))
    }

    /// Begins a request whose session is loaded.
    pub(crate) async fn load(&self, manager: &SessionManager) -> (SessionHandle, Session) {
        let handle = self.open(manager);
        let session = handle.load().await.expect("the session can be loaded");
        (handle, session)
    }

    /// Returns the value of its `Cookie` header.
    pub(crate) fn header(&self) -> String {
        self.0.header()
    }

    /// Takes the cookie of a response.
    pub(crate) fn take(&mut self, commit: &Commit) {
        self.0.receive(commit);
    }

    /// Makes a whole request that succeeds.
    pub(crate) async fn request(&mut self, manager: &SessionManager, work: impl FnOnce(&Session)) {
        let (handle, session) = self.load(manager).await;
        work(&session);
        let commit = handle.commit(200).await;
        assert!(commit.error.is_none(), "{:?}", commit.error);
        self.take(&commit);
    }

    /// Begins a request that has the cookies of two browsers.
    pub(crate) fn open_with(&self, other: &Self, manager: &SessionManager) -> SessionHandle {
        let headers = [self.0.header(), other.0.header()];
        manager.open(headers.iter().map(|header| header.as_bytes()))
    }

    /// Returns the value of a key, as a request sees it.
    pub(crate) async fn see(&self, manager: &SessionManager, key: &str) -> Option<u64> {
        let (_, session) = self.load(manager).await;
        session.get(key).expect("it is a number")
    }
}
