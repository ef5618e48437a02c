//! The queue of the writes to a file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_backend_support::Deadline;
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::request::{Reply, Request};

/// The largest number of writes in a transaction. It is limited because other processes wait while the transaction
/// runs.
const MOST_TOGETHER: usize = 64;

/// The writes of one runtime that wait while another write is under way; `None` if none is under way.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Option<Vec<Write>>>);

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
    /// No write is under way, so this one begins at once.
    First,
    /// The write waits, and the channel brings its reply.
    Waiting(Claim, oneshot::Receiver<Result<Reply, Failure>>),
}

impl Queue {
    pub(crate) fn join(&self, request: &Arc<Request>, deadline: Deadline) -> Place {
        let mut state = self.lock();
        let Some(waiting) = &mut *state else {
            *state = Some(Vec::new());
            return Place::First;
        };
        let ((reply, answer), claim) = (oneshot::channel(), Claim::default());
        waiting.push(Write { request: request.clone(), deadline, claim: claim.clone(), reply });
        Place::Waiting(claim, answer)
    }

    /// Takes the writes that are made next. If none waits, the next one to join begins at once.
    pub(crate) fn next(&self) -> Vec<Write> {
        let mut state = self.lock();
        match &mut *state {
            Some(waiting) if !waiting.is_empty() => waiting.drain(..waiting.len().min(MOST_TOGETHER)).collect(),
            _ => {
                *state = None;
                Vec::new()
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Write>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
