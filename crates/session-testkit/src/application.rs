//! Sessions for the tests of an application.

use session_core::{
    Backend, MemoryBackend, Session, SessionConfig, SessionConfigBuilder, SessionError, SessionHandle, SessionManager,
};

use crate::{CookieJar, Probe, TestClock};

/// The first time of the tests' clock, in Unix seconds.
const START: u64 = 1_700_000_000;

/// Sessions for the tests of an application: a configuration, a clock that the test moves and a store that can fail.
///
/// Cookies go in and out as text, so it works with every framework. See [Testing your
/// application](crate#testing-your-application).
///
/// ```
/// use session_testkit::TestSessions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sessions = TestSessions::new();
/// let jar = sessions.jar_with(|session| session.insert("cart", 3)).await;
/// assert!(jar.header().starts_with("session="));
/// assert_eq!(sessions.read(&jar).await.get::<u32>("cart").unwrap(), Some(3));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestSessions {
    config: SessionConfig,
    /// Uses the store without the probe, so that the helper's own calls neither fail nor count.
    unwatched: SessionManager,
    clock: TestClock,
    store: Probe,
}

impl TestSessions {
    /// Keeps sessions in a memory store, with a cookie named `session` and the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::in_store(|config| config)
    }

    /// Keeps sessions in a memory store, with settings of the application.
    ///
    /// # Panics
    ///
    /// If the builder refuses the settings.
    #[must_use]
    pub fn in_store(configure: impl Fn(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        let (clock, store) = (TestClock::at(START), Probe::new());
        let memory = MemoryBackend::builder().clock(clock.clone()).build();
        let [config, unwatched] = [Backend::from(store.watch(memory.clone())), memory.into()]
            .map(|backend| build(configure(start(&clock).backend(backend))));
        Self { config, unwatched: SessionManager::new(unwatched), clock, store }
    }

    /// Keeps sessions in the cookie, with settings of the application.
    ///
    /// # Panics
    ///
    /// If the builder refuses the settings.
    #[must_use]
    pub fn in_cookie(configure: impl Fn(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        let clock = TestClock::at(START);
        let config = build(configure(start(&clock)));
        Self { unwatched: SessionManager::new(config.clone()), config, clock, store: Probe::new() }
    }

    /// Returns the configuration, for the application's layer or middleware.
    #[must_use]
    pub fn config(&self) -> SessionConfig {
        self.config.clone()
    }

    /// Returns the clock, which stands still until the test moves it. It starts in November 2023.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Returns the probe of the application's store, which records calls and injects faults. It does not see the calls
    /// of `TestSessions` itself, except those through [`handle`](Self::handle).
    #[must_use]
    pub fn store(&self) -> &Probe {
        &self.store
    }

    /// Makes a session, and returns a jar with its cookie. The closure prepares the session: it inserts data, or signs
    /// a user in.
    ///
    /// # Panics
    ///
    /// If the closure fails, or the session can't be committed.
    pub async fn jar_with(&self, prepare: impl FnOnce(&Session) -> Result<(), SessionError>) -> CookieJar {
        let handle = self.unwatched.open([]);
        let session = handle.load().await.expect("the memory store answers");
        prepare(&session).expect("the session takes the data");
        let commit = handle.commit(200).await;
        assert!(commit.error.is_none(), "the session can't be committed: {:?}", commit.error);
        let mut jar = CookieJar::new();
        jar.receive(commit.set_cookies().map(|set_cookie| set_cookie.as_str()));
        jar
    }

    /// Returns the session of these cookies. It is empty if the session has expired or was destroyed.
    ///
    /// Changes of the returned session are not stored. Its [`absence`](Session::absence) tells why it is empty.
    ///
    /// # Panics
    ///
    /// If the session can't be loaded, for example because it is unreadable and
    /// [`OnCorrupt::Fail`](session_core::OnCorrupt::Fail) is configured.
    pub async fn read(&self, jar: &CookieJar) -> Session {
        open(&self.unwatched, jar).load().await.expect("the memory store answers")
    }

    /// Returns the handle of a request with these cookies, for a test that calls a handler as a function, without a
    /// layer. It converts into an adapter's handle with `From`. Call [`commit`](SessionHandle::commit) to store the
    /// changes.
    #[must_use]
    pub fn handle(&self, jar: &CookieJar) -> SessionHandle {
        open(&SessionManager::new(self.config.clone()), jar)
    }
}

impl Default for TestSessions {
    fn default() -> Self {
        Self::new()
    }
}

fn open(manager: &SessionManager, jar: &CookieJar) -> SessionHandle {
    manager.open([jar.header().as_bytes()])
}

fn start(clock: &TestClock) -> SessionConfigBuilder {
    SessionConfig::builder("of the tests of an application alone", "session").clock(clock.clone())
}

fn build(config: SessionConfigBuilder) -> SessionConfig {
    config.build().unwrap_or_else(|error| panic!("the settings are refused: {error}"))
}
