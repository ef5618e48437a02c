//! One server, or a set of servers that the client treats as one.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use fred::clients::Client;
#[cfg(feature = "fred-10")]
use fred::clients::Pool;
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::Options;
use session_backend_support::{Background, Breaker, CallTimeout, Deadline, Outage, PerRuntime, UnderWay, outage};
use session_core::{Applied, BackendErrorKind};
use tokio::runtime::Handle;
#[cfg(feature = "fred-10")]
use tokio::time::timeout_at;
use tokio::time::{sleep, timeout};

use crate::command::{Command, PING};
use crate::connection::Connector;
use crate::error::CallError;
use crate::settings::{Settings, label};

/// The shortest timeout of a call.
const SHORTEST: Duration = Duration::from_millis(1);

/// The time that a call may take beyond its timeout. The call's own timer must fire first, because only the call knows
/// whether the command was sent.
pub(crate) const TIMEOUT_MARGIN: Duration = Duration::from_millis(10);

/// The pause between two probes of a server that does not answer.
const PROBE_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Node {
    link: Link,
    timeout: CallTimeout,
    outage: Outage,
}

enum Link {
    /// Connections that this crate makes: one for each runtime.
    Owned { settings: Arc<Settings>, states: PerRuntime<RuntimeState> },
    /// A client of the application, for all runtimes.
    #[cfg(feature = "fred-10")]
    External { pool: Pool, state: Arc<RuntimeState> },
}

/// The state of the server as one runtime sees it.
struct RuntimeState {
    connector: Arc<Connector>,
    breaker: Breaker,
    probing: Background,
}

impl RuntimeState {
    fn new(breaker_threshold: u32) -> Self {
        let breaker = Breaker::new(breaker_threshold);
        Self { connector: Arc::default(), breaker, probing: Background::default() }
    }
}

impl Node {
    /// Makes a server with connections that this crate makes. The first one is opened at once or, outside of a runtime,
    /// by the first call.
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let (settings, states) = (Arc::new(settings), PerRuntime::new());
        let outage = outage!("redis", label(&settings.config));
        let link = Link::Owned { settings: settings.clone(), states };
        let node = Arc::new(Self { link, timeout: settings.timeout.clone(), outage });
        if Handle::try_current().is_ok() {
            node.state().connector.start(&settings);
        }
        node
    }

    /// Makes a server with a client of the application.
    #[cfg(feature = "fred-10")]
    pub(crate) fn external(pool: Pool, timeout: CallTimeout, breaker_threshold: u32) -> Arc<Self> {
        let outage = outage!("redis", label(&pool.next().client_config()));
        let link = Link::External { pool, state: Arc::new(RuntimeState::new(breaker_threshold)) };
        Arc::new(Self { link, timeout, outage })
    }

    /// Returns `true` if the server is likely to answer.
    pub(crate) fn is_healthy(&self) -> bool {
        let state = self.state();
        !state.breaker.is_open() && state.connector.connected().is_some()
    }

    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout.get())
    }

    /// Sends a command and waits for the reply until the deadline. Fails fast if the last calls had no answer.
    ///
    /// A command that writes must be polled to its end. If it is cancelled, it may still be sent much later.
    pub(crate) async fn call(
        self: &Arc<Self>,
        command: Command<'_>,
        deadline: Deadline,
        asking: bool,
    ) -> Result<Value, CallError> {
        let state = self.state();
        let Some(mut permit) = state.breaker.admit(deadline) else {
            self.probe(&state);
            let cause = self.outage.cause().unwrap_or_else(|| "the server did not answer the last calls".to_owned());
            return Err(self.failed(CallError::unavailable(cause), command));
        };
        permit.asked();
        match self.attempt(&state, command, deadline, asking).await {
            Err(error) if error.is_outage() => {
                permit.unanswered();
                if state.breaker.is_open() {
                    self.probe(&state);
                }
                Err(self.failed(error, command))
            }
            Err(error) => {
                permit.answered();
                Err(self.failed(error, command))
            }
            Ok(reply) => {
                permit.answered();
                self.outage.succeeded(command.name());
                Ok(reply)
            }
        }
    }

    /// Makes a [call](Self::call) in its own box, in place, because moving the future of a call copies five kilobytes.
    pub(crate) fn boxed_call<'a>(
        self: &'a Arc<Self>,
        command: Command<'a>,
        deadline: Deadline,
    ) -> Pin<Box<dyn Future<Output = Result<Value, CallError>> + Send + 'a>> {
        // `Box::pin` would make the future on the stack and then copy it.
        let place = Box::new_uninit();
        let call: Pin<Box<_>> = Box::write(place, self.call(command, deadline, false)).into();
        call
    }

    async fn attempt(
        &self,
        state: &RuntimeState,
        command: Command<'_>,
        deadline: Deadline,
        asking: bool,
    ) -> Result<Value, CallError> {
        let settings = match &self.link {
            Link::Owned { settings, .. } => settings,
            #[cfg(feature = "fred-10")]
            Link::External { pool, .. } => {
                return match Box::pin(external(pool, command, deadline, asking)).await {
                    Err(error) if command.is_read() && error.is_lost_connection() => {
                        Box::pin(external(pool, command, deadline, asking)).await
                    }
                    outcome => outcome,
                };
            }
        };
        let (connection, deadline) = match state.connector.connected() {
            Some(connection) => (connection, deadline),
            None => (Box::pin(state.connector.connect(settings, deadline)).await?, deadline.next_step()),
        };
        let outcome = if deadline.is_first_step() && deadline.timeout() == connection.timeout && !asking {
            // The settings of the client have the same timeout.
            command.send(&connection.client).await
        } else {
            Box::pin(send(&connection.client, command, deadline, asking)).await
        };
        match &outcome {
            // The server has closed the connection, perhaps long ago. A second GET changes nothing.
            Err(error) if command.is_read() && error.is_lost_connection() => {}
            Err(error) if error.is_wrong_server() && state.connector.leave(&connection) => {}
            _ => return outcome,
        }
        Box::pin(async {
            let connection = state.connector.connect(settings, deadline).await?;
            send(&connection.client, command, deadline, asking).await
        })
        .await
    }

    /// Reports a failed call.
    fn failed(&self, error: CallError, command: Command<'_>) -> CallError {
        let error = error.at(self.outage.server(), self.timeout.get());
        // An unreadable value of another program is not a failure of the server.
        if let Some(failure) = error.failure().filter(|failure| failure.kind() != BackendErrorKind::Corrupt)
            && command.is_needed()
        {
            let operation = (!failure.is_outage()).then(|| command.name());
            self.outage.failed(operation, failure.cause());
        }
        error
    }

    fn state(&self) -> Arc<RuntimeState> {
        match &self.link {
            Link::Owned { settings, states } => states.get(|| RuntimeState::new(settings.breaker_threshold)),
            #[cfg(feature = "fred-10")]
            Link::External { state, .. } => state.clone(),
        }
    }

    /// Probes the server until it answers.
    fn probe(self: &Arc<Self>, state: &Arc<RuntimeState>) {
        if let Some(under_way) = state.probing.begin() {
            tokio::spawn(probe(Arc::downgrade(self), Arc::downgrade(state), under_way));
        }
    }
}

async fn probe(node: Weak<Node>, state: Weak<RuntimeState>, _under_way: UnderWay) {
    loop {
        sleep(PROBE_PAUSE).await;
        let (Some(node), Some(state)) = (node.upgrade(), state.upgrade()) else { return };
        match node.attempt(&state, PING, node.deadline(), false).await {
            Err(error) if error.is_outage() => {
                // The host may have disappeared silently, or its address may lead to another server now.
                if let Some(connection) = state.connector.connected() {
                    state.connector.leave(&connection);
                }
            }
            _ => {
                // If a call opens the breaker again before this task has ended, the next call starts a new probe.
                state.breaker.close();
                node.outage.succeeded(PING.name());
                return;
            }
        }
    }
}

/// Sends a command by a client of the application.
#[cfg(feature = "fred-10")]
async fn external(pool: &Pool, command: Command<'_>, deadline: Deadline, asking: bool) -> Result<Value, CallError> {
    let client = pool.next_connected();
    if !client.is_connected() {
        // A command that waits in fred's queue can't be taken back, and may be sent at any time.
        let connected = timeout_at(deadline.until(), client.wait_for_connect()).await;
        // A connection that was made just before this wait is not announced again.
        if !matches!(connected, Ok(Ok(()))) && !client.is_connected() {
            return Err(CallError::unavailable("the client of the application is not connected"));
        }
    }
    send(client, command, deadline, asking).await
}

/// Sends a command, with the rest of the time as its timeout.
async fn send(client: &Client, command: Command<'_>, deadline: Deadline, asking: bool) -> Result<Value, CallError> {
    let left = deadline.left().max(SHORTEST);
    let options = Options { timeout: Some(left), max_attempts: Some(1), fail_fast: true, ..Options::default() };
    let reply = async {
        if asking {
            command.send_asking(&client.pipeline().with_options(&options)).await
        } else {
            command.send(&client.with_options(&options)).await
        }
    };
    // fred counts the time from when it sends. A client of the application may first have to finish other commands.
    let late = |_| CallError::new(BackendErrorKind::Timeout, Applied::Maybe, "no reply in time");
    timeout(left + TIMEOUT_MARGIN, reply).await.map_err(late)?
}

#[cfg(test)]
mod tests;
