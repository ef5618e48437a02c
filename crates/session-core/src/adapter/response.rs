//! A future that commits a request's session before it returns the response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::adapter::commit::Commit;
use crate::error::SessionError;
use crate::handle::{CommitState, SessionHandle};

/// The operations on a framework's responses that [`ResponseFuture`] needs.
///
/// `Answer` is the output of the inner service's future.
pub trait Responder<Answer> {
    /// The response while its session is being committed. It may represent an error of the inner service.
    type Response;
    /// The response with the headers of its session.
    type Output;

    /// Converts the output of the inner service.
    fn receive(&self, answer: Answer) -> Self::Response;

    /// Takes the session error that an extractor, a handler or the inner service has passed on with the response.
    fn take_error(&self, response: &mut Self::Response, handle: &SessionHandle) -> Option<SessionError>;

    /// Returns the status to commit the session with. For an error that does not become a response, this is 500.
    fn status(&self, response: &Self::Response) -> u16;

    /// Replaces the response by the application's response for an error.
    ///
    /// The new response must take over the headers that [`kept_headers`](crate::adapter::kept_headers) returns, and
    /// must not be cached: see [`forbid_caching`](crate::adapter::forbid_caching).
    fn replace(&self, response: &mut Self::Response, error: &SessionError);

    /// Adds the headers of a commit. If the commit has an error, [`replace`](Self::replace) was called before.
    fn finish(&self, response: Self::Response, commit: Commit) -> Self::Output;
}

pin_project! {
    /// Waits for the response of the inner service, commits its session, and adds the commit's headers.
    ///
    /// If the session has an error, the response is replaced. Allocates a future only if the commit has to wait for the
    /// store.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, R>
    where
        F: Future,
        R: Responder<F::Output>,
    {
        #[pin]
        state: State<F, R::Response>,
        handle: SessionHandle,
        responder: R,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, Response> {
        Handling { #[pin] answer: F },
        Committing { commit: Pin<Box<dyn Future<Output = Commit> + Send>>, response: Option<Response> },
    }
}

impl<F: Future, R: Responder<F::Output>> ResponseFuture<F, R> {
    /// Makes a future that awaits `answer`, and commits the session of `handle` with the resulting response.
    pub fn new(answer: F, handle: SessionHandle, responder: R) -> Self {
        Self { state: State::Handling { answer }, handle, responder }
    }
}

impl<F: Future, R: Responder<F::Output>> Future for ResponseFuture<F, R> {
    type Output = R::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R::Output> {
        let mut this = self.project();
        let mut response;
        let commit = loop {
            match this.state.as_mut().project() {
                StateProjection::Handling { answer } => {
                    response = this.responder.receive(ready!(answer.poll(context)));
                    if let Some(error) = this.responder.take_error(&mut response, this.handle) {
                        this.handle.report_error(&error);
                        this.responder.replace(&mut response, &error);
                    }
                    match this.handle.try_commit(this.responder.status(&response)) {
                        CommitState::Ready(commit) => break commit,
                        CommitState::Pending(pending) => {
                            this.state.set(State::Committing { commit: pending.finish(), response: Some(response) });
                        }
                    }
                }
                StateProjection::Committing { commit, response: waiting } => {
                    let commit = ready!(commit.as_mut().poll(context));
                    response = waiting.take().expect("a future is not polled after it is ready");
                    break commit;
                }
            }
        };
        if let Some(error) = &commit.error {
            this.responder.replace(&mut response, error);
        }
        Poll::Ready(this.responder.finish(response, commit))
    }
}

impl<F: Future, R: Responder<F::Output>> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("handle", &self.handle).finish_non_exhaustive()
    }
}
