//! One database: ends calls in time, notices outages, and probes the database until it answers.

use std::sync::{Arc, Weak};
use std::time::Duration;

use session_backend_support::{Background, Breaker, CallTimeout, Deadline, Detached, Outage, PerRuntime, UnderWay};
use session_core::{Applied, BackendErrorKind};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout, timeout_at};

use crate::dialect::{Dialect, Then};
use crate::engine::{Boxed, Engine};
use crate::error::Failure;
use crate::pool::{Pool, Source};
use crate::queue::Queue;
use crate::request::{Reply, Request, Swept};
use crate::sweep::Sweep;
use crate::table::SCHEMA_KEY;

/// The pause before a request is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The pause between two probes of a database that does not answer.
const PROBE_PAUSE: Duration = Duration::from_millis(100);

/// The longest time for which a write waits for writes of other runtimes.
const LONGEST_TURN: Duration = Duration::from_millis(20);

/// The longest time for creating the table.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time for counting all sessions.
const COUNT_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Store<D: Dialect> {
    pub(crate) dialect: D,
    pub(crate) source: Source<D::Database>,
    pub(crate) max_connections: usize,
    /// One permit: the runtimes of this process write to the file one at a time.
    pub(crate) turn: Semaphore,
    pub(crate) timeout: CallTimeout,
    pub(crate) breaker_threshold: u32,
    pub(crate) outage: Outage,
    pub(crate) sweep: Option<Sweep>,
    pub(crate) states: PerRuntime<RuntimeState<D>>,
}

/// The state of the database as one runtime sees it.
///
/// If a handler blocks its runtime, that runtime misses replies, which must not open the breaker of another runtime.
pub(crate) struct RuntimeState<D: Dialect> {
    pool: Pool<D>,
    /// The connection that writes to the file. It has the last written pages in its cache.
    pub(crate) writer: Pool<D>,
    pub(crate) queue: Queue,
    /// The task that gives the writer's connection back.
    pub(crate) giving_back: Background,
    breaker: Breaker,
    probing: Background,
}

impl<D: Dialect> RuntimeState<D> {
    /// Returns the connections that write.
    pub(crate) fn writers(&self) -> &Pool<D> {
        if D::IS_FILE { &self.writer } else { &self.pool }
    }
}

impl<D: Dialect> Engine for Store<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn call(self: Arc<Self>, request: Request) -> Boxed<Reply> {
        if let Some(sweep) = &self.sweep {
            sweep.start(&self);
        }
        Box::pin(Detached::new(async move { Ok(self.guarded(&Arc::new(request)).await?) }))
    }

    fn create_table(self: Arc<Self>) -> Boxed<()> {
        Box::pin(async move {
            let late = |_| Failure::late::<D>(Applied::Maybe, SCHEMA_TIMEOUT);
            let created = timeout(SCHEMA_TIMEOUT, self.run_schema()).await.map_err(late);
            Ok(created.flatten().map_err(|failure| failure.at(self.outage.server()))?)
        })
    }

    fn count(self: Arc<Self>, key_prefix: String) -> Boxed<u64> {
        Box::pin(async move {
            let request = Request::Count { key_prefix };
            let late = |_| Failure::late::<D>(Applied::No, COUNT_TIMEOUT);
            let counted = timeout(COUNT_TIMEOUT, self.run_apart(&request)).await.map_err(late);
            match counted.flatten() {
                Ok(Reply::Number(sessions)) => Ok(sessions),
                Ok(_) => Ok(0),
                Err(failure) => Err(failure.at(self.outage.server()).into()),
            }
        })
    }

    fn sweep(self: Arc<Self>) -> Boxed<Swept> {
        Box::pin(async move {
            let (state, deadline) = (self.state(), Deadline::after(self.timeout.get()));
            match self.attempts(&state, &Arc::new(Request::Sweep), deadline).await {
                Ok(Reply::Swept(swept)) => Ok(swept),
                Ok(_) => Ok(Swept::default()),
                Err(failure) => Err(failure.at(self.outage.server()).into()),
            }
        })
    }
}

impl<D: Dialect> Store<D> {
    /// Runs a request, unless the breaker is open.
    async fn guarded(self: &Arc<Self>, request: &Arc<Request>) -> Result<Reply, Failure> {
        let deadline = Deadline::after(self.timeout.get());
        let state = self.state();
        let Some(mut permit) = state.breaker.admit(deadline) else {
            self.probe(&state);
            let cause = self.outage.cause().unwrap_or_else(|| "the database did not answer the last calls".to_owned());
            return Err(self.failed(Failure::unavailable::<D>(cause), request));
        };
        permit.asked();
        match self.attempts(&state, request, deadline).await {
            Ok(reply) => {
                permit.answered();
                self.outage.succeeded(request.name());
                Ok(reply)
            }
            Err(failure) if failure.is_outage => {
                permit.unanswered();
                if state.breaker.is_open() {
                    self.probe(&state);
                }
                Err(self.failed(failure, request))
            }
            Err(failure) => {
                permit.answered();
                Err(self.failed(failure, request))
            }
        }
    }

    /// Runs a request, and repeats it after an obstacle that is likely to pass, until the deadline is near.
    async fn attempts(
        self: &Arc<Self>,
        state: &Arc<RuntimeState<D>>,
        request: &Arc<Request>,
        deadline: Deadline,
    ) -> Result<Reply, Failure> {
        let (mut reconnected, mut refusal) = (false, None);
        loop {
            // A write of several rows would hold their locks while the others of a transaction run.
            let queues = if D::IS_FILE { request.is_write() } else { request.single_row().is_some() };
            let outcome = if D::TOGETHER.is_some() && queues {
                self.write(state, request, deadline).await
            } else {
                self.attempt(&state.pool, request, deadline).await
            };
            if deadline.left() <= deadline.timeout() / 10 {
                return match (outcome, refusal) {
                    // This attempt ran out of time. The answer to the previous one tells why.
                    (Err(late), Some(refusal)) if late.applied == Applied::No => Err(refusal),
                    (outcome, _) => outcome,
                };
            }
            match &outcome {
                Ok(reply) if request.has_missed_a_row(reply) => {}
                Err(failure) if failure.then == Then::Retry => {
                    refusal = Some(failure.clone());
                    sleep(RETRY_PAUSE).await;
                }
                Err(failure) if failure.then == Then::Reconnect && !reconnected => reconnected = true,
                _ => return outcome,
            }
        }
    }

    pub(crate) async fn attempt(
        &self,
        pool: &Pool<D>,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Reply, Failure> {
        let mut connection = self.source.acquire(pool, deadline).await?;
        let outcome = timeout_at(deadline.until(), self.dialect.run(&mut connection, request)).await;
        let failure = match outcome {
            Ok(Ok(reply)) => {
                connection.release();
                return Ok(reply);
            }
            Ok(Err(error)) => Failure::of_request::<D>(&error, request),
            Err(_) => Failure::late::<D>(request.applied_without_reply(), deadline.timeout()),
        };
        if failure.connection_is_usable {
            connection.release();
        } else {
            pool.close_idle();
        }
        Err(failure)
    }

    /// Waits for the writes of other runtimes of this process.
    ///
    /// A runtime whose thread is blocked by a handler can't give up its turn, even after its statement has ended. So
    /// the wait is short.
    pub(crate) async fn take_turn(&self) -> Option<SemaphorePermit<'_>> {
        if !D::IS_FILE {
            return None;
        }
        if let Ok(turn) = self.turn.try_acquire() {
            return Some(turn);
        }
        timeout(LONGEST_TURN, self.turn.acquire()).await.ok()?.ok()
    }

    /// Reports a failed call.
    fn failed(&self, failure: Failure, request: &Request) -> Failure {
        // A value that another program has made unreadable is not a failure of the database.
        if failure.kind != BackendErrorKind::Corrupt {
            let operation = (!failure.is_outage).then(|| request.name());
            self.outage.failed(operation, &failure.cause);
        }
        failure.at(self.outage.server())
    }

    fn state(&self) -> Arc<RuntimeState<D>> {
        self.states.get(|| RuntimeState {
            pool: Pool::new(self.max_connections),
            writer: Pool::of_writer(),
            queue: if D::IS_FILE { Queue::new(1, 64) } else { Queue::new(self.max_connections, 16) },
            giving_back: Background::default(),
            breaker: Breaker::new(self.breaker_threshold),
            probing: Background::default(),
        })
    }

    /// Probes the database until it answers.
    fn probe(self: &Arc<Self>, state: &Arc<RuntimeState<D>>) {
        if let Some(under_way) = state.probing.begin() {
            tokio::spawn(probe(Arc::downgrade(self), Arc::downgrade(state), under_way));
        }
    }

    async fn run_apart(&self, request: &Request) -> Result<Reply, Failure> {
        let mut connection =
            self.source.acquire_apart(self.timeout.get()).await.map_err(|error| Failure::of_connecting::<D>(&error))?;
        let reply = async {
            self.dialect.lift_limits(&mut connection).await?;
            self.dialect.run(&mut connection, request).await
        };
        reply.await.map_err(|error| Failure::of_request::<D>(&error, request))
    }

    async fn run_schema(&self) -> Result<(), Failure> {
        loop {
            let mut connection = self
                .source
                .acquire_apart(self.timeout.get())
                .await
                .map_err(|error| Failure::of_connecting::<D>(&error))?;
            let Err(error) = self.dialect.run_script(&mut connection, self.dialect.schema()).await else {
                return Ok(());
            };
            let failure = Failure::of_request::<D>(&error, &Request::Sweep);
            if failure.then != Then::Retry {
                return Err(failure);
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}

async fn probe<D: Dialect>(store: Weak<Store<D>>, state: Weak<RuntimeState<D>>, _under_way: UnderWay) {
    let request = Request::Fetch { key: SCHEMA_KEY.to_owned() };
    loop {
        sleep(PROBE_PAUSE).await;
        let (Some(store), Some(state)) = (store.upgrade(), state.upgrade()) else { return };
        let outcome = store.attempt(&state.pool, &request, Deadline::after(store.timeout.get())).await;
        if !outcome.is_err_and(|failure| failure.is_outage) {
            // If a call opens the breaker again before this task has ended, the next call starts a new probe.
            state.breaker.close();
            store.outage.succeeded(request.name());
            return;
        }
    }
}
