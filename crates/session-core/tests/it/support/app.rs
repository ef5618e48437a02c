//! A service in one value: a manager, its clock, and requests that go all the way.

use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Backend, MemoryBackend, Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionManager, SessionMap,
};

use session_core::adapter::Commit;
use session_testkit::{SimpleMemory, TestClock};
use tokio::sync::Barrier;

use super::{Browser, Fault, NOW, Operation, Plain, Probe, SECRET, begin};

/// The work of a handler, for tests that try several.
pub(crate) type Step = fn(&Session);

/// For tests that need nothing but the defaults.
pub(crate) fn defaults(config: SessionConfigBuilder) -> SessionConfigBuilder {
    config
}

pub(crate) struct App {
    pub(crate) manager: SessionManager,
    pub(crate) clock: TestClock,
    /// The store behind the probe of a [watched](App::server) app. The probe does not see calls on it. Other apps leave
    /// it empty.
    pub(crate) memory: MemoryBackend,
}

impl App {
    pub(crate) fn new(clock: TestClock, configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        let config = configure(SessionConfig::builder(SECRET, "id").clock(clock.clone()));
        let memory = MemoryBackend::builder().clock(clock.clone()).build();
        Self { manager: SessionManager::new(config.build().expect("the configuration is valid")), clock, memory }
    }

    /// Sessions live in the cookie.
    pub(crate) fn in_cookie(configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        Self::new(TestClock::at(NOW), configure)
    }

    /// Sessions are kept in memory, behind a probe.
    pub(crate) fn server(configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> (Self, Probe) {
        Self::watched(false, configure)
    }

    /// Sessions are kept by a `plain` store that can't compare and set, or by one that can, behind a probe.
    pub(crate) fn watched(
        plain: bool,
        configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder,
    ) -> (Self, Probe) {
        let (clock, probe) = (TestClock::at(NOW), Probe::new());
        let memory = MemoryBackend::builder().clock(clock.clone()).build();
        let backend: Backend = match plain {
            true => probe.watch_simple(SimpleMemory::with_clock(clock.clone())).into(),
            false => probe.watch(memory.clone()).into(),
        };
        (Self { memory, ..Self::new(clock, |config| configure(config.backend(backend))) }, probe)
    }

    /// One app with a store that compares and sets, one with a store that can't. Both have long deadlines, because a
    /// busy machine must not decide a race.
    pub(crate) fn on_each_backend(configure: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> [Self; 2] {
        let on = |clock: TestClock, backend: Backend| {
            Self::new(clock, |config| configure(config.backend(backend).request_deadline(Duration::from_secs(60))))
        };
        let clock = TestClock::at(NOW);
        let memory = MemoryBackend::builder().clock(clock.clone()).build();
        [on(clock, memory.into()), on(TestClock::at(NOW), Plain::default().into())]
    }

    /// Moves the clock on by so many seconds.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The unread session of a request of this browser.
    pub(crate) fn handle(&self, browser: &Browser) -> SessionHandle {
        let header = browser.header();
        self.manager.open([header.as_bytes()])
    }

    /// A request of this browser that has loaded its session.
    pub(crate) async fn open(&self, browser: &Browser) -> Request {
        self.load(self.handle(browser)).await
    }

    /// A request that loads its session now.
    pub(crate) async fn load(&self, handle: SessionHandle) -> Request {
        let session = handle.load().await.expect("the session can be loaded");
        Request { handle, session }
    }

    /// A whole request that succeeds: opens, loads, handles, commits. The browser takes the cookie, if one is set, which
    /// is returned.
    pub(crate) async fn visit(&self, browser: &mut Browser, handler: impl FnOnce(&Session)) -> Option<String> {
        let request = self.open(browser).await;
        handler(&request);
        let response = request.respond(200).await;
        assert_succeeded(&response);
        assert!(response.session_used);
        browser.receive(&response);
        response.set_cookie.map(|cookie| cookie.as_str().to_owned())
    }

    /// A browser whose session holds this data.
    pub(crate) async fn browser_with(&self, json: &str) -> Browser {
        let mut browser = Browser::default();
        let map = SessionMap::from_json(json).expect("the test's own JSON");
        self.visit(&mut browser, |session| session.extend(&map).expect("a new session takes data")).await;
        browser
    }

    /// Returns the data that a new request of this browser finds.
    pub(crate) async fn data(&self, browser: &Browser) -> String {
        self.open(browser).await.to_map().into_json()
    }
}

/// A request that has loaded its session.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) handle: SessionHandle,
    session: Session,
}

impl Request {
    pub(crate) async fn respond(&self, status: u16) -> Commit {
        self.handle.commit(status).await
    }

    /// Begins to save, and goes away while the store works. All calls of the store meet this fault.
    pub(crate) async fn cancel_save(&self, probe: &Probe, fault: Fault) {
        probe.fail(Operation::All, fault);
        begin(&mut pin!(self.save())).await;
        probe.heal();
    }
}

impl Deref for Request {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

pub(crate) fn assert_succeeded(response: &Commit) {
    assert!(response.error.is_none(), "{:?}", response.error);
}

/// Counts one more in `n`.
pub(crate) fn increment(session: &Session) {
    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).expect("n is a number");
}

/// A request in whose session `n` is 0, on a store that has been asked for nothing else.
pub(crate) async fn counting() -> (App, Probe, Browser, Request) {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(r#"{"n":0}"#).await;
    let request = app.open(&browser).await;
    probe.calls();
    (app, probe, browser, request)
}

/// Commits them all at once, each on a task of its own; none begins before all are ready.
pub(crate) async fn respond_together(requests: impl IntoIterator<Item = Request>) -> Vec<Commit> {
    let requests: Vec<_> = requests.into_iter().collect();
    let start = Arc::new(Barrier::new(requests.len()));
    let respond = |request: Request| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            request.respond(200).await
        })
    };
    let tasks: Vec<_> = requests.into_iter().map(respond).collect();
    let mut responses = Vec::new();
    for task in tasks {
        responses.push(task.await.expect("no commit panics"));
    }
    responses
}
