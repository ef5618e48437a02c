//! The queue of the writes that wait for others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_backend_support::Deadline;
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::request::{Reply, Request};

/// The writes of one runtime: the number of those that are under way, or whose transaction is, and those that wait.
pub(crate) struct Queue {
    /// The largest number under way.
    limit: usize,
    /// The largest number in a transaction. It is limited because others wait while the transaction runs.
    most_together: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    under_way: usize,
    waiting: Vec<Write>,
}

/// A write that waits.
pub(crate) struct Write {
    pub(crate) request: Arc<Request>,
    pub(crate) deadline: Deadline,
    pub(crate) claim: Claim,
    reply: oneshot::Sender<Result<Reply, Failure>>,
}

/// Decides a race: either a write is begun, or its caller gives it up because its deadline has passed.
#[derive(Clone, Default)]
pub(crate) struct Claim(Arc<AtomicBool>);

/// A place in the queue.
pub(crate) enum Place {
    /// The write begins at once.
    First,
    /// The write waits, and the channel brings its reply.
    Waiting(Claim, oneshot::Receiver<Result<Reply, Failure>>),
}

impl Queue {
    pub(crate) fn new(limit: usize, most_together: usize) -> Self {
        Self { limit, most_together, state: Mutex::default() }
    }

    pub(crate) fn join(&self, request: &Arc<Request>, deadline: Deadline) -> Place {
        let mut state = self.lock();
        if state.under_way < self.limit {
            state.under_way += 1;
            return Place::First;
        }
        let ((reply, answer), claim) = (oneshot::channel(), Claim::default());
        state.waiting.push(Write { request: request.clone(), deadline, claim: claim.clone(), reply });
        Place::Waiting(claim, answer)
    }

    /// Takes the writes that are made next, in place of one that has ended. If none waits, the next one to join begins at
    /// once.
    pub(crate) fn next(&self) -> Vec<Write> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.under_way -= 1;
        }
        let next = state.waiting.len().min(self.most_together);
        state.waiting.drain(..next).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Returns `true` to the first caller only.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Write {
    pub(crate) fn answer(self, outcome: Result<Reply, Failure>) {
        // It fails if the caller's deadline has passed, and nothing waits for the reply.
        let _ = self.reply.send(outcome);
    }
}
