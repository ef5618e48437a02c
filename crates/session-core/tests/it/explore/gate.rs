//! The store as the library sees it: every call waits until the schedule lets it through.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use session_core::{
    AtomicBackend, BackendError, Create, ISessionBackend, Marker, Remove, Replace, Rotate, SessionMap, StoreFuture,
    Stored, Touch, WriteOutcome, async_trait,
};

use super::call::{Call, Reply};

/// A backend of either kind. The schedule takes the calls out of it and puts the replies in.
#[derive(Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    /// The request that is polled now.
    polled: usize,
    waiting: Vec<Waiting>,
    /// The replies to all calls of the run, in the order of the calls.
    replies: Vec<Option<Result<Reply, BackendError>>>,
}

/// A call that was made and not answered.
pub(super) struct Waiting {
    pub(super) request: usize,
    pub(super) call: Call,
    number: usize,
}

impl Gate {
    /// Forgets the last run.
    pub(super) fn reset(&self) {
        *self.state() = State::default();
    }

    /// Says whose calls come next.
    pub(super) fn polling(&self, request: usize) {
        self.state().polled = request;
    }

    /// Takes the calls that were made since.
    pub(super) fn take_calls(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.state().waiting)
    }

    /// Answers a call.
    pub(super) fn answer(&self, waiting: &Waiting, reply: Result<Reply, BackendError>) {
        self.state().replies[waiting.number] = Some(reply);
    }

    /// Waits for a turn without asking the store.
    ///
    /// With a plain backend the library takes a lock before a write. So the order in which requests begin to write
    /// matters, and is one more thing to decide.
    pub(super) async fn turn(&self) {
        // No fault meets a turn.
        let _ = self.pass(Call::Turn).await;
    }

    async fn pass(&self, call: Call) -> Result<Reply, BackendError> {
        let number = {
            let mut state = self.state();
            let (request, number) = (state.polled, state.replies.len());
            state.replies.push(None);
            state.waiting.push(Waiting { request, call, number });
            number
        };
        poll_fn(|_| self.state().replies[number].take().map_or(Poll::Pending, Poll::Ready)).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no call panics")
    }

    /// Passes a call on, and takes what the reply must be out of it.
    fn reply<'a, T>(&'a self, call: Call, take: fn(Reply) -> Option<T>) -> StoreFuture<'a, T>
    where
        T: Send + 'a,
    {
        StoreFuture::pending(async move { Ok(take(self.pass(call).await?).expect(FITS)) })
    }
}

const FITS: &str = "the reply is one to this call";

impl AtomicBackend for Gate {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        self.reply(Call::Fetch { key: key.into() }, |reply| match reply {
            Reply::Found(found) => Some(found),
            _ => None,
        })
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        let call = Call::Create { key: create.key.into(), session: create.session.clone(), ttl: create.ttl };
        self.reply(call, written)
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        let Replace { key, session, ttl, version, .. } = replace;
        let call = Call::Replace { key: key.into(), session: session.clone(), ttl, version: version.clone() };
        self.reply(call, written)
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        let Remove { key, version, marker, .. } = remove;
        let call = Call::Remove { key: key.into(), version: version.cloned(), marker };
        self.reply(call, |reply| match reply {
            Reply::Removed(outcome) => Some(outcome),
            _ => None,
        })
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        self.reply(Call::Touch { key: touch.key.into(), ttl: touch.ttl }, |reply| match reply {
            Reply::Touched(touched) => Some(touched),
            _ => None,
        })
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        let Rotate { old, new, session, ttl, version, .. } = rotate;
        let (session, version) = (session.clone(), version.clone());
        self.reply(Call::Rotate { old: old.into(), new: new.into(), session, ttl, version }, written)
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.reply(Call::Marker { key: key.into() }, |reply| match reply {
            Reply::Marked(marker) => Some(marker),
            _ => None,
        })
    }
}

fn written(reply: Reply) -> Option<WriteOutcome> {
    match reply {
        Reply::Written(outcome) => Some(outcome),
        _ => None,
    }
}

#[async_trait]
impl ISessionBackend for Gate {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        match self.pass(Call::Get { key: key.into() }).await? {
            Reply::Got(found) => Ok(found),
            _ => panic!("{FITS}"),
        }
    }

    async fn set(&self, key: &str, session: &SessionMap, _ttl: Duration) -> Result<(), BackendError> {
        self.pass(Call::Set { key: key.into(), session: session.clone() }).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.pass(Call::Delete { key: key.into() }).await.map(drop)
    }
}
