//! The store as the library sees it: every call waits until the schedule lets it through.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use session_core::{
    AtomicBackend, BackendError, Create, ISessionBackend, IndexedSession, Marker, Remove, Replace, Rotate, SessionMap,
    StoreFuture, Stored, Touch, UserIndex, WriteOutcome, async_trait,
};

use super::call::{Call, Reply, User};

/// A backend of either kind. The schedule takes the calls out of it and puts the replies in.
pub(super) struct Gate {
    index: Index,
    state: Mutex<State>,
}

/// The way in which a store keeps its index of users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    None,
    /// A session and its entry are written in one call.
    AtOnce,
    /// An entry is written in a call of its own, before its session.
    EntryFirst,
    /// An entry is written after its session, which is a mistake.
    EntryLast,
}

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
    pub(super) fn new(index: Index) -> Self {
        Self { index, state: Mutex::default() }
    }

    /// Forgets the last run.
    pub(super) fn reset(&self) {
        *self.state() = State::default();
    }

    /// Names the request whose calls come next.
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
        self.state.lock().expect("no call panics")
    }

    /// Passes a call on, and takes the content out of the reply, which must be of the call's kind.
    fn reply<'a, T>(&'a self, call: Call, take: fn(Reply) -> Option<T>) -> StoreFuture<'a, T>
    where
        T: Send + 'a,
    {
        StoreFuture::pending(async move { Ok(take(self.pass(call).await?).expect(FITS)) })
    }

    /// Passes a call on that writes a session of a user under a key, with the call for its entry.
    fn reply_indexed<'a, T>(
        &'a self,
        key: &'a str,
        user: Option<&'a str>,
        call: impl FnOnce(User) -> Call + Send + 'a,
        take: fn(Reply) -> Option<T>,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'a,
    {
        let entry = user.map(|user| Call::Enter { key: key.into(), user: user.into() });
        match (self.index, entry) {
            (Index::EntryFirst, Some(entry)) => StoreFuture::pending(async move {
                self.pass(entry).await?;
                Ok(take(self.pass(call(None)).await?).expect(FITS))
            }),
            (Index::EntryLast, Some(entry)) => StoreFuture::pending(async move {
                let reply = take(self.pass(call(None)).await?).expect(FITS);
                self.pass(entry).await?;
                Ok(reply)
            }),
            _ => self.reply(call(user.map(Into::into)), take),
        }
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
        let Create { key, session, ttl, user, .. } = create;
        let call = move |user| Call::Create { key: key.into(), session: session.clone(), ttl, user };
        self.reply_indexed(key, user, call, written)
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        let Replace { key, session, ttl, version, user, .. } = replace;
        let version = version.clone();
        let call = move |user| Call::Replace { key: key.into(), session: session.clone(), ttl, version, user };
        self.reply_indexed(key, user, call, written)
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        let Remove { key, version, marker, user, .. } = remove;
        let call = Call::Remove { key: key.into(), version: version.cloned(), marker, user: user.map(Into::into) };
        self.reply(call, |reply| match reply {
            Reply::Removed(outcome) => Some(outcome),
            _ => None,
        })
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        let Touch { key, ttl, user, .. } = touch;
        self.reply_indexed(
            key,
            user,
            move |user| Call::Touch { key: key.into(), ttl, user },
            |reply| match reply {
                Reply::Touched(touched) => Some(touched),
                _ => None,
            },
        )
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        let Rotate { old, new, session, ttl, version, user, old_user, .. } = rotate;
        let (session, version, old_user) = (session.clone(), version.clone(), old_user.map(Into::into));
        let call = move |user| Call::Rotate { old: old.into(), new: new.into(), session, ttl, version, user, old_user };
        self.reply_indexed(new, user, call, written)
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.reply(Call::Marker { key: key.into() }, |reply| match reply {
            Reply::Marked(marker) => Some(marker),
            _ => None,
        })
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        (self.index != Index::None).then_some(self)
    }
}

impl UserIndex for Gate {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        self.reply(Call::Sessions { user: user.into() }, |reply| match reply {
            Reply::Listed(listed) => Some(listed),
            _ => None,
        })
    }

    fn count<'a>(&'a self, _key_prefix: &'a str) -> StoreFuture<'a, u64> {
        panic!("no request counts sessions")
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
