//! The response, which waits for the commit of its session.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use pin_project_lite::pin_project;
use session_core::SessionHandle;
use session_core::adapter::{Commit, CommitState};

use crate::OnError;
use crate::response::Outcome;

pin_project! {
    /// The response of the inner service, with what its session has to add.
    ///
    /// Boxes a future only if the store has to be asked.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B, E> {
        #[pin]
        state: State<F, B>,
        handle: SessionHandle,
        on_error: Rc<E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B> {
        Handling { #[pin] response: F },
        Committing { commit: Pin<Box<dyn Future<Output = Commit> + Send>>, outcome: Option<Outcome<B>> },
    }
}

impl<F, B, E> ResponseFuture<F, B, E> {
    pub(crate) fn new(response: F, handle: SessionHandle, on_error: Rc<E>) -> Self {
        Self { state: State::Handling { response }, handle, on_error }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
    E: OnError + 'static,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Handling { response } => {
                    let outcome = Outcome::of(ready!(response.poll(context)), this.handle, &**this.on_error);
                    let status = outcome.status();
                    let pending = match this.handle.try_commit(status) {
                        CommitState::Ready(commit) => {
                            return Poll::Ready(outcome.finish(commit, this.on_error));
                        }
                        CommitState::Pending(pending) => pending,
                    };
                    this.state.set(State::Committing { commit: pending.finish(), outcome: Some(outcome) });
                }
                StateProjection::Committing { commit, outcome } => {
                    let commit = ready!(commit.as_mut().poll(context));
                    let outcome = outcome.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(outcome.finish(commit, this.on_error));
                }
            }
        }
    }
}

impl<F, B, E> std::fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("handle", &self.handle).finish_non_exhaustive()
    }
}
