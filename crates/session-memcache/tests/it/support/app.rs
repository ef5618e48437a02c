//! A service in one value, and requests that go all the way.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Backend, Clock, Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionManager, SessionMap,
};

use session_core::adapter::Commit;
use session_test_support::Browser;
use tokio::sync::Barrier;

use super::map;

pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

#[derive(Clone)]
pub(crate) struct App {
    manager: SessionManager,
}

impl App {
    /// The deadline is long, because a busy machine must not decide a race.
    pub(crate) fn new(backend: impl Into<Backend>) -> Self {
        Self::with_clock(backend, session_core::SystemClock)
    }

    pub(crate) fn with_clock(backend: impl Into<Backend>, clock: impl Clock) -> Self {
        Self::with(backend, |config| config.clock(clock))
    }

    /// Uses its backend's keys without a prefix, as starlette-session does.
    pub(crate) fn sharing(backend: impl Into<Backend>) -> Self {
        Self::with(backend, |config| config.key_prefix(""))
    }

    fn with(backend: impl Into<Backend>, more: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        let config = SessionConfig::builder(SECRET, "id").backend(backend).request_deadline(Duration::from_secs(60));
        Self { manager: SessionManager::new(more(config).build().expect("the configuration is valid")) }
    }

    pub(crate) fn manager(&self) -> &SessionManager {
        &self.manager
    }

    /// The unread session of a request of this browser.
    pub(crate) fn handle(&self, browser: &Browser) -> SessionHandle {
        browser.open(&self.manager)
    }

    pub(crate) async fn commit(&self, handle: &SessionHandle) -> Commit {
        handle.commit(200).await
    }

    /// A request of this browser that has loaded its session.
    pub(crate) async fn open(&self, browser: &Browser) -> Request {
        let (handle, session) = browser.load(&self.manager).await;
        Request { app: self.clone(), handle, session }
    }

    /// A whole request that succeeds. The browser takes the cookie.
    pub(crate) async fn visit(&self, browser: &mut Browser, handler: impl FnOnce(&Session)) {
        browser.request(&self.manager, handler).await;
    }

    /// A browser whose session holds this data.
    pub(crate) async fn browser_with(&self, json: &str) -> Browser {
        let mut browser = Browser::default();
        let data: SessionMap = map(json);
        self.visit(&mut browser, |session| session.extend(&data).expect("a new session takes data")).await;
        browser
    }

    /// Returns the session that a new request of this browser finds.
    pub(crate) async fn data(&self, browser: &Browser) -> String {
        self.open(browser).await.to_map().into_json()
    }
}

/// A request that has loaded its session.
pub(crate) struct Request {
    app: App,
    handle: SessionHandle,
    session: Session,
}

impl Request {
    pub(crate) async fn respond(&self) -> Commit {
        self.app.commit(&self.handle).await
    }
}

impl Deref for Request {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// Commits them all at once, each on a task of its own.
pub(crate) async fn respond_together(requests: Vec<Request>) -> Vec<Commit> {
    let start = Arc::new(Barrier::new(requests.len()));
    let respond = |request: Request| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            request.respond().await
        })
    };
    let tasks: Vec<_> = requests.into_iter().map(respond).collect();
    let mut responses = Vec::new();
    for task in tasks {
        responses.push(task.await.expect("no commit panics"));
    }
    responses
}
