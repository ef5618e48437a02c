//! One server, or a set of them that the client treats as one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fred::clients::{Client, Pool};
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::Options;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::breaker::Breaker;
use crate::command::Command;
use crate::error::{Failure, RedisConfigError};
use crate::settings::Settings;

/// The least time that a call is given, and how exactly its time is measured.
const SHORTEST: Duration = Duration::from_millis(1);

/// The pause between two probes of a server that does not answer.
const PROBE_PAUSE: Duration = Duration::from_millis(100);

/// The pause before a client that gave up is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(250);

/// A connection that comes back by itself, and a breaker.
pub(crate) struct Node {
    pool: Pool,
    deadline: Duration,
    breaker: Breaker,
    /// Somebody probes the server already.
    probing: AtomicBool,
    /// Keeps our own client running; a client of the application's is its own concern.
    keeper: Option<OnceLock<AbortOnDrop>>,
}

impl Node {
    /// A client of our own, which is started at once or, outside a runtime, by the first call.
    pub(crate) fn new(settings: &Settings) -> Result<Arc<Self>, RedisConfigError> {
        let node = Self::with(settings.client()?, settings.deadline, settings.breaker_threshold, Some(OnceLock::new()));
        if Handle::try_current().is_ok() {
            node.start();
        }
        Ok(node)
    }

    /// A client of the application's.
    pub(crate) fn foreign(pool: Pool, deadline: Duration, breaker_threshold: u32) -> Arc<Self> {
        Self::with(pool, deadline, breaker_threshold, None)
    }

    fn with(pool: Pool, deadline: Duration, threshold: u32, keeper: Option<OnceLock<AbortOnDrop>>) -> Arc<Self> {
        Arc::new(Self { pool, deadline, breaker: Breaker::new(threshold), probing: AtomicBool::new(false), keeper })
    }

    /// Whether it is likely to answer.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.breaker.is_open() && self.pool.next_connected().is_connected()
    }

    /// When a call that begins now has to be over.
    pub(crate) fn time_limit(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Sends a command and waits for the reply, until then. Does not even try if the last calls had no answer.
    ///
    /// A command that writes is to be polled to its end: whoever stops before leaves it behind, and it may be sent long
    /// after.
    pub(crate) async fn call(
        self: &Arc<Self>,
        command: Command,
        until: Instant,
        asking: bool,
    ) -> Result<Value, Failure> {
        if self.breaker.is_open() {
            return Err(Failure::unavailable());
        }
        let mut waiting = Waiting { node: self, until, over: false };
        let outcome = self.attempt(command, until, asking).await;
        waiting.over = true;
        match &outcome {
            Err(failure) if failure.is_outage() => self.unanswered(),
            _ => self.heard(),
        }
        outcome
    }

    async fn attempt(&self, command: Command, until: Instant, asking: bool) -> Result<Value, Failure> {
        self.start();
        let client = self.pool.next_connected();
        if !client.is_connected() {
            // Not left to fred: what waits in its queue can't be taken back, and whether it was sent can't be told.
            Box::pin(wait_for_connection(client, until)).await?;
        }
        if asking {
            return Box::pin(command.send_asking(client)).await;
        }
        let left = until.saturating_duration_since(Instant::now()).max(SHORTEST);
        // The settings of our own client say the same, where the whole deadline is left.
        if self.keeper.is_some() && left + SHORTEST > self.deadline {
            return command.send(client).await;
        }
        // Boxed: a call of our own client is no larger for it.
        let options = Options { timeout: Some(left), max_attempts: Some(1), fail_fast: true, ..Options::default() };
        Box::pin(command.send(&client.with_options(&options))).await
    }

    fn unanswered(self: &Arc<Self>) {
        if self.breaker.unanswered() {
            tracing::warn!("redis does not answer: calls fail at once until it does");
            self.probe();
        }
    }

    fn heard(&self) {
        if self.breaker.answered() {
            tracing::info!("redis answers again");
        }
    }

    /// Asks the server from time to time, until it answers or nobody needs it any more.
    fn probe(self: &Arc<Self>) {
        if !self.probing.swap(true, Ordering::AcqRel) {
            tokio::spawn(probe(Arc::downgrade(self)));
        }
    }

    /// Starts our own client, if that was not done yet, and again whenever it gives up.
    fn start(&self) {
        let Some(keeper) = &self.keeper else { return };
        keeper.get_or_init(|| {
            let client = self.pool.next().clone();
            AbortOnDrop(tokio::spawn(async move {
                loop {
                    let mut running = AbortOnDrop(client.connect());
                    if let Ok(Err(error)) = (&mut running.0).await {
                        tracing::warn!(
                            kind = error.kind().to_str(),
                            "the client of redis gave up, it is started again"
                        );
                    }
                    sleep(RESTART_PAUSE).await;
                }
            }))
        });
    }
}

/// A call whose caller may lose patience.
struct Waiting<'a> {
    node: &'a Arc<Node>,
    until: Instant,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over || Handle::try_current().is_err() {
            return;
        }
        // Whoever waits about as long as the server was given has had no answer; a request that was dropped says nothing.
        if self.until.saturating_duration_since(Instant::now()) < self.node.deadline / 10 {
            self.node.unanswered();
        }
    }
}

async fn wait_for_connection(client: &Client, until: Instant) -> Result<(), Failure> {
    let connected = timeout_at(until, client.wait_for_connect()).await;
    // A connection that was made between the look at the state and the subscription is not announced again.
    if matches!(connected, Ok(Ok(()))) || client.is_connected() { Ok(()) } else { Err(Failure::unavailable()) }
}

async fn probe(node: Weak<Node>) {
    let mut missed = 0_u32;
    loop {
        sleep(PROBE_PAUSE).await;
        let Some(node) = node.upgrade() else { return };
        if node.breaker.is_open() {
            let until = Instant::now() + node.deadline;
            match node.attempt(Command::ping(), until, false).await {
                Err(failure) if failure.is_outage() => missed += 1,
                _ => node.heard(),
            }
        }
        if !node.breaker.is_open() {
            node.probing.store(false, Ordering::Release);
            // A call may have opened it again after the look, and relied on this task.
            if !node.breaker.is_open() || node.probing.swap(true, Ordering::AcqRel) {
                return;
            }
        }
        // A server that was stopped, or whose host is gone, leaves the connection open: a new one may end elsewhere. Not of
        // a client of the application's, which others may be waiting for.
        if missed.is_multiple_of(2) && node.keeper.is_some() {
            let reconnected = timeout(2 * node.deadline, node.pool.next().force_reconnection()).await;
            tracing::debug!(success = matches!(reconnected, Ok(Ok(()))), "connecting to redis anew");
        }
    }
}

struct AbortOnDrop(JoinHandle<Result<(), fred::error::Error>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
