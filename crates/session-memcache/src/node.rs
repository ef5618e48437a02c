//! A node: its connections, its breaker, and calls that take no longer than they may.

use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use session_core::BackendError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::breaker::{Breaker, Change};
use crate::command::{Command, Reply};
use crate::connection::Connector;
use crate::deadline::Deadline;
use crate::error::CallError;
use crate::key::Key;

/// The pause before one call tries a node that is down.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Node {
    pool: Pool<Connector>,
    /// One for each connection of the pool, so that waiting for one can be told from waiting for the node.
    slots: Semaphore,
    limit: Duration,
    breaker: Breaker,
}

/// The limits of each node.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) breaker_threshold: u32,
}

impl Node {
    pub(crate) fn new(address: Address, limits: Limits) -> Self {
        let Limits { timeout, connections, breaker_threshold } = limits;
        let pool = Pool::builder(Connector::new(address, timeout)).max_size(connections).build();
        let pool = pool.expect("a pool without timeouts of its own needs no runtime");
        let slots = Semaphore::new(connections);
        Self { pool, slots, limit: timeout, breaker: Breaker::new(breaker_threshold, PAUSE) }
    }

    pub(crate) fn address(&self) -> &Address {
        self.pool.manager().address()
    }

    /// Leave to make one call, unless the node is known to be down.
    pub(crate) fn admit(&self) -> Option<Admitted<'_>> {
        let admitted = self.breaker.admit(Instant::now());
        admitted.then(|| Admitted { node: self, working_since: None, sent: false, settled: false })
    }

    /// The error of a node that is known to be down.
    pub(crate) fn down(&self) -> BackendError {
        CallError::Down.into_error(self.address().to_string(), false)
    }
}

/// Leave to make one call. Reports to the breaker how it went, also when the call is given up.
pub(crate) struct Admitted<'a> {
    node: &'a Node,
    /// When a connection was ours to use or to make.
    working_since: Option<Instant>,
    sent: bool,
    settled: bool,
}

impl Admitted<'_> {
    /// Makes the call, until the deadline.
    pub(crate) async fn call(
        mut self,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<Reply, BackendError> {
        let outcome = match timeout_at(deadline.until(), self.attempts(key, &command)).await {
            Ok(outcome) => outcome,
            Err(_) if self.working_since.is_none() => Err(CallError::Busy),
            Err(_) => Err(CallError::TimedOut),
        };
        self.record(&outcome);
        outcome.map_err(|fault| fault.into_error(self.node.address().to_string(), self.sent && !command.is_read()))
    }

    async fn attempts(&mut self, key: Key<'_>, command: &Command<'_>) -> Result<Reply, CallError> {
        // Never closed: it lives as long as the node.
        let _slot = self.node.slots.acquire().await.map_err(|_| CallError::Busy)?;
        self.working_since = Some(Instant::now());
        match self.attempt(key, command).await {
            // A connection that was waiting in the pool when the server was restarted. Nothing but a read can be sent
            // again: the reply to a write may have been lost on its way.
            Err(CallError::Lost(_)) if command.is_read() => self.attempt(key, command).await,
            outcome => outcome,
        }
    }

    async fn attempt(&mut self, key: Key<'_>, command: &Command<'_>) -> Result<Reply, CallError> {
        let pool = &self.node.pool;
        let mut lease = match pool.get().await {
            Ok(object) => PooledConnection(Some(object)),
            Err(PoolError::Backend(fault)) => return Err(fault),
            Err(_) => return Err(CallError::Busy),
        };
        let Some(connection) = &mut lease.0 else { return Err(CallError::Busy) };
        self.sent = true;
        let outcome = connection.call(key, command).await;
        match &outcome {
            Ok(_) => lease.give_back(),
            Err(CallError::Lost(_)) => pool.manager().end_epoch(),
            Err(_) => {}
        }
        outcome
    }

    fn record(&mut self, outcome: &Result<Reply, CallError>) {
        self.settled = true;
        let breaker = &self.node.breaker;
        match outcome {
            Err(CallError::Busy | CallError::TimedOut) => self.gave_up(),
            Err(fault) if fault.is_outage() => self.failed(),
            // It answered, whatever it said.
            _ => {
                if breaker.succeeded() == Change::Closed {
                    tracing::info!(node = %self.node.address(), "memcached node is back");
                }
            }
        }
    }

    /// The time was over. To have waited for the node for long is a failure; to have waited for a connection is not.
    fn gave_up(&self) {
        if self.working_since.is_some_and(|since| since.elapsed() * 2 >= self.node.limit) {
            self.failed();
        } else {
            self.node.breaker.abandoned();
        }
    }

    fn failed(&self) {
        if self.node.breaker.failed(Instant::now()) == Change::Opened {
            tracing::warn!(node = %self.node.address(), "memcached node is down");
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        // Given up by the caller, whose time may be shorter than ours.
        if !self.settled {
            self.gave_up();
        }
    }
}

/// A connection that goes back to the pool only if its reply was read and belongs to the call; else, also when the call is
/// given up, it is closed.
struct PooledConnection(Option<Object<Connector>>);

impl PooledConnection {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
