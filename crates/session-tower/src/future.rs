//! The response, which waits for the commit of its session.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, CDN_CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;
use session_core::adapter::{
    Commit, CommitState, HeaderValues, ReplacedHeader, ResponseHeader, ResponseHeaders, SetCookie, forbid_caching,
};
use session_core::{SessionError, SessionHandle};

use crate::OnError;
use crate::cause::cause;

pin_project! {
    /// The response of the inner service, with what its session has to add.
    ///
    /// Boxes a future only if the store has to be asked.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B, Error, E> {
        #[pin]
        state: State<F, B, Error>,
        handle: SessionHandle,
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
    pub(crate) fn new(response: F, handle: SessionHandle, on_error: E) -> Self {
        Self { state: State::Handling { response }, handle, on_error }
    }
}

impl<F, B, Error, E> Future for ResponseFuture<F, B, Error, E>
where
    F: Future<Output = Result<Response<B>, Error>>,
    Error: 'static,
    E: OnError<B>,
{
    type Output = Result<Response<B>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Handling { response } => {
                    let mut outcome = report(ready!(response.poll(context)), this.handle, this.on_error);
                    // A service that fails without a response commits as one that responds with 500.
                    let status = outcome.as_ref().map_or(500, |response| response.status().as_u16());
                    let pending = match this.handle.try_commit(status) {
                        CommitState::Ready(commit) => {
                            finish(&mut outcome, commit, this.on_error);
                            return Poll::Ready(outcome);
                        }
                        CommitState::Pending(pending) => pending,
                    };
                    this.state.set(State::Committing { commit: pending.finish(), outcome: Some(outcome) });
                }
                StateProjection::Committing { commit, outcome } => {
                    let commit = ready!(commit.as_mut().poll(context));
                    let mut outcome = outcome.take().expect("a future is not polled after it is ready");
                    finish(&mut outcome, commit, this.on_error);
                    return Poll::Ready(outcome);
                }
            }
        }
    }
}

/// Answers for an error of the session, whether the inner service has returned it or has made a response of it.
fn report<B, Error: 'static>(
    mut outcome: Result<Response<B>, Error>,
    handle: &SessionHandle,
    on_error: &impl OnError<B>,
) -> Result<Response<B>, Error> {
    match &mut outcome {
        Ok(response) => {
            if let Some(error) = response.extensions_mut().remove::<SessionError>() {
                handle.report_error(&error);
                replace(response, on_error.error_response(&error));
            }
        }
        Err(error) => {
            if let Some(error) = cause(error).or_else(|| handle.load_error()) {
                handle.report_error(&error);
                return Ok(on_error.error_response(&error));
            }
        }
    }
    outcome
}

fn finish<B, Error>(outcome: &mut Result<Response<B>, Error>, commit: Commit, on_error: &impl OnError<B>) {
    let Ok(response) = outcome else { return };
    if let Some(error) = &commit.error {
        replace(response, on_error.error_response(error));
    }
    commit.apply(&mut Headers(response.headers_mut()));
}

/// Puts a response in place of another one, whose headers it keeps unless they describe that one.
#[cold]
fn replace<B>(response: &mut Response<B>, replacement: Response<B>) {
    let replaced = std::mem::replace(response, replacement);
    let headers = response.headers_mut();
    let own: Vec<HeaderName> = headers.keys().cloned().collect();
    for (name, value) in replaced.headers() {
        match ReplacedHeader::of(name.as_str()) {
            ReplacedHeader::Dropped => continue,
            ReplacedHeader::KeptIfAbsent if own.contains(name) => continue,
            _ => drop(headers.append(name, value.clone())),
        }
    }
    forbid_caching(&mut Headers(headers));
}

/// The headers of a response, as the core adds to them.
struct Headers<'a>(&'a mut HeaderMap);

impl ResponseHeaders for Headers<'_> {
    fn set(&mut self, header: ResponseHeader, choose: impl FnOnce(HeaderValues<'_, '_>) -> Option<&'static str>) {
        let name = name(header);
        if let Some(value) = choose(&mut self.0.get_all(&name).iter().map(HeaderValue::as_bytes)) {
            self.0.insert(name, HeaderValue::from_static(value));
        }
    }

    fn append(&mut self, header: ResponseHeader, choose: impl FnOnce(HeaderValues<'_, '_>) -> Option<&'static str>) {
        match self.0.entry(name(header)) {
            Entry::Vacant(vacant) => {
                if let Some(value) = choose(&mut std::iter::empty()) {
                    vacant.insert(HeaderValue::from_static(value));
                }
            }
            Entry::Occupied(mut occupied) => {
                if let Some(value) = choose(&mut occupied.iter().map(HeaderValue::as_bytes)) {
                    occupied.append(HeaderValue::from_static(value));
                }
            }
        }
    }

    fn append_cookie(&mut self, cookie: SetCookie) {
        // A checked configuration makes visible ASCII only.
        if let Ok(value) = HeaderValue::try_from(cookie.into_bytes()) {
            self.0.append(SET_COOKIE, value);
        }
    }
}

fn name(header: ResponseHeader) -> HeaderName {
    match header {
        ResponseHeader::CacheControl => CACHE_CONTROL,
        ResponseHeader::CdnCacheControl => CDN_CACHE_CONTROL,
        ResponseHeader::Vary => VARY,
    }
}

impl<F, B, Error, E> std::fmt::Debug for ResponseFuture<F, B, Error, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("handle", &self.handle).finish_non_exhaustive()
    }
}
