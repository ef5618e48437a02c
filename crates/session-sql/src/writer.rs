//! Makes writes, and those that wait at the same time in one transaction.
//!
//! SQLite allows one writer at a time, and a connection that waits for the lock polls. In a measurement, 32 clients
//! that polled on eight connections made a sixth of the writes per second that the queue makes: its writes don't poll,
//! and share the flush of their commit.
//!
//! On PostgreSQL, as many writes as there are connections are made at the same time. Others wait for a connection, and
//! share a flush too. They lock their rows in the order of the keys, so that transactions don't wait for each other in a
//! circle.

use std::sync::Arc;

use session_backend_support::Deadline;
use session_core::Applied;
use sqlx::{Connection as _, Error};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout_at};

use crate::dialect::Dialect;
use crate::error::Failure;
use crate::pool::LONGEST_LOAN;
use crate::queue::{Place, Write};
use crate::request::{Reply, Request};
use crate::store::{RuntimeState, Store};

/// The permit to write. Dropping it starts the writes that wait.
struct WritePermit<D: Dialect> {
    store: Arc<Store<D>>,
    state: Arc<RuntimeState<D>>,
}

/// The reason why writes were not committed together.
enum NotTogether {
    /// The database refused one of them, and nothing was applied. Each is then made alone.
    Refused,
    /// All of them fail with this failure.
    Failed(Failure),
    /// All their deadlines have passed. The caller of each learns from the claim whether it was begun.
    Late,
}

impl<D: Dialect> Drop for WritePermit<D> {
    fn drop(&mut self) {
        let batch = self.state.queue.next();
        if batch.is_empty() {
            self.store.give_back(&self.state);
            return;
        }
        // When a runtime ends, it drops the task and the writes. Their callers have ended with it.
        if let Ok(runtime) = Handle::try_current() {
            let permit = Self { store: self.store.clone(), state: self.state.clone() };
            runtime.spawn(async move { permit.store.write_all(&permit.state, batch).await });
        }
    }
}

impl<D: Dialect> Store<D> {
    /// Makes a write when its turn comes.
    pub(crate) async fn write(
        self: &Arc<Self>,
        state: &Arc<RuntimeState<D>>,
        request: &Arc<Request>,
        deadline: Deadline,
    ) -> Result<Reply, Failure> {
        let (claim, answer) = match state.queue.join(request, deadline) {
            Place::First => {
                let _permit = WritePermit { store: self.clone(), state: state.clone() };
                let _turn = self.take_turn().await;
                return self.attempt(state.writers(), request, deadline).await;
            }
            Place::Waiting(claim, answer) => (claim, answer),
        };
        // The connection of the write before it is then passed on.
        let _waiting = state.writers().wait();
        match timeout_at(deadline.until(), answer).await {
            Ok(Ok(outcome)) => outcome,
            _ if claim.take() => Err(Failure::queued::<D>(state.writers().limit(), deadline.timeout())),
            _ => Err(Failure::late::<D>(Applied::Maybe, deadline.timeout())),
        }
    }

    /// Gives a connection of the application back, because no write waits. If its pool has others, this is done a
    /// little later, since the next write is faster on a connection that has just written.
    fn give_back(&self, state: &Arc<RuntimeState<D>>) {
        match Handle::try_current() {
            Ok(runtime) if self.source.has_idle() => {
                if let Some(under_way) = state.giving_back.begin() {
                    let state = Arc::downgrade(state);
                    runtime.spawn(async move {
                        sleep(LONGEST_LOAN).await;
                        drop(under_way);
                        state.upgrade().inspect(|state| state.writer.give_back());
                    });
                }
            }
            _ => state.writer.give_back(),
        }
    }

    /// Makes writes, if possible in one transaction.
    async fn write_all(&self, state: &RuntimeState<D>, mut batch: Vec<Write>) {
        let _turn = self.take_turn().await;
        let outcome = if batch.len() > 1 {
            self.write_together(state, &mut batch).await
        } else {
            batch.retain(|write| write.claim.take());
            Err(NotTogether::Refused)
        };
        match outcome {
            Ok(replies) => {
                for (write, reply) in batch.into_iter().zip(replies) {
                    write.answer(Ok(reply));
                }
            }
            Err(NotTogether::Failed(failure)) => {
                for write in batch {
                    write.answer(Err(failure.clone()));
                }
            }
            Err(NotTogether::Late) => {}
            Err(NotTogether::Refused) => {
                for write in batch {
                    let outcome = self.attempt(state.writers(), &write.request, write.deadline).await;
                    write.answer(outcome);
                }
            }
        }
    }

    /// Makes writes in one transaction, and returns their replies once it is committed.
    ///
    /// A transaction of another process may delay its start. Writes whose deadline has passed by then are left out.
    async fn write_together(&self, state: &RuntimeState<D>, batch: &mut Vec<Write>) -> Result<Vec<Reply>, NotTogether> {
        let Some(last) = batch.iter().max_by_key(|write| write.deadline.until()) else { return Ok(Vec::new()) };
        let (deadline, last) = (last.deadline, last.request.clone());
        let failed = |failure| if deadline.is_ahead() { NotTogether::Failed(failure) } else { NotTogether::Late };
        let mut connection = self.source.acquire(state.writers(), deadline).await.map_err(failed)?;
        let work = async {
            let mut transaction = match connection.begin_with(D::TOGETHER.unwrap_or("BEGIN")).await {
                Ok(transaction) => transaction,
                // Nothing has been applied, as after a read.
                Err(error) => return Err(NotTogether::Failed(Failure::of_request::<D>(&error, &Request::Time))),
            };
            batch.retain(|write| write.claim.take());
            batch.sort_by(|a, b| a.request.single_row().cmp(&b.request.single_row()));
            let writes: Vec<&Request> = batch.iter().map(|write| &*write.request).collect();
            let replies = self.dialect.run_all(&mut transaction, &writes).await.map_err(|_| NotTogether::Refused)?;
            match transaction.commit().await {
                Ok(()) => Ok(replies),
                Err(Error::Database(_)) => Err(NotTogether::Refused),
                Err(error) => Err(NotTogether::Failed(Failure::of_request::<D>(&error, &last))),
            }
        };
        let outcome = timeout_at(deadline.until(), work).await.unwrap_or(Err(NotTogether::Late));
        match &outcome {
            Ok(_) => connection.release(),
            Err(NotTogether::Failed(failure)) if failure.connection_is_usable => connection.release(),
            // Some errors end the transaction without the client library's knowledge, so the connection is dropped,
            // which closes it.
            Err(NotTogether::Refused) => {}
            Err(_) => state.writers().close_idle(),
        }
        outcome
    }
}
