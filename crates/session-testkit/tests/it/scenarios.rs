//! The scenario table accepts an adapter without a framework, and catches mutants of it.

use session_core::adapter::{Commit, PlainResponse, kept_headers};
use session_core::{SessionConfig, SessionError, SessionManager};
use session_testkit::scenarios::{self, App, Driver, Request, Response};

/// A defect of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Requests lose their cookie.
    NoCookieRead,
    /// Responses don't set it.
    NoCookieSet,
    /// Responses set it twice.
    CookieSetTwice,
    NoVary,
    /// `Vary` replaces the handler's own.
    VaryReplaced,
    NoCacheControl,
    /// `Cache-Control` is added to the handler's own.
    CacheControlAppended,
    /// The status is not passed on to the commit.
    StatusIgnored,
    /// A refusal is not committed at all.
    RefusalNotCommitted,
    /// A session that can't be kept is not reported.
    ErrorDropped,
    /// The session is loaded for every request.
    LoadsAlways,
    NoRetryAfter,
    /// A response that is replaced loses its headers.
    HeadersLost,
}

const BUGS: &[Bug] = &[
    Bug::NoCookieRead,
    Bug::NoCookieSet,
    Bug::CookieSetTwice,
    Bug::NoVary,
    Bug::VaryReplaced,
    Bug::NoCacheControl,
    Bug::CacheControlAppended,
    Bug::StatusIgnored,
    Bug::RefusalNotCommitted,
    Bug::ErrorDropped,
    Bug::LoadsAlways,
    Bug::NoRetryAfter,
    Bug::HeadersLost,
];

struct NoFramework(Bug);

impl Driver for NoFramework {
    async fn start(&self, config: SessionConfig) -> impl App {
        NoFrameworkApp { manager: SessionManager::new(config), bug: self.0 }
    }
}

struct NoFrameworkApp {
    manager: SessionManager,
    bug: Bug,
}

impl App for NoFrameworkApp {
    async fn send(&self, request: Request) -> Response {
        let cookie = request.cookie.as_deref().filter(|_| self.bug != Bug::NoCookieRead);
        let handle = self.manager.open(cookie.map(str::as_bytes));
        if self.bug == Bug::LoadsAlways {
            let _ = handle.load().await;
        }
        let (mut response, refused) = match scenarios::answer(&handle, &request.path).await {
            Ok(answer) => (Response::new(answer.status, answer.headers, answer.body), answer.refused),
            Err(error) => (self.error_response(&error), false),
        };
        if refused && self.bug == Bug::RefusalNotCommitted {
            return response;
        }
        let status = if self.bug == Bug::StatusIgnored { 200 } else { response.status };
        let commit = handle.commit(status).await;
        if let Some(error) = commit.error.as_ref().filter(|_| self.bug != Bug::ErrorDropped) {
            let replaced = std::mem::replace(&mut response, self.error_response(error)).headers;
            let own: Vec<_> = response.headers.iter().map(|(name, _)| name.clone()).collect();
            let kept = kept_headers(replaced, own);
            response.headers.extend(kept.into_iter().filter(|_| self.bug != Bug::HeadersLost));
        }
        self.add_headers(&mut response, commit);
        response
    }
}

impl NoFrameworkApp {
    fn error_response(&self, error: &SessionError) -> Response {
        let PlainResponse { status, mut headers, body, .. } = PlainResponse::new(error);
        headers.retain(|(name, _)| *name != "retry-after" || self.bug != Bug::NoRetryAfter);
        Response::new(status, headers, body)
    }

    fn add_headers(&self, response: &mut Response, commit: Commit) {
        let cache_control = commit.cache_control(response.values("cache-control").map(str::as_bytes));
        if let Some(value) = cache_control.filter(|_| self.bug != Bug::NoCacheControl) {
            response.headers.retain(|(name, _)| name != "cache-control" || self.bug == Bug::CacheControlAppended);
            response.headers.push(("cache-control".to_owned(), value.to_owned()));
        }
        let vary = commit.vary(response.values("vary").map(str::as_bytes));
        if let Some(value) = vary.filter(|_| self.bug != Bug::NoVary) {
            response.headers.retain(|(name, _)| name != "vary" || self.bug != Bug::VaryReplaced);
            response.headers.push(("vary".to_owned(), value.to_owned()));
        }
        let times = match self.bug {
            Bug::NoCookieSet => 0,
            Bug::CookieSetTwice => 2,
            _ => 1,
        };
        let set_cookie = commit.set_cookie.map(|value| ("set-cookie".to_owned(), value.as_str().to_owned()));
        response.headers.extend(set_cookie.into_iter().cycle().take(times));
    }
}

#[tokio::test]
async fn an_adapter_without_bugs_passes() {
    scenarios::check(&NoFramework(Bug::None)).await.assert_passed();
}

#[tokio::test]
async fn every_bug_is_caught() {
    for &bug in BUGS {
        let report = scenarios::check(&NoFramework(bug)).await;
        assert!(report.failures().next().is_some(), "{bug:?} is not caught");
    }
}
