//! Requests, without HTTP.

use session_core::{Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionManager};

use session_core::adapter::Commit;
use session_redis::RedisBackend;

pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// Returns the manager of a server process.
pub(crate) fn manager(backend: RedisBackend) -> SessionManager {
    SessionManager::new(config(backend).build().expect("the configuration is good"))
}

pub(crate) fn config(backend: RedisBackend) -> SessionConfigBuilder {
    // Many writers of one session wait for each other: that takes longer than a request usually may.
    SessionConfig::builder(SECRET, "session").backend(backend).request_deadline(std::time::Duration::from_secs(20))
}

/// A client with its cookie.
#[derive(Clone, Default)]
pub(crate) struct Browser(session_test_support::Browser);

impl Browser {
    pub(crate) fn open(&self, manager: &SessionManager) -> SessionHandle {
        let header = self.has_cookie().then(|| self.header());
        manager.open(header.as_deref().map(str::as_bytes))
    }

    /// Loads the session of a new request.
    pub(crate) async fn load(&self, manager: &SessionManager) -> (SessionHandle, Session) {
        let handle = self.open(manager);
        let session = handle.load().await.expect("the session can be loaded");
        (handle, session)
    }

    /// Takes the cookie of a response.
    pub(crate) fn take(&mut self, commit: &Commit) {
        self.0.receive(commit);
    }

    /// Returns the `Cookie` header of a request.
    pub(crate) fn header(&self) -> String {
        self.0.header()
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.0.has_cookie()
    }

    /// Makes a request that succeeds.
    pub(crate) async fn request(&mut self, manager: &SessionManager, work: impl FnOnce(&Session)) {
        let (handle, session) = self.load(manager).await;
        work(&session);
        let commit = handle.commit(200).await;
        assert!(commit.error.is_none(), "{:?}", commit.error);
        self.take(&commit);
    }

    /// Returns the value of a key, as a request reads it.
    pub(crate) async fn see(&self, manager: &SessionManager, key: &str) -> Option<u64> {
        let (_, session) = self.load(manager).await;
        session.get(key).expect("it is a number")
    }
}
