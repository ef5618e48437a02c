//! A connection, which is opened when a call needs it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error as FredError;
use fred::interfaces::ClientLike;
use session_backend_support::{AbortOnDrop, Deadline};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::error::{CallError, Failure, no_connection_within};
use crate::settings::Settings;

/// The shortest time between two open connections that are given up.
const LEAVE_PAUSE: Duration = Duration::from_millis(100);

/// A client with one connection, which it never reopens.
///
/// It is closed when the last call that uses it has ended and no further call can get it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The timeout of a call without its own timeout.
    pub(crate) timeout: Duration,
    /// The task that moves bytes between calls and server. It ends with the connection or the runtime.
    driver: AbortOnDrop<Result<(), FredError>>,
}

/// The connection from one runtime to one server, which is opened when there is none.
#[derive(Default)]
pub(crate) struct Connector(Mutex<State>);

#[derive(Default)]
struct State {
    link: Link,
    last_left: Option<Instant>,
}

#[derive(Default)]
enum Link {
    #[default]
    Closed,
    Opening(watch::Receiver<Option<Attempt>>),
    Open(Arc<Connection>),
}

type Attempt = Result<Arc<Connection>, Failure>;

impl Connection {
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let timeout = settings.timeout.get();
        let refused = |error: FredError| Failure::of_connecting(&error, timeout);
        let client = settings.client(timeout).map_err(refused)?;
        let driver = AbortOnDrop(client.init().await.map_err(refused)?);
        Ok(Self { client, timeout, driver })
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.driver.0.is_finished()
    }
}

impl Connector {
    /// Returns the connection if it is open.
    pub(crate) fn connected(&self) -> Option<Arc<Connection>> {
        match &self.state().link {
            Link::Open(connection) if connection.is_open() => Some(connection.clone()),
            _ => None,
        }
    }

    /// Opens a connection. Concurrent calls share one attempt, which continues if they are cancelled.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        settings: &Arc<Settings>,
        deadline: Deadline,
    ) -> Result<Arc<Connection>, CallError> {
        let mut attempt = match self.begin(settings) {
            Ok(connection) => return Ok(connection),
            Err(attempt) => attempt,
        };
        match timeout_at(deadline.until(), attempt.wait_for(Option::is_some)).await {
            Ok(outcome) => match outcome.ok().as_deref() {
                Some(Some(outcome)) => Ok(outcome.clone()?),
                _ => Err(CallError::unavailable("connecting was aborted")),
            },
            Err(_) => Err(CallError::unavailable(no_connection_within(deadline.timeout()))),
        }
    }

    /// Returns the connection if it is open, or else the attempt to make one.
    fn begin(self: &Arc<Self>, settings: &Arc<Settings>) -> Result<Arc<Connection>, watch::Receiver<Option<Attempt>>> {
        let mut state = self.state();
        match &state.link {
            Link::Open(connection) if connection.is_open() => return Ok(connection.clone()),
            // An attempt that was aborted has lost its sender.
            Link::Opening(attempt) if attempt.has_changed().is_ok() => return Err(attempt.clone()),
            _ => {}
        }
        let (sender, attempt) = watch::channel(None);
        state.link = Link::Opening(attempt.clone());
        let (connector, settings) = (self.clone(), settings.clone());
        tokio::spawn(async move {
            let outcome = Connection::open(&settings).await.map(Arc::new);
            connector.state().link = match &outcome {
                Ok(connection) => Link::Open(connection.clone()),
                Err(_) => Link::Closed,
            };
            sender.send_replace(Some(outcome));
        });
        Err(attempt)
    }

    /// Starts to connect, if there is no connection.
    pub(crate) fn start(self: &Arc<Self>, settings: &Arc<Settings>) {
        let _attempt = self.begin(settings);
    }

    /// Gives up a connection, so that the next call opens a new one, which leads to another server if the address has
    /// changed. Calls on the old connection still end normally. Returns `false` if another connection was given up just
    /// before.
    pub(crate) fn leave(&self, left: &Arc<Connection>) -> bool {
        let mut state = self.state();
        if !matches!(&state.link, Link::Open(connection) if Arc::ptr_eq(connection, left)) {
            return true;
        }
        if state.last_left.is_some_and(|last| last.elapsed() < LEAVE_PAUSE) {
            return false;
        }
        *state = State { link: Link::Closed, last_left: Some(Instant::now()) };
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
