//! A node: its connections, its breaker, and calls that end by their deadline.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_backend_support::{Breaker, CallTimeout, Deadline, Outage, PerRuntime, Permit, outage};
use session_core::BackendError;
use tokio::time::timeout_at;

use crate::address::Address;
use crate::command::{Command, Reply};
use crate::connection::Connection;
use crate::error::CallError;
use crate::key::Key;
use crate::pool::Pool;

/// The pause before one call tries a node that does not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// A node of the cluster. All runtimes share it, except for the connections.
pub(crate) struct Node {
    address: Address,
    limits: Limits,
    pools: PerRuntime<Pool>,
    breaker: Breaker,
    outage: Outage,
}

/// The limits of each node.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) timeout: CallTimeout,
    pub(crate) connections: usize,
    pub(crate) breaker_threshold: u32,
}

impl Node {
    pub(crate) fn new(address: Address, limits: Limits) -> Self {
        let outage = outage!("memcached", address.to_string());
        let breaker = Breaker::half_open(limits.breaker_threshold, PAUSE);
        Self { address, limits, pools: PerRuntime::new(), breaker, outage }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the permission to make one call, unless the breaker is open.
    pub(crate) fn admit(&self, deadline: Deadline) -> Option<Permit<'_>> {
        self.breaker.admit(deadline)
    }

    /// Returns the error of a call that was not admitted.
    pub(crate) fn failing_fast(&self) -> BackendError {
        let cause = self.outage.cause().unwrap_or_else(|| "no reply to the last calls".to_owned());
        self.outage.failed(None, &cause);
        CallError::FailingFast(cause).into_error(self.outage.server(), false)
    }

    /// Makes a call, which ends by the deadline.
    pub(crate) async fn call(
        &self,
        mut permit: Permit<'_>,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<Reply, BackendError> {
        let mut sent = false;
        let attempts = self.attempts(&mut permit, &mut sent, key, &command, deadline);
        let outcome = match timeout_at(deadline.until(), attempts).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.time_is_over(&permit, sent, deadline)),
        };
        match &outcome {
            Err(error) if error.is_outage() => permit.unanswered(),
            Err(error) if error.is_undecided() => drop(permit),
            _ => permit.answered(),
        }
        match outcome {
            Ok(reply) => {
                self.outage.succeeded(command.name());
                Ok(reply)
            }
            Err(error) => {
                // A write on a stale connection has not failed yet, because the stored item will tell whether it was
                // applied.
                if !matches!(error, CallError::Stale(_)) {
                    self.outage.failed(error.is_refusal().then(|| command.name()), &error.in_full());
                }
                Err(error.into_error(self.outage.server(), sent && !command.is_read()))
            }
        }
    }

    /// Returns the node's time. Tools ask for it, so it has a connection of its own, and the breaker is not asked.
    pub(crate) async fn time(&self, deadline: Deadline) -> Result<SystemTime, BackendError> {
        let asked = timeout_at(deadline.until(), async { self.connect().await?.time().await });
        let time = asked.await.unwrap_or_else(|_| Err(CallError::NoReply(deadline.timeout())));
        time.map_err(|error| error.into_error(self.outage.server(), false))
    }

    async fn attempts(
        &self,
        permit: &mut Permit<'_>,
        sent: &mut bool,
        key: Key<'_>,
        command: &Command<'_>,
        deadline: Deadline,
    ) -> Result<Reply, CallError> {
        let pool = self.pools.get(|| Pool::new(self.limits.connections));
        let _turn = pool.turn().await;
        permit.asked();
        let connection = match pool.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        // An earlier step of the call may have used up the time.
        if !deadline.is_ahead() {
            return Err(CallError::NoReply(deadline.timeout()));
        }
        *sent = true;
        match attempt(&pool, connection, key, command).await {
            Err(CallError::Stale(_) | CallError::Lost(_)) if command.is_idempotent() => {
                attempt(&pool, self.connect().await?, key, command).await
            }
            outcome => outcome,
        }
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        Connection::open(&self.address, self.limits.timeout.get()).await
    }

    fn time_is_over(&self, permit: &Permit<'_>, sent: bool, deadline: Deadline) -> CallError {
        let timeout = deadline.timeout();
        match () {
            () if deadline.is_long_over() => CallError::Blocked(timeout),
            () if sent => CallError::NoReply(timeout),
            () if permit.has_asked_long() => CallError::NoConnection(timeout),
            () => CallError::NoFreeConnection(timeout),
        }
    }
}

async fn attempt(
    pool: &Arc<Pool>,
    mut connection: Connection,
    key: Key<'_>,
    command: &Command<'_>,
) -> Result<Reply, CallError> {
    let outcome = connection.call(key, command).await;
    match &outcome {
        Ok(_) => pool.put(connection),
        // A node that has closed one of its connections has usually closed all.
        Err(CallError::Stale(_)) => pool.clear(),
        Err(_) => {}
    }
    outcome
}
