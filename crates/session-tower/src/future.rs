//! The response, which waits for the commit of its session.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;
use session_core::{Commit, SessionError, SessionHandle, SessionManager};

use crate::OnError;

pin_project! {
    /// The response of the inner service, with what its session has to add.
    ///
    /// Boxes a future only if the store has to be asked.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B, Error, E> {
        #[pin]
        state: State<F, B, Error>,
        manager: SessionManager,
        handle: SessionHandle,
        nested: bool,
        on_error: E,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B, Error> {
        Handling { #[pin] response: F },
        Committing { commit: Pin<Box<dyn Future<Output = Commit> + Send>>, outcome: Option<Result<Response<B>, Error>> },
    }
}

impl<F, B, Error, E> ResponseFuture<F, B, Error, E> {
    /// `nested` tells whether there is another layer further out.
    pub(crate) fn new(response: F, manager: SessionManager, handle: SessionHandle, nested: bool, on_error: E) -> Self {
        Self { state: State::Handling { response }, manager, handle, nested, on_error }
    }
}

impl<F, B, Error, E> Future for ResponseFuture<F, B, Error, E>
where
    F: Future<Output = Result<Response<B>, Error>>,
    E: OnError<B>,
{
    type Output = Result<Response<B>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Handling { response } => {
                    let outcome = ready!(response.poll(context)).map(|response| report(response, this.on_error));
                    // A service that fails without a response commits as one that responds with 500.
                    let status = outcome.as_ref().map_or(500, |response| response.status().as_u16());
                    if let Some(commit) = this.manager.commit_now(this.handle, status) {
                        return Poll::Ready(
                            outcome.map(|response| finish(response, commit, *this.nested, this.on_error)),
                        );
                    }
                    let (manager, handle) = (this.manager.clone(), this.handle.clone());
                    let commit = Box::pin(async move { manager.commit(&handle, status).await });
                    this.state.set(State::Committing { commit, outcome: Some(outcome) });
                }
                StateProjection::Committing { commit, outcome } => {
                    let commit = ready!(commit.as_mut().poll(context));
                    let outcome = outcome.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(outcome.map(|response| finish(response, commit, *this.nested, this.on_error)));
                }
            }
        }
    }
}

/// Puts the application's error response in place of one that an extractor or a handler has made of a session's error.
fn report<B>(mut response: Response<B>, on_error: &impl OnError<B>) -> Response<B> {
    match response.extensions_mut().remove::<SessionError>() {
        Some(error) => on_error.error_response(&error),
        None => response,
    }
}

/// What the layers further in have committed, for those further out: whatever becomes of the response, clients must
/// learn of the sessions that are stored.
#[derive(Clone, Default)]
struct InnerCommits(Vec<Commit>);

fn finish<B>(mut response: Response<B>, commit: Commit, nested: bool, on_error: &impl OnError<B>) -> Response<B> {
    if let Some(error) = &commit.error {
        let inner = response.extensions_mut().remove::<InnerCommits>();
        response = on_error.error_response(error);
        if let Some(inner) = inner {
            inner.0.iter().for_each(|commit| add_headers(response.headers_mut(), commit));
            response.extensions_mut().insert(inner);
        }
    }
    add_headers(response.headers_mut(), &commit);
    if nested && commit.session_used {
        response.extensions_mut().get_or_insert_default::<InnerCommits>().0.push(commit);
    }
    response
}

fn add_headers(headers: &mut HeaderMap, commit: &Commit) {
    if let Some(value) = commit.cache_control(values(headers, CACHE_CONTROL)) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
    }
    if let Some(value) = commit.vary(values(headers, VARY)) {
        headers.append(VARY, HeaderValue::from_static(value));
    }
    // A checked configuration makes visible ASCII only.
    if let Some(Ok(value)) = commit.set_cookie.as_deref().map(HeaderValue::try_from) {
        headers.append(SET_COOKIE, value);
    }
}

fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}

impl<F, B, Error, E> std::fmt::Debug for ResponseFuture<F, B, Error, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("handle", &self.handle).finish_non_exhaustive()
    }
}
